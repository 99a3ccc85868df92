import assert from "node:assert/strict";
import { test } from "node:test";
import { unpack } from "../../../static/js/viewer/greyscale.js";
import { image, pack } from "./images.js";

const values = (picture) =>
  Array.from({ length: picture.height }, (_, y) =>
    Array.from({ length: picture.width }, (_, x) => picture.valueAt(x, y)),
  );

for (const [name, rows] of [
  [
    "small differences",
    [
      [5, 6, 4],
      [7, 7, 7],
    ],
  ],
  [
    "negative values",
    [
      [-1024, 3071],
      [-1, 0],
    ],
  ],
  [
    "the largest difference of 16 bits",
    [
      [0, 65535, 0],
      [65535, 0, 65535],
    ],
  ],
  ["one pixel", [[42]]],
]) {
  test(`every value arrives: ${name}`, () => assert.deepEqual(values(image(rows)), rows));
}

test("every value of a byte image arrives", () => {
  const rows = [
    [0, 255, 1],
    [254, 128, 127],
  ];
  assert.deepEqual(values(image(rows, { bytes: 1 })), rows);
});

test("a value is what slope and intercept make of it, in 32-bit floats as DICOM says", () => {
  const picture = image([[0, 10]], { slope: 0.1, intercept: -5 });
  assert.equal(picture.valueAt(1, 0), Math.fround(Math.fround(10 * Math.fround(0.1)) - 5));
});

test("there is no value beside the image", () => {
  const picture = image([[1, 2]]);
  assert.deepEqual([picture.valueAt(-1, 0), picture.valueAt(2, 0), picture.valueAt(0, 1)], [null, null, null]);
});

test("damaged bytes are refused with a sentence for the one who looks", () => {
  const whole = pack([[1, 2, 3]]);
  assert.throws(() => unpack(whole.slice(0, -1)), { message: "The image arrived incomplete. Reload the page." });
  assert.throws(() => unpack(new ArrayBuffer(4)), { message: "The image arrived damaged. Reload the page." });
  assert.throws(() => unpack(new TextEncoder().encode("<!DOCTYPE html>").buffer), /damaged/);
});

test("each level has half the size and the mean of the pixels it covers", () => {
  const rows = Array.from({ length: 128 }, (_, y) => Array.from({ length: 128 }, (_, x) => 4 * (x + y)));
  const { steps, width, height } = image(rows).level(1);
  assert.deepEqual([width, height], [64, 64]);
  assert.equal(steps[0], (0 + 4 + 4 + 8) / 4);
});

test("a small image has no smaller level than itself", () => {
  assert.equal(image([[1, 2]]).level(3).width, 2);
});
