// @ts-check
// Phrases and their fields: a press puts a phrase into the report, F2 selects the next "[side]" that is still to be filled
// in, and nothing is signed while one is left. The server asks the same (diagnosis/rules/blanks.py).
import { around, byId, find, findAll } from "../dom.js";

// A letter first, so that "[3]" and "[ ]" are a reader's own.
const BLANK = /\[\p{L}[^[\]\n]{0,39}\]/gu;
// In the order of the page; an indication is the referrer's words.
const FIELDS = ["technique", "comparison", "findings", "impression"];

/**
 * Where the fields of a text begin and end.
 * @param {string} text
 * @returns {[number, number][]}
 */
export const blanksIn = (text) => [...text.matchAll(BLANK)].map(({ 0: { length }, index }) => [index, index + length]);

/**
 * The next one behind a place, over all texts in turn, and from the front again at the end.
 * @param {string[]} texts
 * @param {{ text: number, at: number }} from
 */
export const nextBlank = (texts, from) => {
  const all = texts.flatMap((text, number) => blanksIn(text).map(([start, end]) => ({ text: number, start, end })));
  return all.find(({ text, start }) => text > from.text || (text === from.text && start >= from.at)) ?? all[0];
};

/**
 * What a text becomes when a phrase is put in at its end.
 * @param {string} text
 * @param {string} phrase
 */
export const withPhrase = (text, phrase) => (text && !/\s$/.test(text) ? `${text}\n${phrase}` : text + phrase);

/** @param {HTMLFormElement} form */
const fieldsOf = (form) =>
  FIELDS.map((name) => form.elements.namedItem(name)).filter((field) => field instanceof HTMLTextAreaElement);

/**
 * @param {HTMLTextAreaElement} field
 * @param {number} start
 * @param {number} end
 */
const select = (field, start, end) => {
  field.closest("details")?.setAttribute("open", "");
  field.focus();
  field.setSelectionRange(start, end);
  // Below are buttons that stay in place, above is the patient.
  field.scrollIntoView({ block: "center" });
};

/** Whether one is left; it is selected, and the sentence beside it shows. @param {HTMLFormElement} form */
export const showUnfilled = (form) => {
  const field = fieldsOf(form).find(({ value }) => blanksIn(value).length);
  for (const told of findAll(form, "[data-unfilled]", HTMLElement)) told.hidden = told.dataset.unfilled !== field?.name;
  if (field) select(field, ...blanksIn(field.value)[0]);
  return Boolean(field);
};

/**
 * @param {HTMLTextAreaElement | undefined} field
 * @param {string} phrase
 */
const insert = (field, phrase) => {
  if (!field || !phrase) return;
  field.value = withPhrase(field.value, phrase);
  field.dispatchEvent(new Event("input", { bubbles: true }));
};

/** @param {HTMLFormElement} form */
export const startBlanks = (form) => {
  const button = find(form, "[data-next-blank]", HTMLButtonElement);
  const fields = fieldsOf(form);
  /** @type {HTMLTextAreaElement | undefined} */
  let last;

  const look = () => {
    button.disabled = !fields.some(({ value }) => blanksIn(value).length);
    for (const told of findAll(form, "[data-unfilled]:not([hidden])", HTMLElement))
      told.hidden = !blanksIn(byId(`id_${told.dataset.unfilled}`, HTMLTextAreaElement).value).length;
  };

  const next = () => {
    const from = last ? { text: fields.indexOf(last), at: last.selectionEnd } : { text: 0, at: 0 };
    const found = nextBlank(
      fields.map(({ value }) => value),
      from,
    );
    if (found) select(fields[found.text], found.start, found.end);
  };

  /** @param {HTMLElement} phrase */
  const put = (phrase) => {
    const { findings = "", impression = "" } = phrase.dataset;
    const [first, second] = ["findings", "impression"].map((name) => fields.find((field) => field.name === name));
    const at = findings ? first : second;
    const before = at?.value.length ?? 0;
    insert(first, findings);
    insert(second, impression);
    if (!at) return;
    last = at;
    at.setSelectionRange(before, before);
    next();
  };

  form.addEventListener("focusin", ({ target }) => {
    if (target instanceof HTMLTextAreaElement && fields.includes(target)) last = target;
  });
  form.addEventListener("click", (event) => {
    const phrase = around(event, "[data-phrase]");
    if (phrase) put(phrase);
    else if (around(event, "[data-next-blank]")) next();
  });
  form.addEventListener("input", look);
  form.addEventListener("draft:restored", look);
  look();
};
