// How an image is placed needs a browser's matrices: tests/functional/test_viewer.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { View, within } from "../../../static/js/viewer/view.js";

test("four quarters are none, in either direction", () => {
  const view = new View();
  view.turn(-1);
  assert.equal(view.turns, 3);
  view.turn(1);
  assert.equal(view.turns, 0);
});

test("fitting keeps turns, resetting does not", () => {
  const view = Object.assign(new View(), { scale: 3, x: 0.1, turns: 1, mirrored: true });
  view.fit();
  assert.deepEqual({ ...view }, { scale: 1, x: 0.5, y: 0.5, turns: 1, mirrored: true });
  view.reset();
  assert.deepEqual({ ...view }, { ...new View() });
});

test("a copy goes its own way", () => {
  const view = new View();
  view.copy().turn(1);
  assert.equal(view.turns, 0);
});

test("within holds a value between two others", () => {
  assert.deepEqual([within(-1, 0, 1), within(0.5, 0, 1), within(2, 0, 1)], [0, 0.5, 1]);
});
