import assert from "node:assert/strict";
import { test } from "node:test";
import { byPosition, middles, partner } from "../../../static/js/viewer/alignment.js";

/** Slices from head to foot, `spacing` millimetres apart. */
const series = (count, { from = 0, spacing = 1 } = {}) =>
  Array.from({ length: count }, (_, place) => ({ position: from - spacing * place }));
const unplaced = (count) => Array.from({ length: count }, () => ({ position: null }));

test("the zero of a scanner's axis says nothing: middles belong together", () => {
  const [now, before] = [series(301, { from: 700, spacing: 1 }), series(61, { from: -40, spacing: 5 })];
  assert.ok(byPosition(now, before));
  const pair = middles(now, before);
  assert.deepEqual(pair, { from: 150, to: 30 });
  assert.equal(partner(now, before, 150, pair), 30);
  assert.equal(partner(now, before, 160, pair), 32); // 10 mm further down
  assert.equal(partner(now, before, 142, pair), 28); // 8 mm up: 10 is nearer than 5
});

test("a middle may lie between two slices", () => {
  const [one, other] = [series(4), series(5)];
  const pair = middles(one, other);
  assert.deepEqual(pair, { from: 1.5, to: 2 });
  assert.equal(partner(other, one, 4, { from: pair.to, to: pair.from }), 3);
});

test("where one series ends before the other its last slice stays", () => {
  const [long, short] = [series(101), series(11)];
  const pair = middles(long, short);
  assert.deepEqual(
    [0, 44, 45, 55, 100].map((place) => partner(long, short, place, pair)),
    [0, 0, 0, 10, 10],
  );
});

test("from the slices that a person put side by side", () => {
  const [now, before] = [series(300, { spacing: 1.25 }), series(120, { spacing: 2.5 })];
  const pair = { from: 200, to: 40 };
  assert.equal(partner(now, before, 210, pair), 45);
  assert.equal(partner(before, now, 45, { from: 40, to: 200 }), 210);
});

test("without positions in one of them it goes by the share of the way through", () => {
  const [now, before] = [series(300), unplaced(120)];
  assert.ok(!byPosition(now, before));
  const pair = middles(now, before);
  assert.deepEqual(
    [0, 150, 299].map((place) => partner(now, before, place, pair)),
    [0, 60, 119],
  );
  assert.equal(partner(before, now, 119, { from: pair.to, to: pair.from }), 299);
  const half = [...series(2), ...unplaced(1)];
  assert.ok(!byPosition(half, series(3)));
});

test("by share, too, it starts where a person put them and ends at the ends", () => {
  const [one, other] = [unplaced(11), unplaced(21)];
  const pair = { from: 5, to: 4 };
  assert.equal(partner(one, other, 6, pair), 6);
  assert.equal(partner(one, other, 0, pair), 0);
  assert.equal(partner(one, unplaced(1), 6, { from: 5, to: 0 }), 0);
  assert.equal(partner(unplaced(1), one, 0, { from: 0, to: 5 }), 5);
});
