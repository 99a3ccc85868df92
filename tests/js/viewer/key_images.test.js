// Key images: what is kept of one that is marked.
import assert from "node:assert/strict";
import { test } from "node:test";

import { KeyImages } from "../../../static/js/viewer/key_images.js";

const keyImagesOf = (image) => {
  const main = {
    entry: { id: "scan", instance: 1 },
    image,
    window: { centre: 40, width: 400, name: "Soft" },
    inverted: true,
    marks: new Map(),
    draw: () => {},
  };
  const panes = { main, active: main, comparison: { kind: "prior" }, series: { slices: [], keyImages: [] } };
  return new KeyImages(panes, Object.assign(new EventTarget(), { dataset: { keyImages: "" } }), () => {});
};

test("it is kept as it is seen, and as its file asks before there is anything to see", () => {
  const kept = (image) => {
    const keys = keyImagesOf(image);
    keys.toggle();
    return keys.kept;
  };
  const marked = { image: "scan", key: true, inverted: true, measurements: [] };
  assert.deepEqual(kept({}), [{ ...marked, window: { centre: 40, width: 400 } }]);
  assert.deepEqual(kept(null), [{ ...marked, window: null }]);
});
