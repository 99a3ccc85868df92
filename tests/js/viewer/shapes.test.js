import assert from "node:assert/strict";
import { test } from "node:test";
import { Measurements } from "../../../static/js/viewer/measure.js";
import { degrees, region, shapeText } from "../../../static/js/viewer/shapes.js";
import { image } from "./images.js";

const at = (x, y) => ({ x, y });
const spacing = { row: 0.5, column: 2, at_detector: false };
/** 20 × 10, each pixel ten times its column. */
const ramp = (header) =>
  image(
    Array.from({ length: 10 }, () => Array.from({ length: 20 }, (_, column) => 10 * column)),
    header,
  );

test("an angle lies at its second point and takes the shape of the pixels", () => {
  assert.equal(degrees({}, [at(9, 0), at(0, 0), at(0, 9)]), 90);
  assert.equal(degrees({}, [at(9, 0), at(0, 0), at(-9, 0)]), 180);
  assert.ok(Math.abs(degrees({ spacing: { row: 2, column: 1 } }, [at(1, 0), at(0, 0), at(1, 1)]) - 63.435) < 1e-3);
});

test("a region has mean and spread over the pixels within, as the server works them out", () => {
  const found = region(ramp({ slope: 2, intercept: -1000, unit: "HU" }), "rectangle", [at(6, 2), at(2, 4)]);
  assert.equal(found.count, 8);
  assert.equal(found.mean, 2 * 35 - 1000);
  assert.ok(Math.abs(found.spread - 2 * Math.sqrt(125)) < 1e-9);
  assert.equal(region(ramp(), "ellipse", [at(50, 50), at(60, 60)]).count, 0);
});

test("an ellipse leaves its corners out", () => {
  const { count } = region(ramp(), "ellipse", [at(0, 0), at(10, 10)]);
  assert.ok(count > 70 && count < 90, String(count));
});

test("its words say no millimetre where the file does not say how far apart pixels lie", () => {
  const shape = { kind: "rectangle", points: [at(2, 2), at(6, 4)] };
  assert.equal(shapeText(ramp({ unit: "HU", spacing }), shape), "mean 35, SD 11 HU · 8 mm²");
  assert.equal(shapeText(ramp(), shape), "mean 35.0, SD 11.2 · 8 px");
  assert.match(shapeText(ramp({ spacing: { ...spacing, at_detector: true } }), shape), /at the detector$/);
  assert.equal(shapeText(ramp(), { kind: "rectangle", points: [at(40, 40), at(60, 60)] }), "no pixel within");
});

const onScreen = (point) => point;

test("an angle is one arm, then the other", () => {
  const marks = new Measurements();
  marks.begin(at(0, 0), onScreen, "angle");
  marks.move(at(50, 0));
  assert.equal(marks.end(), true);
  marks.move(at(50, 30)); // follows the pointer
  marks.begin(at(50, 40), onScreen, "angle");
  assert.equal(marks.end(), true);
  assert.equal(marks.draft, null);
  assert.deepEqual(marks.shapes, [{ kind: "angle", points: [at(0, 0), at(50, 0), at(50, 40)] }]);
});

test("half an angle is no measurement", () => {
  const marks = new Measurements();
  marks.begin(at(0, 0), onScreen, "angle");
  marks.move(at(50, 0));
  marks.end();
  marks.cancel();
  assert.deepEqual(marks.shapes, []);
});
