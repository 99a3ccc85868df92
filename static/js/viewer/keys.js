// @ts-check
// Which action a key press means. A key is written "w", "Shift+r", "?", "ArrowLeft".

import { gettext, interpolate } from "../i18n.js";
import { ACTIONS, isOffered } from "./actions.js";

const BY_KEY = new Map(ACTIONS.flatMap((action) => action.keys.map((key) => [key, action])));
const TYPED_IN =
  "input:not([type=range], [type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable='']," +
  " [contenteditable=true]";
const PRESSED_WITH = new Set(["Enter", " "]);
const MOVES_A_SLIDER = /^(Arrow|Page|Home|End)/;
const FOCUS_ONLY = "viewer-keys-in-focus-only";

/** Letters by what they say; where a layout has no Latin letters, by where they lie. @param {KeyboardEvent} event */
function named(event) {
  let key = event.key;
  if (/^Key[A-Z]$/.test(event.code) && !/^[a-z]$/i.test(key)) key = event.code[3];
  if (/^[a-z]$/i.test(key)) return event.shiftKey ? `Shift+${key.toLowerCase()}` : key.toLowerCase();
  return key;
}

/** @param {KeyboardEvent} event */
export function actionOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  return BY_KEY.get(named(event)) ?? null;
}

/** Whether what has the focus wants this key for itself. @param {KeyboardEvent} event */
function isTaken(event) {
  const target = event.target;
  if (event.defaultPrevented || !(target instanceof Element)) return true;
  if (target.closest(TYPED_IN) || document.querySelector("dialog[open]")) return true;
  if (target.matches("input[type=range]") && MOVES_A_SLIDER.test(event.key)) return true;
  return PRESSED_WITH.has(event.key) && target.matches("a, button, summary, input, [role=slider]");
}

/** @param {KeyboardEvent} event */
const scrollsThePage = (event) =>
  MOVES_A_SLIDER.test(event.key) && document.documentElement.scrollHeight > document.documentElement.clientHeight;

export const onlyInFocus = {
  get: () => localStorage.getItem(FOCUS_ONLY) === "1",
  /** @param {boolean} value */
  set: (value) => localStorage.setItem(FOCUS_ONLY, value ? "1" : "0"),
};

/**
 * Keys act where the viewer has the focus; with `pageWide` also elsewhere on the page, unless the person chose otherwise.
 * @param {Viewer} viewer
 * @param {HTMLElement} element
 * @param {{ pageWide: () => boolean }} options
 */
export function listenToKeys(viewer, element, { pageWide }) {
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    const within = event.target instanceof Node && element.contains(event.target);
    if (!within && (!pageWide() || onlyInFocus.get() || scrollsThePage(event))) return;
    const action = isTaken(event) ? null : actionOf(event);
    if (!action || !isOffered(action, viewer)) return;
    event.preventDefault();
    action.run(viewer, event.key);
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

/** @type {Record<string, string>} */
const WORDS = {
  Shift: gettext("Shift"),
  Enter: gettext("Enter"),
  Escape: gettext("Escape"),
  Home: gettext("Home"),
  End: gettext("End"),
  Backspace: gettext("Backspace"),
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  PageUp: gettext("Page up"),
  PageDown: gettext("Page down"),
  "-": "−",
  Delete: gettext("Del"),
};

/** ["Shift", "R"] for "Shift+r". @param {string} key */
export function spelled(key) {
  const parts = key.length > 1 && key.includes("+") ? key.split("+") : [key];
  return parts.map((part) => WORDS[part] ?? (part.length === 1 ? part.toUpperCase() : part));
}

/**
 * "Zoom in (+)": what a tooltip says.
 * @param {string} name
 * @param {string} key
 */
export const withKey = (name, key) =>
  interpolate(gettext("%(name)s (%(key)s)"), { name, key: spelled(key).join(" + ") });
