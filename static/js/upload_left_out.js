// @ts-check
// The files of a folder or disc that are no images: one sentence, and their names below it.

import { interpolate, ngettext } from "./i18n.js";

export class LeftOut {
  #place;
  /** @type {Set<string>} */
  #paths = new Set();

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
  }

  /** @param {string[]} paths */
  add(paths) {
    for (const path of paths) this.#paths.add(path);
    const count = this.#paths.size;
    this.#place.hidden = !count;
    if (!paths.length) return;
    const sentence = document.createElement("summary");
    const text = ngettext(
      "%(count)s file is no image and was left out",
      "%(count)s files are no images and were left out",
      count,
    );
    sentence.textContent = interpolate(text, { count });
    const names = document.createElement("ul");
    names.translate = false;
    names.append(...[...this.#paths].map((path) => Object.assign(document.createElement("li"), { textContent: path })));
    this.#place.replaceChildren(sentence, names);
  }
}
