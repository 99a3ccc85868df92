import assert from "node:assert/strict";
import { test } from "node:test";
import { ahead } from "../../../static/js/viewer/ahead.js";

test("before anybody has turned the wheel, the nearest on both sides", () => {
  assert.deepEqual(ahead(6, 2, 0, 400), [2, 3, 1, 4, 0, 5]);
});

test("where the wheel is going, and ten behind", () => {
  assert.deepEqual(ahead(300, 20, 1, 161).slice(0, 4), [20, 21, 22, 23]);
  assert.deepEqual(ahead(300, 20, 1, 161).slice(-10), [19, 18, 17, 16, 15, 14, 13, 12, 11, 10]);
  assert.deepEqual(ahead(300, 280, -1, 161).slice(0, 3), [280, 279, 278]);
  assert.deepEqual(ahead(600, 280, -1, 161).slice(-2), [289, 290]);
});

test("the whole series where there is room for it, so that the wheel waits for none", () => {
  assert.equal(ahead(300, 20, 1, 400).length, 300);
  assert.equal(ahead(300, 20, 0, 400).length, 300);
});

test("never more than fits into memory, and each once", () => {
  for (const [place, direction] of [
    [0, 0],
    [1000, 0],
    [1999, -1],
    [0, 1],
  ]) {
    const found = ahead(2000, place, direction, 161);
    assert.ok(found.length <= 161);
    assert.equal(new Set(found).size, found.length);
    assert.ok(found.every((one) => one >= 0 && one < 2000));
  }
});
