import assert from "node:assert/strict";
import { test } from "node:test";
import { dragged, firstWindow, presetsOf, table } from "../../../static/js/viewer/window.js";
import { ct, xray } from "./images.js";

test("a CT has the windows of the chest, in Hounsfield units", () => {
  const presets = presetsOf(ct([-1000, 0, 40, 400]));
  assert.deepEqual(
    presets.map(({ name, centre, width }) => [name, centre, width]),
    [
      ["Lung", -600, 1500],
      ["Mediastinum", 40, 400],
      ["Bone", 400, 1800],
    ],
  );
});

test("an X-ray begins with the window that its file asks for, and ends with its whole range", () => {
  const image = xray([0, 1000, 2000, 4000], { centre: 2000, width: 3000 });
  assert.deepEqual(firstWindow(image), { name: "Default", centre: 2000, width: 3000 });
  assert.deepEqual(presetsOf(image).at(-1), { name: "Auto", title: "Auto window", centre: 2000, width: 4000 });
});

test("a preset never takes its title into a window", () => {
  assert.deepEqual(Object.keys(firstWindow(ct([0, 1, 2, 3]))).sort(), ["centre", "name", "width"]);
});

test("dragging right widens, dragging down darkens, and the name of the preset is lost", () => {
  const image = ct([-1000, 0, 40, 400]);
  const before = firstWindow(image);
  const wider = dragged(before, 0.1, 0, image);
  const darker = dragged(before, 0, 0.1, image);
  assert.ok(wider.width > before.width && wider.centre === before.centre);
  assert.ok(darker.centre > before.centre && Math.abs(darker.width - before.width) < 1e-9);
  assert.equal(wider.name, undefined);
});

test("a window is never narrower than one step nor wider than eight times the range", () => {
  const image = ct([-1000, 0, 40, 400]);
  assert.equal(dragged({ centre: 0, width: 1 }, -20, 0, image).width, 1);
  assert.equal(dragged({ centre: 0, width: 1 }, 20, 0, image).width, 8 * 1400);
});

const greys = (pixels) => [...pixels].map((pixel) => pixel & 0xff);

test("black ends where the window begins, white where it ends; the rest is a straight line", () => {
  const image = ct([-100, 0, 100, 200]);
  const look = table(image, { centre: 50, width: 100 }, false);
  assert.deepEqual(greys([look[0], look[100], look[150], look[200], look[300]]), [0, 0, 128, 255, 255]);
  assert.ok([...look].every((pixel) => pixel >>> 24 === 0xff && (pixel & 0xff) === ((pixel >>> 8) & 0xff)));
});

test("inverted is the same picture in negative", () => {
  const image = ct([-100, 0, 100, 200]);
  const plain = greys(table(image, { centre: 50, width: 100 }, false));
  const inverted = greys(table(image, { centre: 50, width: 100 }, true));
  assert.deepEqual(
    inverted,
    plain.map((grey) => 255 - grey),
  );
});

test("a curve of the file bends the line, and is held at both ends", () => {
  const image = xray([0, 50, 75, 100], { centre: 50, width: 100, span: 1, curve: [0, 0, 65535] });
  assert.deepEqual(
    greys(table(image, { centre: 50, width: 100 }, false)).filter((_, step) => [0, 50, 75, 100].includes(step)),
    [0, 0, 128, 255],
  );
});
