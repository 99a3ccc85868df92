// @ts-check
// The files of one study, or of one folder, in one line: a count, a bar, and below it only those that need a person.

import { gettext, interpolate, listed, ngettext } from "./i18n.js";
import { Line } from "./upload_line.js";

export class Group {
  #line;
  /** @type {UploadRow[]} */
  #rows = [];
  #folder;
  #list = document.createElement("ul");
  #link = document.createElement("a");
  #changed;
  #followed = 0;

  /**
   * @param {string} folder where its files were found
   * @param {() => void} changed
   */
  constructor(folder, changed) {
    this.#folder = folder;
    this.#changed = changed;
    this.#line = new Line("");
    this.#line.element.classList.add("file-study");
    this.#list.className = "files";
    this.#link.className = "button button-small";
    this.#link.textContent = gettext("Open");
  }

  get element() {
    return this.#line.element;
  }

  /** A question that is open about one file is about the others too: they wait for the answer. */
  get isAsking() {
    return this.#rows.some((row) => row.comparison);
  }

  /** How many files have not been taken in. */
  get left() {
    return this.#rows.filter((row) => !["kept", "removed"].includes(row.state)).length;
  }

  /** @param {UploadRow} row */
  add(row) {
    row.group = this;
    this.#rows.push(row);
  }

  /** Takes off the list what has not been taken in. */
  leaveOut() {
    for (const row of this.#rows) if (row.state !== "kept") row.drop();
    this.#changed();
  }

  show() {
    this.#rows = this.#rows.filter((row) => row.state !== "removed");
    if (!this.#rows.length) return this.#line.element.remove();
    const kept = this.#rows.filter((row) => row.state === "kept");
    const open = this.#rows.filter((row) => ["waiting", "sending"].includes(row.state));
    this.#line.name(this.#title(kept));
    this.#line.show(open.length ? "sending" : "kept", this.#note(kept), ...this.#actions(kept));
    this.#line.bar.hidden = !open.length;
    this.#line.bar.value = Math.round((100 * (this.#rows.length - open.length)) / this.#rows.length);
    this.#showThoseThatNeedSomebody();
    if (!open.length) this.#follow(kept);
  }

  // One UID may name an X-ray and a CT of one visit, which are two studies here.
  /** @param {UploadRow[]} kept */
  #title(kept) {
    const titles = new Set(kept.flatMap((row) => row.answer?.study?.title ?? []));
    const patients = new Set(kept.map((row) => row.patient).filter(Boolean));
    return titles.size ? listed([...patients, ...titles]) : this.#folder || gettext("Several files");
  }

  /** @param {UploadRow[]} kept */
  #note(kept) {
    const total = this.#rows.length;
    const said = interpolate(ngettext("%(done)s of %(total)s image", "%(done)s of %(total)s images", total), {
      done: kept.length,
      total,
    });
    const known = kept.filter((row) => row.known).length;
    if (!known) return said;
    const earlier = ngettext("%(count)s was here already", "%(count)s were here already", known);
    return `${said}, ${interpolate(earlier, { count: known })}`;
  }

  /** @param {UploadRow[]} kept */
  #actions([first]) {
    if (!first?.answer?.url) return [];
    if (this.#link.getAttribute("href") !== first.answer.url) {
      this.#link.href = first.answer.url;
      this.#line.picture(first.answer.thumbnail ?? "");
    }
    return [this.#link];
  }

  // A study is analysed once, when its images are there.
  /** @param {UploadRow[]} kept */
  #follow(kept) {
    const added = kept.filter((row) => !row.known);
    if (added.length === this.#followed) return;
    this.#followed = added.length;
    const said = this.#line.part("said");
    said.dataset.name = this.#title(kept);
    said.dataset.following = added[0].answer?.scan ?? "";
  }

  // A picture without a modality is asked about with all others like it, above the list.
  #showThoseThatNeedSomebody() {
    const asked = new Set();
    const needing = this.#rows.filter((row) => {
      if (!row.comparison) return row.state === "problem";
      // The same question about several of them is shown once.
      const isFirst = !asked.has(row.comparison);
      asked.add(row.comparison);
      return isFirst;
    });
    for (const row of this.#rows) if (!needing.includes(row)) row.element.remove();
    for (const row of needing) if (!row.element.isConnected) this.#list.append(row.element);
    this.#line.more(...(needing.length ? [this.#list] : []));
  }
}
