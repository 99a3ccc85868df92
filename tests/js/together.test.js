import assert from "node:assert/strict";
import { test } from "node:test";
import { areLikelyViews, madeUpKey } from "../../static/js/upload_together.js";

test("a few X-rays are likely views of one examination", () => {
  assert.equal(areLikelyViews(["cxr", "cxr"]), true);
  assert.equal(areLikelyViews(["", "cxr", "", ""]), true);
  assert.equal(areLikelyViews(["cxr", "cxr", "cxr", "cxr", "cxr"]), false);
  assert.equal(areLikelyViews(["cxr", "ct"]), false);
});

test("a key is a UUID of version 4 and never the same twice", () => {
  const keys = Array.from({ length: 100 }, madeUpKey);
  for (const key of keys) assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Set(keys).size, keys.length);
});
