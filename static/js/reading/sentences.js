// @ts-check
// Suggested sentences: those of the chosen category show, numbered from 5 on (1 to 4 are the categories).
import { around, byId, find, findAll } from "../dom.js";
import { gettext, interpolate } from "../i18n.js";

const KEYS = ["5", "6", "7", "8", "9", "0"];

/** @param {HTMLElement} button */
const sentenceOf = (button) => find(button, "span", HTMLElement).textContent ?? "";

/** Where the sentence goes. @param {HTMLElement} button */
const fieldOf = (button) => byId(button.dataset.into ?? "", HTMLTextAreaElement);

/** @param {HTMLFormElement} form */
export const showSentences = (form) => {
  const category = String(new FormData(form).get("category") ?? "");
  let shown = 0;
  for (const item of findAll(form, ".sentences > [data-category]", HTMLElement)) {
    item.hidden = item.dataset.category !== category;
    if (item.hidden) continue;
    const key = KEYS[shown++];
    const button = find(item, "button", HTMLButtonElement);
    find(button, "kbd", HTMLElement).textContent = key ? `⇧${key}` : "";
    if (key) button.dataset.key = `Shift+${key}`;
    button.dataset.keyLabel = interpolate(gettext("Insert: %(sentence)s"), {
      sentence: sentenceOf(button),
    });
  }
};

// Puts the sentence at the end, or takes it away again where it is already there.
/**
 * @param {HTMLTextAreaElement} field
 * @param {string} sentence
 */
const toggle = (field, sentence) => {
  const text = field.value;
  if (text.includes(sentence)) field.value = text.replace(sentence, "").replace(/ {2,}/g, " ").trim();
  else field.value = text && !/\s$/.test(text) ? `${text} ${sentence}` : text + sentence;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};

/** @param {HTMLFormElement} form */
export const startSentences = (form) => {
  form.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLInputElement && target.name === "category") showSentences(form);
  });
  form.addEventListener("click", (event) => {
    const button = around(event, ".sentence");
    if (button) toggle(fieldOf(button), sentenceOf(button));
  });
  form.addEventListener("input", () => mark(form));
  const show = () => {
    showSentences(form);
    mark(form);
  };
  form.addEventListener("draft:restored", show);
  show();
};

/** @param {HTMLFormElement} form */
const mark = (form) => {
  for (const button of findAll(form, ".sentence", HTMLElement)) {
    const used = fieldOf(button).value.includes(sentenceOf(button).trim());
    button.setAttribute("aria-pressed", String(used));
  }
};
