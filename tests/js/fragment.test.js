// What becomes of the markup needs a page: tests/functional.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchFragment, SignedOut } from "../../static/js/fragment.js";
import { serve } from "./server.js";

const routes = {
  "/part": (_request, response) => response.end("<p>part</p>"),
  "/sign-in": (_request, response) => response.end("<form>"),
  "/closed": (_request, response) => response.writeHead(302, { Location: "/sign-in" }).end(),
  "/broken": (_request, response) => response.writeHead(500).end(),
  "/slow": () => {},
};

test("a fragment is asked for as one", async (t) => {
  const { origin, asked } = await serve(t, routes);
  assert.equal(await fetchFragment(`${origin}/part`), "<p>part</p>");
  assert.equal(asked[0].headers["x-fragment"], "1");
});

test("the sign-in page is not taken for a fragment", async (t) => {
  const { origin } = await serve(t, routes);
  await assert.rejects(fetchFragment(`${origin}/closed`), SignedOut);
});

test("an error of the server is one", async (t) => {
  const { origin } = await serve(t, routes);
  await assert.rejects(fetchFragment(`${origin}/broken`), { message: "500" });
});

test("a question that is out of date can be taken back", async (t) => {
  const { origin } = await serve(t, routes);
  const old = new AbortController();
  const waiting = fetchFragment(`${origin}/slow`, { signal: old.signal });
  old.abort();
  await assert.rejects(waiting, { name: "AbortError" });
});
