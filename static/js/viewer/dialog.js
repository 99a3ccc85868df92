// @ts-check
// The keys, as a dialog made from the table of actions.

import { gettext } from "../i18n.js";
import { groups } from "./actions.js";
import { make } from "./elements.js";
import { icon } from "./icons.js";
import { onlyInFocus, spelled, withKey } from "./keys.js";

const MOUSE = [
  [gettext("Drag"), gettext("use the tool in hand")],
  [gettext("Middle button or Shift + drag"), gettext("move")],
  [gettext("Right button + drag"), gettext("zoom")],
  [gettext("Ctrl + wheel, or two fingers"), gettext("zoom at that place")],
  [gettext("Wheel"), gettext("slices of a CT series")],
  [gettext("Double click"), gettext("fit the whole image")],
];

/** @param {string} key */
const combination = (key) => spelled(key).flatMap((part, place) => [place ? " + " : "", make("kbd", {}, part)]);
/** @param {Action} action */
const keysOf = (action) => action.keys.flatMap((key, place) => [place ? " " : "", ...combination(key)]);
/**
 * @param {(Node | string)[]} term
 * @param {string} what
 */
const row = (term, what) => make("div", { class: "sv-key" }, make("dt", {}, ...term), make("dd", {}, what));
/**
 * @param {string} title
 * @param {HTMLElement[]} rows
 */
const section = (title, rows) => make("section", {}, make("h3", {}, title), make("dl", {}, ...rows));

function focusChoice() {
  const id = "sv-focus-only";
  const box = make("input", { type: "checkbox", id });
  box.checked = onlyInFocus.get();
  box.addEventListener("change", () => onlyInFocus.set(box.checked));
  return make(
    "label",
    { class: "sv-focus-only", for: id },
    box,
    gettext("Keys act only while the viewer has the focus"),
  );
}

export function helpDialog() {
  const close = make(
    "button",
    {
      type: "button",
      class: "sv-button sv-button-icon",
      "aria-label": gettext("Close"),
      title: withKey(gettext("Close"), "Escape"),
    },
    icon("close"),
  );
  const sections = [...groups()].map(([title, actions]) =>
    section(
      title,
      actions.map((action) => row(keysOf(action), action.label)),
    ),
  );
  const mouse = section(
    gettext("Mouse, pen and fingers"),
    MOUSE.map(([how, what]) => row([how], what)),
  );
  const dialog = make(
    "dialog",
    { class: "sv-dialog", "aria-labelledby": "sv-dialog-title" },
    make("header", {}, make("h2", { id: "sv-dialog-title" }, gettext("Keys of the viewer")), close),
    make("div", { class: "sv-keys" }, ...sections, mouse),
    make("footer", {}, focusChoice()),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  return dialog;
}
