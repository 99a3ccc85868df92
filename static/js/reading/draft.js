// @ts-check
// Saves what is typed by itself: shortly after the last key, and at once when a field is left.
import { findAll } from "../dom.js";
import { gettext, interpolate, language, timeZone } from "../i18n.js";

const QUIET = 1200;
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", timeZone });

export class Draft {
  #form;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #dirty = false;
  #said;

  /**
   * @param {HTMLFormElement} form
   * @param {(sentence: string) => void} said
   */
  constructor(form, said) {
    this.#form = form;
    this.#said = said;
  }

  // What the page before this one saved as it went away may have come after this one was made.
  async #catchUp() {
    try {
      const response = await fetch(this.#form.dataset.draft ?? "");
      if (!response.ok || response.redirected || this.#dirty) return;
      const { content, saved_at: savedAt } = await response.json();
      if (!savedAt || savedAt === this.#form.dataset.saved || this.#dirty) return;
      fill(this.#form, content);
      this.#said(interpolate(gettext("Draft of %(time)s restored"), { time: clock.format(new Date(savedAt)) }));
    } catch {
      // What the page came with stands.
    }
  }

  start() {
    this.#catchUp();
    this.#form.addEventListener("input", () => this.touch());
    this.#form.addEventListener("change", () => this.touch());
    this.#form.addEventListener("focusout", () => this.save());
    document.addEventListener("visibilitychange", () => document.hidden && this.save());
  }

  // The form as it stands where something changed since it was saved; else what every request needs.
  body() {
    const all = new FormData(this.#form);
    if (this.#dirty) return all;
    const bare = new FormData();
    bare.set("csrfmiddlewaretoken", String(all.get("csrfmiddlewaretoken")));
    return bare;
  }

  touch() {
    this.#dirty = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), QUIET);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#dirty = false;
  }

  async save() {
    clearTimeout(this.#timer);
    if (!this.#dirty) return;
    const body = this.body();
    this.#dirty = false;
    try {
      const response = await fetch(this.#form.dataset.draft ?? "", { method: "POST", body });
      if (!response.ok || response.redirected) throw new Error(`${response.status}`);
      const { saved_at: savedAt } = await response.json();
      this.#said(interpolate(gettext("Draft saved %(time)s"), { time: clock.format(new Date(savedAt)) }));
    } catch {
      this.#dirty = true;
      this.#said(gettext("The draft could not be saved; it is tried again."));
      this.#timer = setTimeout(() => this.save(), 5 * QUIET);
    }
  }
}

const WORDS = ["findings", "impression", "override_note", "override_reason"];
const CHOICES = ["category", "decision", "image_quality", "is_key_image", "ask_second"];

/**
 * @param {HTMLFormElement} form
 * @param {Record<string, string>} content
 */
const fill = (form, content) => {
  for (const name of WORDS) {
    const field = form.elements.namedItem(name);
    if (field && "value" in field) field.value = content[name] ?? "";
  }
  for (const box of findAll(form, "input[type=radio], input[type=checkbox]", HTMLInputElement))
    if (CHOICES.includes(box.name)) box.checked = content[box.name] === box.value;
  form.dispatchEvent(new Event("draft:restored"));
};

/** @param {ParentNode} root */
export const showClocks = (root) => {
  for (const time of findAll(root, "time[data-clock]", HTMLTimeElement))
    time.textContent = clock.format(new Date(time.dateTime));
};
