// @ts-check
// Saves what is typed by itself: at once in this browser, and on the server shortly after the last key and when a field is
// left. Nothing counts as saved before the server has answered: a request that a reload cuts off, or a farewell that
// arrives after the next page was made, then loses no word. The next page finds the browser's copy.
import { findAll } from "../dom.js";
import { gettext, interpolate, language, timeZone } from "../i18n.js";
import { copyOf, forget, isLater, keep } from "./copies.js";
import { bodyOf } from "./deliver.js";

const QUIET = 1200;
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", timeZone });
const WORDS = ["findings", "impression", "override_note", "override_reason", "contradiction_reason", "key_images"];
const CHOICES = ["category", "decision", "image_quality", "is_key_image", "ask_second"];
const SECTIONS = ["indication", "technique", "comparison"];
// Findings as coded choices and their sides.
const CODED = /^(finding|side)_/;

export class Draft {
  #form;
  #said;
  #address;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #turn = 0;
  #savedTurn = 0;
  #restoredTurn = 0; // saving it says nothing: that it was restored stands there until something is typed
  #openedAt;

  /**
   * @param {HTMLFormElement} form
   * @param {(sentence: string) => void} said
   */
  constructor(form, said) {
    this.#form = form;
    this.#said = said;
    this.#address = form.dataset.draft ?? "";
    this.#openedAt = this.#field("page_opened_at").value;
  }

  /** @param {string} name */
  #field(name) {
    return /** @type {HTMLInputElement} */ (this.#form.elements.namedItem(name));
  }

  get #isDirty() {
    return this.#turn !== this.#savedTurn;
  }

  start() {
    if (!this.#restore()) this.#catchUp();
    this.#form.addEventListener("input", () => this.touch());
    this.#form.addEventListener("change", () => this.touch());
    this.#form.addEventListener("focusout", () => this.save());
    document.addEventListener("visibilitychange", () => document.hidden && this.save());
  }

  // What the page before this one could not hand over.
  #restore() {
    const copy = copyOf(this.#address);
    if (!copy) return false;
    if (!isLater(copy, this.#form.dataset.written ?? "")) {
      forget(this.#address);
      return false;
    }
    fill(this.#form, copy.content);
    this.#said(interpolate(gettext("What you typed at %(time)s is restored"), { time: clock.format(copy.at) }));
    this.touch();
    this.#restoredTurn = this.#turn;
    return true;
  }

  // What was saved elsewhere while this page was made.
  async #catchUp() {
    try {
      const response = await fetch(this.#address);
      if (!response.ok || response.redirected || this.#isDirty) return;
      const { content, saved_at: savedAt } = await response.json();
      if (!savedAt || savedAt === this.#form.dataset.saved || this.#isDirty) return;
      fill(this.#form, content);
      this.#said(interpolate(gettext("Draft of %(time)s restored"), { time: clock.format(new Date(savedAt)) }));
    } catch {
      // What the page came with stands.
    }
  }

  // The form as it stands where the server may not have it; else what every request needs.
  body() {
    const all = new FormData(this.#form);
    if (this.#isDirty) return all;
    const bare = new FormData();
    bare.set("csrfmiddlewaretoken", String(all.get("csrfmiddlewaretoken")));
    return bare;
  }

  get #copy() {
    const at = Date.now();
    return { draft: this.#address, content: contentOf(this.#form), openedAt: this.#openedAt, turn: this.#turn, at };
  }

  touch() {
    this.#turn++;
    this.#field("turn").value = String(this.#turn);
    keep(this.#copy);
    this.#again(QUIET);
  }

  /** @param {number} after milliseconds */
  #again(after) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), after);
  }

  /** The form itself is sent now. The copy stays until a later page learns that it arrived. */
  stop() {
    clearTimeout(this.#timer);
  }

  async save() {
    clearTimeout(this.#timer);
    if (!this.#isDirty) return;
    const { turn } = this.#copy;
    try {
      await this.#send(turn);
    } catch {
      this.#restoredTurn = 0;
      this.#said(gettext("The draft is kept in this browser; the server could not be reached and is tried again."));
      this.#again(5 * QUIET);
    }
  }

  /** @param {number} turn */
  async #send(turn) {
    const response = await fetch(this.#address, {
      method: "POST",
      body: bodyOf(this.#copy),
      keepalive: document.hidden,
    });
    if (response.redirected || ![200, 409].includes(response.status)) throw new Error(`${response.status}`);
    const { saved_at: savedAt, code, now } = await response.json();
    if (code === "newer_draft") return this.#goOn(now);
    if (code) return this.#said(gettext("This case has been decided; the draft is kept in this browser."));
    this.#savedTurn = Math.max(turn, this.#savedTurn);
    if (!this.#isDirty) forget(this.#address);
    if (turn > this.#restoredTurn)
      this.#said(interpolate(gettext("Draft saved %(time)s"), { time: clock.format(new Date(savedAt)) }));
  }

  // Another page of this case was opened later, but this one is being typed in.
  /** @param {string} now */
  #goOn(now) {
    this.#openedAt = now;
    this.#field("page_opened_at").value = now;
    this.touch();
  }
}

/** @param {string} name */
const isKept = (name) => [...WORDS, ...SECTIONS, ...CHOICES].includes(name) || CODED.test(name);

/** @param {HTMLFormElement} form */
const contentOf = (form) => {
  /** @type {Record<string, string>} */
  const content = {};
  for (const [name, value] of new FormData(form)) if (isKept(name) && typeof value === "string") content[name] = value;
  return content;
};

/**
 * @param {HTMLFormElement} form
 * @param {Record<string, string>} content
 */
const fill = (form, content) => {
  for (const name of [...WORDS, ...SECTIONS]) {
    const field = form.elements.namedItem(name);
    // What a section began with stands until it is saved otherwise.
    if (SECTIONS.includes(name) && !(name in content)) continue;
    if (field && "value" in field) field.value = content[name] ?? "";
  }
  for (const choice of findAll(form, "select", HTMLSelectElement))
    if (CODED.test(choice.name)) choice.value = content[choice.name] ?? "";
  for (const box of findAll(form, "input[type=radio], input[type=checkbox]", HTMLInputElement))
    if (CHOICES.includes(box.name)) box.checked = content[box.name] === box.value;
  form.dispatchEvent(new Event("draft:restored"));
};

/** @param {ParentNode} root */
export const showClocks = (root) => {
  for (const time of findAll(root, "time[data-clock]", HTMLTimeElement))
    time.textContent = clock.format(new Date(time.dateTime));
};
