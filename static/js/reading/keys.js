// @ts-check
// Keys: every element with data-key="Shift+A" is reached by that key, and data-key-label says in the dialog what it does.
// Buttons and links are clicked, boxes and choices are set, text fields get the cursor; data-key-does="cycle" takes the
// next choice of a group. `?` shows the dialog. The viewer's own keys are plain, those of the report are with Shift.
import { around, find, findAll } from "../dom.js";
import { gettext } from "../i18n.js";
import { isTyping } from "./typing.js";

const EVERYWHERE = new Set(["Ctrl+Enter", "Ctrl+Shift+Enter", "F2"]);

// "Shift+1" whatever the keyboard prints on that key; letters by what they are.
/** @param {KeyboardEvent} event */
const nameOf = (event) => {
  const key = /^Digit\d$/.test(event.code) && event.shiftKey ? event.code.slice(5) : event.key;
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && key !== "?") parts.push("Shift");
  // Whatever Caps Lock makes of a letter.
  parts.push(key.length > 1 ? key : event.shiftKey ? key.toUpperCase() : key.toLowerCase());
  return parts.join("+");
};

/** @param {HTMLElement} element */
const isShown = (element) => !("disabled" in element && element.disabled) && element.checkVisibility?.() !== false;

/** @param {HTMLElement} group */
const cycle = (group) => {
  const choices = findAll(group, "input[type=radio]", HTMLInputElement);
  const at = choices.findIndex((choice) => choice.checked);
  choices[(at + 1) % choices.length].click();
};

/** @param {HTMLElement} element */
const act = (element) => {
  if (element.dataset.keyDoes === "cycle") return cycle(element);
  if (element.matches("textarea, select, input[type=search], input[type=text]")) {
    element.focus();
    return element.scrollIntoView({ block: "nearest" });
  }
  element.click();
  if (element.matches("input")) element.scrollIntoView({ block: "nearest" });
};

const [dialog] = findAll(document, "dialog#keys", HTMLDialogElement);
/** @type {Record<string, string>} */
const PRINTED = { Ctrl: gettext("Ctrl"), Alt: gettext("Alt"), Shift: gettext("Shift"), Enter: "↵" };
/** @param {string} key */
const printed = (key) =>
  key
    .split("+")
    .map((part) => PRINTED[part] ?? part)
    .join(" ");

// Group → [key, label] pairs. Other scripts add theirs in `keys:collect`.
const groups = () => {
  /** @type {Map<string, [string, string][]>} */
  const found = new Map();
  for (const element of findAll(document, "[data-key][data-key-label]", HTMLElement)) {
    if (element.closest("[hidden]")) continue;
    const holder = element.closest("[data-key-group]");
    const title = (holder instanceof HTMLElement && holder.dataset.keyGroup) || gettext("This page");
    const { key = "", keyLabel = "" } = element.dataset;
    found.set(title, [...(found.get(title) ?? []), [printed(key), keyLabel]]);
  }
  document.dispatchEvent(new CustomEvent("keys:collect", { detail: found }));
  return found;
};

/**
 * @param {string} tag
 * @param {...(Node | string)} children
 */
const make = (tag, ...children) => {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
};

/** @param {[string, [string, string][]]} titled */
const group = ([title, keys]) => {
  const rows = keys.flatMap(([key, label]) => [make("dt", make("kbd", key)), make("dd", label)]);
  return make("section", make("h3", title), make("dl", ...rows));
};

const show = () => {
  find(dialog, "[data-keys-list]", HTMLElement).replaceChildren(...[...groups()].map(group));
  dialog.showModal();
};

/** @param {KeyboardEvent} event */
const onKey = (event) => {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const name = nameOf(event);
  const typing = isTyping(event.target);
  if (typing && name === "Escape") {
    event.preventDefault();
    return event.target instanceof HTMLElement && event.target.blur();
  }
  if (typing && !EVERYWHERE.has(name)) return;
  if (name === "?" && dialog) {
    event.preventDefault();
    return show();
  }
  const element = findAll(document, `[data-key="${CSS.escape(name)}"]`, HTMLElement).find(isShown);
  if (!element) return;
  event.preventDefault();
  act(element);
};

// Before the viewer's listener, which leaves alone what is taken: its `?` would show its own keys alone.
document.addEventListener("keydown", onKey, { capture: true });
dialog?.addEventListener("click", (event) => event.target === dialog && dialog.close());
document.addEventListener("click", (event) => {
  if (around(event, "[data-keys-open]")) show();
});
