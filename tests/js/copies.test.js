// What a reader typed, kept in the browser until the server has it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { copies, copyOf, forgetAll, keep } from "../../static/js/reading/copies.js";

test("whoever signs out leaves nothing, not even what a late answer would keep", (t) => {
  globalThis.HTMLElement = class {};
  const signedIn = Object.assign(new HTMLElement(), { dataset: { copiesOf: "ada" } });
  globalThis.document = { querySelectorAll: () => [signedIn] };
  const methods = {
    getItem: (key) => kept[key] ?? null,
    setItem: (key, value) => (kept[key] = value),
    removeItem: (key) => delete kept[key],
  };
  const kept = Object.create(methods);
  Object.defineProperty(globalThis, "localStorage", { value: kept, configurable: true });
  t.after(() => {
    for (const name of ["HTMLElement", "document", "localStorage"]) delete globalThis[name];
  });

  const copy = { draft: "/draft/", content: { findings: "words" }, openedAt: "", turn: 1, at: Date.now() };
  keep(copy);
  assert.deepEqual(copyOf("/draft/"), copy);
  forgetAll();
  keep(copy);
  assert.deepEqual(copies(), []);
});
