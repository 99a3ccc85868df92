import assert from "node:assert/strict";
import { test } from "node:test";
import { ACTIONS } from "../../../static/js/viewer/actions.js";
import { actionOf, spelled, withKey } from "../../../static/js/viewer/keys.js";

const press = (key, more = {}) => actionOf({ key, code: "", ...more })?.id;

test("no key means two things", () => {
  const keys = ACTIONS.flatMap((action) => action.keys);
  assert.equal(new Set(keys).size, keys.length);
});

test("letters act by what they say, with and without Shift, whatever Caps Lock does", () => {
  assert.equal(press("r"), "rotate");
  assert.equal(press("R"), "rotate");
  assert.equal(press("R", { shiftKey: true }), "rotate-back");
});

test("without Latin letters they act by where they lie", () => {
  assert.equal(press("к", { code: "KeyR" }), "rotate");
});

test("keys of the browser are left alone", () => {
  for (const held of ["ctrlKey", "metaKey", "altKey"]) assert.equal(press("r", { [held]: true }), undefined);
  assert.equal(press("r", { isComposing: true }), undefined);
});

test("keys are written as people know them", () => {
  assert.deepEqual(spelled("Shift+r"), ["Shift", "R"]);
  assert.deepEqual(spelled("ArrowLeft"), ["←"]);
  assert.deepEqual(spelled("+"), ["+"]);
  assert.equal(withKey("Zoom in", "+"), "Zoom in (+)");
});
