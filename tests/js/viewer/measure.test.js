import assert from "node:assert/strict";
import { test } from "node:test";
import { length, lengthText, Measurements, scaleText } from "../../../static/js/viewer/measure.js";

const even = { spacing: { row: 0.5, column: 0.5, at_detector: false } };
const uneven = { spacing: { row: 1, column: 0.25, at_detector: false } };
const detector = { spacing: { row: 0.2, column: 0.2, at_detector: true } };
const at = (x, y) => ({ x, y });

test("a length is in millimetres where the file says how far apart pixels lie", () => {
  assert.deepEqual(length(even, at(0, 0), at(60, 80)), { value: 50, unit: "mm", atDetector: false });
  assert.equal(length(uneven, at(0, 0), at(40, 0)).value, 10);
  assert.equal(length(uneven, at(0, 0), at(0, 10)).value, 10);
});

test("without that it is in pixels", () => {
  assert.deepEqual(length({}, at(0, 0), at(3, 4)), { value: 5, unit: "px", atDetector: false });
});

test("its words say the unit, and that a length at the detector is not one in the patient", () => {
  assert.equal(lengthText(even, at(0, 0), at(60, 80)), "50.0 mm");
  assert.equal(lengthText(detector, at(0, 0), at(0, 100)), "20.0 mm at the detector");
  assert.equal(lengthText({}, at(0, 0), at(3, 4)), "5 px");
});

test("the status line says what lengths mean", () => {
  assert.equal(scaleText({}), "Lengths in pixels: the file does not say their size");
  assert.equal(scaleText(even), "Lengths in mm: pixel 0.500 mm");
  assert.equal(scaleText(uneven), "Lengths in mm: pixel 0.250 × 1.000 mm");
  assert.match(scaleText(detector), /not in the patient/);
});

const onScreen = (point) => point;

test("a line is begun, drawn and kept", () => {
  const marks = new Measurements();
  marks.begin(at(0, 0), onScreen);
  marks.move(at(30, 40));
  assert.equal(marks.end(), true);
  assert.deepEqual(marks.lines, [{ a: at(0, 0), b: at(30, 40) }]);
});

test("near an end the line is taken hold of instead of a new one begun", () => {
  const marks = new Measurements();
  marks.begin(at(0, 0), onScreen);
  marks.move(at(100, 0));
  marks.end();
  marks.begin(at(95, 5), onScreen);
  marks.move(at(200, 0));
  marks.end();
  assert.deepEqual(marks.lines, [{ a: at(0, 0), b: at(200, 0) }]);
});

test("a click is no line, and a cancelled one is gone; one that was there before stays", () => {
  const marks = new Measurements();
  marks.begin(at(0, 0), onScreen);
  assert.equal(marks.end(), false);
  marks.begin(at(0, 0), onScreen);
  marks.move(at(50, 0));
  marks.cancel();
  assert.deepEqual(marks.lines, []);
  marks.begin(at(0, 0), onScreen);
  marks.move(at(50, 0));
  marks.end();
  marks.begin(at(50, 0), onScreen);
  marks.cancel();
  assert.equal(marks.lines.length, 1);
});

test("the last line goes first", () => {
  const marks = new Measurements();
  for (const y of [0, 100]) {
    marks.begin(at(0, y), onScreen);
    marks.move(at(50, y));
    marks.end();
  }
  assert.equal(marks.removeLast(), true);
  assert.equal(marks.lines[0].a.y, 0);
  marks.removeLast();
  assert.equal(marks.removeLast(), false);
});
