// @ts-check
// What a reading still needs, said beside each field before anything is sent. The sentences stand in the page, where the
// server shows them as well: <p data-missing="category" hidden>.
import { find, findAll } from "../dom.js";

/**
 * Show the sentences of empty fields, put the cursor into the first, and tell whether there was any.
 * @param {HTMLFormElement} form
 */
export const showMissing = (form) => {
  const values = new FormData(form);
  const missing = findAll(form, "[data-missing]", HTMLElement).filter((told) => {
    told.hidden = !isMissing(told.dataset.missing ?? "", values);
    return !told.hidden;
  });
  if (missing[0]) goTo(form, missing[0]);
  return missing.length > 0;
};

/**
 * @param {string} name
 * @param {FormData} values
 */
const isMissing = (name, values) => {
  if (name === "override_reason" && values.get("decision") !== "override") return false;
  return !String(values.get(name) ?? "").trim();
};

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement} told
 */
const goTo = (form, told) => {
  find(form, `[name="${told.dataset.missing}"]`, HTMLElement).focus({ preventScroll: true });
  told.scrollIntoView({ block: "center" });
};

/** A sentence goes as soon as its field has something. @param {HTMLFormElement} form */
export const startMissing = (form) => {
  const look = () => {
    const values = new FormData(form);
    for (const told of findAll(form, "[data-missing]:not([hidden])", HTMLElement))
      told.hidden = !isMissing(told.dataset.missing ?? "", values);
  };
  form.addEventListener("input", look);
  form.addEventListener("change", look);
};
