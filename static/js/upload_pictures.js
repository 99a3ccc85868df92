// @ts-check
// Pictures that do not say what they show: seen before they are asked about, and asked about once for all.

import { gettext, interpolate, ngettext } from "./i18n.js";
import { button, cluster } from "./upload_line.js";

const MOST_PREVIEWS = 12;

/** @param {UploadRow} row */
const drawn = (row) => {
  const address = URL.createObjectURL(row.file);
  const picture = document.createElement("img");
  picture.alt = row.file.name;
  picture.title = row.path;
  for (const end of ["load", "error"]) picture.addEventListener(end, () => URL.revokeObjectURL(address));
  picture.src = address;
  return picture;
};

export class Pictures {
  #place;
  #list;
  /** @type {UploadRow[]} */
  #rows = [];
  /** @type {WeakSet<UploadRow>} */
  #seen = new WeakSet();

  /**
   * @param {HTMLElement} place
   * @param {UploadList} list
   */
  constructor(place, list) {
    this.#place = place;
    this.#list = list;
  }

  /** @param {UploadRow[]} rows that somebody has to say something about */
  show(rows) {
    if (rows.length === this.#rows.length && rows.every((row, at) => row === this.#rows[at])) return;
    this.#rows = rows;
    for (const row of rows.filter(({ group }) => !group).slice(0, MOST_PREVIEWS)) this.#showInRow(row);
    const isAsked = rows.length > 1 || rows.some(({ group }) => group);
    this.#place.hidden = !isAsked;
    this.#place.replaceChildren(...(isAsked ? this.#question() : []));
  }

  /** @param {UploadRow} row */
  #showInRow(row) {
    if (this.#seen.has(row)) return;
    this.#seen.add(row);
    row.preview(drawn(row));
  }

  #question() {
    const count = this.#rows.length;
    const text = interpolate(
      ngettext("What does this picture show?", "What do these %(count)s pictures show?", count),
      { count },
    );
    const previews = document.createElement("div");
    previews.className = "previews";
    previews.append(...this.#rows.slice(0, MOST_PREVIEWS).map(drawn));
    if (count > MOST_PREVIEWS)
      previews.append(interpolate(gettext("and %(count)s more"), { count: count - MOST_PREVIEWS }));
    const answers = this.#list.modalities().map((value) =>
      button(this.#list.label(value), () => {
        for (const row of this.#rows) row.say(value);
        this.#list.again();
      }),
    );
    return [Object.assign(document.createElement("p"), { textContent: text }), previews, cluster(...answers)];
  }
}
