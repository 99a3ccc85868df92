import assert from "node:assert/strict";
import { test } from "node:test";

import { told } from "../../../static/js/viewer/caption.js";

test("what a file makes it necessary to say stands on its image", () => {
  const facts = [
    { code: "own_range", params: { variant: "unusable" } },
    { code: "mirrored", params: {} },
  ];
  const [range, mirrored] = told(facts);
  assert.match(range, /darkest to its brightest/);
  assert.match(mirrored, /^By its header a mirror image/);
  assert.deepEqual(told([{ code: "of a later version", params: {} }]), []);
});
