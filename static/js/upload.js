// @ts-check
// <form data-upload>: drop, choose or photograph files; each is sent by itself, two at a time, and its row shows progress,
// outcome and then the result. Nothing falls off the list: what went wrong can be tried again from its row.

import { find, findAll } from "./dom.js";
import { droppedFiles } from "./files.js";
import { following } from "./following.js";
import { fetchFragment, parse, swapParts } from "./fragment.js";
import { interpolate, listed, ngettext } from "./i18n.js";
import { Row } from "./upload_row.js";

const AT_ONCE = 2;

/**
 * A part of the sum, left out at nothing.
 * @param {number} count
 * @param {(count: number) => string} sentence
 */
const counted = (count, sentence) => (count > 0 ? [interpolate(sentence(count), { count })] : []);

class Upload {
  #form;
  /** @type {Row[]} */
  #rows = [];
  #sending = 0;
  /** @type {Set<string>} */
  #agreed = new Set(); // differences of header and record that a person accepted for every file here

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    form.addEventListener("change", (event) => this.#chosen(event.target));
    this.#takeDrops(find(form, ".drop", HTMLElement));
    window.addEventListener("beforeunload", (event) => {
      if (this.#unsettled().length) event.preventDefault();
    });
  }

  /** @param {EventTarget | null} input */
  #chosen(input) {
    if (!(input instanceof HTMLInputElement) || !input.files) return;
    this.#add([...input.files]);
    input.value = ""; // the same file may be chosen again
  }

  // Anywhere on the page: a file dropped beside the field would otherwise replace the page.
  /** @param {HTMLElement} zone */
  #takeDrops(zone) {
    /** @param {DragEvent} event */
    const carriesFiles = (event) => Boolean(event.dataTransfer?.types.includes("Files"));
    let depth = 0;
    /** @param {number} change */
    const over = (change) => {
      depth = Math.max(0, depth + change);
      zone.classList.toggle("is-over", depth > 0);
    };
    window.addEventListener("dragenter", (event) => carriesFiles(event) && over(1));
    window.addEventListener("dragleave", (event) => carriesFiles(event) && over(-1));
    window.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
    window.addEventListener("drop", async (event) => {
      if (!event.dataTransfer || !carriesFiles(event)) return;
      event.preventDefault();
      depth = 0;
      over(0);
      this.#add(await droppedFiles(event.dataTransfer));
    });
  }

  /** @param {File[]} files */
  #add(files) {
    const list = find(this.#form, "[data-files]", HTMLElement);
    const chosen = new FormData(this.#form);
    const choice = { modality: String(chosen.get("modality") ?? ""), urgent: String(chosen.get("urgent") ?? "") };
    for (const file of files) {
      const row = new Row(file, choice, this.#form, {
        changed: () => this.#step(),
        isAgreed: (difference) => this.#agreed.has(difference),
        // A series is one folder with one header: nobody compares a hundred slices one by one
        agree: this.#rows.length + files.length > 1 ? (difference) => this.#agree(difference) : null,
      });
      this.#rows.push(row);
      list.append(row.element);
    }
    list.hidden = !this.#rows.length;
    this.#step();
  }

  /** @param {string} difference */
  #agree(difference) {
    this.#agreed.add(difference);
    const alike = this.#rows.filter((row) => row.state === "question" && row.difference === difference);
    for (const row of alike) row.attach();
  }

  // Sends what waits, as far as two at a time allow; called after every change.
  #step() {
    this.#rows = this.#rows.filter((row) => row.state !== "removed");
    while (this.#sending < AT_ONCE) {
      const row = this.#rows.find((one) => one.state === "waiting");
      if (!row) break;
      this.#sending += 1;
      row.send().finally(() => {
        this.#sending -= 1;
        following.start();
        this.#step();
      });
    }
    this.#sum();
    if (!this.#sending) this.#refreshTimeline();
  }

  #unsettled() {
    return this.#rows.filter((row) => ["waiting", "sending", "question", "problem"].includes(row.state) && !row.final);
  }

  #sum() {
    /** @param {RowState} state */
    const count = (state) => this.#rows.filter((row) => row.state === state).length;
    const total = this.#rows.length;
    const open = count("waiting") + count("sending");
    const known = this.#rows.filter((row) => row.known).length;
    const parts = [
      interpolate(ngettext("%(done)s of %(total)s uploaded", "%(done)s of %(total)s uploaded", total), {
        done: count("kept") - known,
        total,
      }),
      ...counted(known, (n) => ngettext("%(count)s was here already", "%(count)s were here already", n)),
      ...counted(open, (n) => ngettext("%(count)s to go", "%(count)s to go", n)),
      ...counted(count("question"), (n) =>
        ngettext("%(count)s needs your decision", "%(count)s need your decision", n),
      ),
      ...counted(count("problem"), (n) => ngettext("%(count)s not uploaded", "%(count)s not uploaded", n)),
    ];
    find(this.#form, "[data-sum]", HTMLElement).textContent = total ? listed(parts) : "";
  }

  async #refreshTimeline() {
    const part = document.querySelector('[data-part="timeline"]');
    if (!part || !this.#rows.some((row) => row.fresh)) return;
    for (const row of this.#rows) row.fresh = false;
    try {
      swapParts(document, parse(await fetchFragment(location.href)));
    } catch {
      // The timeline is then as old as the page; the rows above have everything.
    }
  }
}

for (const form of findAll(document, "form[data-upload]", HTMLFormElement)) new Upload(form);
