import assert from "node:assert/strict";
import { test } from "node:test";
import { store } from "../../../static/js/viewer/store.js";
import { serve } from "../server.js";
import { pack } from "./images.js";

/** Images that never come before they are let go. Who closes the connection first has given the image up. */
const slow = async (t, names) => {
  const bytes = Buffer.from(pack([[1, 2]]));
  const open = new Map();
  const givenUp = new Set();
  const route = (name) => (_request, response) => {
    open.set(name, () => response.end(bytes));
    response.on("close", () => response.writableEnded || givenUp.add(name));
  };
  const routes = Object.fromEntries(names.map((name) => [`/${name}`, route(name)]));
  const { origin, asked } = await serve(t, routes);
  const until = async (isSo) => {
    for (const end = Date.now() + 5000; !isSo(); ) {
      assert.ok(Date.now() < end, "it did not come to that");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { url: (name) => `${origin}/${name}`, open, givenUp, asked, until };
};

test("what is no longer wished for is given up, what somebody looks at is not", async (t) => {
  const { url, open, givenUp, until } = await slow(t, ["a", "b", "c", "d"]);
  const me = {};
  store.prefetch(["a", "b", "c"].map(url), me);
  await until(() => open.size === 3);
  const looked = store.get(url("b"), {});
  store.prefetch([url("d")], me);
  await until(() => givenUp.size === 2 && open.has("d"));
  assert.deepEqual([...givenUp].sort(), ["a", "c"]);
  open.get("b")();
  open.get("d")();
  assert.equal((await looked).width, 2);
  await until(() => store.has(url("d")));
  assert.ok(!store.has(url("a")));
});

test("one pane's wishes leave those of another alone", async (t) => {
  const { url, open, givenUp, until } = await slow(t, ["a", "b"]);
  store.prefetch([url("a")], {});
  store.prefetch([url("b")], {});
  await until(() => open.size === 2);
  for (const release of open.values()) release();
  await until(() => store.has(url("a")) && store.has(url("b")));
  assert.equal(givenUp.size, 0);
});

test("of many that are asked for at once come the first three and the latest, and the rest is never fetched", async (t) => {
  const { url, open, givenUp, asked, until } = await slow(t, ["a", "b", "c", "d", "e"]);
  const pane = {};
  const found = ["a", "b", "c", "d", "e"].map((name) =>
    store.get(url(name), pane).then(
      () => name,
      () => "given up",
    ),
  );
  await until(() => open.size === 3);
  open.get("b")();
  await until(() => open.has("e"));
  for (const release of open.values()) release();
  assert.deepEqual(await Promise.all(found), ["a", "b", "c", "given up", "e"]);
  assert.deepEqual([asked.length, givenUp.size], [4, 0]);
});
