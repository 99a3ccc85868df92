import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Measurements } from "../../../static/js/viewer/measure.js";
import { Ruler } from "../../../static/js/viewer/ruler.js";

let pane;
let ruler;

beforeEach(() => {
  const zoom = 2;
  pane = {
    image: { width: 100, height: 80 },
    canvas: { width: 200, height: 160 },
    ratio: 1,
    place: {
      zoom,
      toImage: (x, y) => ({ x: x / zoom, y: y / zoom }),
      toScreen: (x, y) => ({ x: x * zoom, y: y * zoom }),
    },
    cursor: null,
    measurements: new Measurements(),
    draw: () => {},
  };
  ruler = new Ruler({ active: pane });
});

test("Enter puts a cross-hair into the middle, then the ends of a line", () => {
  ruler.set();
  assert.deepEqual(pane.cursor, { x: 50, y: 40 });
  ruler.set();
  ruler.move(1, 0);
  ruler.set();
  assert.deepEqual(pane.measurements.lines, [{ a: { x: 50, y: 40 }, b: { x: 52, y: 40 } }]);
});

test("a step is four pixels of the screen, and the cross-hair stays in the image", () => {
  ruler.set();
  for (let i = 0; i < 60; i++) ruler.move(1, -1);
  assert.deepEqual(pane.cursor, { x: 100, y: 0 });
});

test("leaving drops what is half drawn", () => {
  ruler.set();
  ruler.set();
  ruler.move(1, 0);
  ruler.leave();
  assert.equal(pane.cursor, null);
  assert.deepEqual(pane.measurements.lines, []);
});

test("the last line is removed", () => {
  ruler.set();
  ruler.set();
  ruler.move(5, 0);
  ruler.set();
  ruler.removeLast();
  assert.deepEqual(pane.measurements.lines, []);
});

test("where there is no image there is nothing to measure", () => {
  pane.image = null;
  ruler.set();
  ruler.move(1, 0);
  assert.equal(pane.cursor, null);
});
