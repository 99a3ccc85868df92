// @ts-check
// Loose files that come together name no examination: are they one, or one each? Asked once for all of a drop.

import { gettext, interpolate, ngettext } from "./i18n.js";
import { button, cluster } from "./upload_line.js";

const MOST_VIEWS = 4; // of one chest: so many are likely to be views of one examination, more are not

/** A random UUID; `crypto.randomUUID` is missing where a page came without TLS. */
export const madeUpKey = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
};

/**
 * Whether so many files of these modalities are more likely views of one examination than one each.
 * @param {string[]} modalities empty where nobody has said it yet
 */
export const areLikelyViews = (modalities) =>
  modalities.length <= MOST_VIEWS && modalities.every((one) => one === "cxr" || one === "");

export class Together {
  #place;
  #answered;
  /** @type {UploadRow[][]} */
  #open = [];
  /** @type {UploadRow[]} */
  #shown = [];

  /**
   * @param {HTMLElement} place
   * @param {() => void} answered
   */
  constructor(place, answered) {
    this.#place = place;
    this.#answered = answered;
  }

  /** @param {UploadRow[]} rows that came in one drop and name no examination */
  ask(rows) {
    if (rows.length < 2) return;
    for (const row of rows) row.waitsForTogether = true;
    this.#open.push(rows);
  }

  /** The question about the oldest drop that is open; the next one follows its answer. */
  show() {
    this.#open = this.#open.map((rows) => rows.filter(({ state }) => state !== "removed"));
    // What is left alone is an examination of its own
    for (const [row] of this.#open.filter((rows) => rows.length === 1)) row.belong("");
    this.#open = this.#open.filter((rows) => rows.length > 1);
    const rows = this.#open[0] ?? [];
    if (rows.length === this.#shown.length && rows.every((row, at) => row === this.#shown[at])) return;
    this.#shown = rows;
    this.#place.hidden = !rows.length;
    this.#place.replaceChildren(...(rows.length ? this.#question(rows) : []));
  }

  /** @param {UploadRow[]} rows */
  #question(rows) {
    const count = rows.length;
    const views = areLikelyViews(rows.map(({ modality }) => modality));
    const text = ngettext(
      "Is this %(count)s file one examination or separate ones?",
      "Are these %(count)s files one examination or separate ones?",
      count,
    );
    const one = button(gettext("One examination, taken on one day"), () => this.#answer(rows, madeUpKey()), views);
    const each = button(gettext("A separate examination each"), () => this.#answer(rows, ""), !views);
    const asked = document.createElement("p");
    asked.textContent = interpolate(text, { count });
    return [asked, cluster(...(views ? [one, each] : [each, one]))];
  }

  /**
   * @param {UploadRow[]} rows
   * @param {string} examination
   */
  #answer(rows, examination) {
    for (const row of rows) row.belong(examination);
    this.#open.shift();
    this.#answered();
  }
}
