// Fields in brackets: found as the server finds them, gone through in turn.
import assert from "node:assert/strict";
import { test } from "node:test";

import { blanksIn, nextBlank, withPhrase } from "../../static/js/reading/blanks.js";

test("a field is a few words in brackets that begin with a letter", () => {
  const found = (text) => blanksIn(text).map(([start, end]) => text.slice(start, end));
  assert.deepEqual(found("Nodule [side], [size] mm, [größe in mm]."), ["[side]", "[size]", "[größe in mm]"]);
  assert.deepEqual(found("As in [3]; [ ] and [] stay, [a\nb] too, ] and ["), []);
  assert.deepEqual(found(`[${"a".repeat(41)}]`), []);
});

test("the next field follows the cursor through all texts, and then from the front", () => {
  const texts = ["[one] and [two]", "none", "[three]"];
  const at = (from) => nextBlank(texts, from);
  assert.deepEqual(at({ text: 0, at: 0 }), { text: 0, start: 0, end: 5 });
  assert.deepEqual(at({ text: 0, at: 5 }), { text: 0, start: 10, end: 15 });
  assert.deepEqual(at({ text: 0, at: 15 }), { text: 2, start: 0, end: 7 });
  assert.deepEqual(at({ text: 2, at: 7 }), { text: 0, start: 0, end: 5 });
  assert.equal(nextBlank(["nothing"], { text: 0, at: 0 }), undefined);
});

test("a phrase begins a new line where there are words already", () => {
  assert.equal(withPhrase("", "Clear."), "Clear.");
  assert.equal(withPhrase("Heart normal.", "Clear."), "Heart normal.\nClear.");
  assert.equal(withPhrase("Heart normal. ", "Clear."), "Heart normal. Clear.");
});
