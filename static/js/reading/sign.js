// @ts-check
// Decide and sign in one go: where no password was typed a short while ago, a dialog asks for it first.
import { byId, find } from "../dom.js";
import { gettext } from "../i18n.js";
import { showUnfilled } from "./blanks.js";
import { showMissing } from "./missing.js";

const AWAY = () => gettext("The server cannot be reached. Try again in a moment.");

/** @param {HTMLElement} button */
const isProven = (button) => Date.parse(button.dataset.proven ?? "") > Date.now();

/**
 * @param {HTMLFormElement} review
 * @param {HTMLButtonElement} button
 */
const startProof = (review, button) => {
  const dialog = byId("proof", HTMLDialogElement);
  const form = find(dialog, "form", HTMLFormElement);
  // Whoever has no password here confirms in another window, and then sends the form as it is.
  const password = dialog.querySelector("input[type=password]");
  const first = password instanceof HTMLInputElement ? password : find(dialog, "a", HTMLAnchorElement);
  const told = find(dialog, ".told", HTMLElement);

  /** @param {string} sentence */
  const tell = (sentence) => {
    told.textContent = sentence;
    told.hidden = !sentence;
  };

  const prove = async () => {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form) });
    if (password instanceof HTMLInputElement) password.value = "";
    const { until, sentence } = await response.json();
    if (!response.ok) {
      tell(sentence);
      return first.focus();
    }
    button.dataset.proven = until;
    dialog.close();
    review.requestSubmit(button);
  };

  button.addEventListener("click", (event) => {
    if (isProven(button)) return;
    event.preventDefault();
    // Nobody types a password for what cannot be signed yet.
    if (showMissing(review) || showUnfilled(review)) return;
    tell("");
    dialog.showModal();
    first.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    prove().catch(() => tell(AWAY()));
  });
  find(dialog, "[data-close]", HTMLButtonElement).addEventListener("click", () => dialog.close());
};

/** @param {HTMLFormElement} review */
export const startSigning = (review) => {
  const button = document.getElementById("decide-and-sign");
  if (button instanceof HTMLButtonElement) startProof(review, button);
};

// Earlier studies that are opened are what the reader compared with.
/** @param {HTMLFormElement} review */
export const startComparison = (review) => {
  const field = review.elements.namedItem("comparison");
  if (!(field instanceof HTMLTextAreaElement)) return;
  document.addEventListener("click", ({ target }) => {
    const link = target instanceof Element ? target.closest("[data-compared]") : null;
    const named = link instanceof HTMLElement ? link.dataset.compared : "";
    if (!named || field.value.includes(named)) return;
    field.value = field.value.trim() ? `${field.value.trim()}; ${named}` : named;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
};
