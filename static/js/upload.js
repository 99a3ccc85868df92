// @ts-check
// <form data-upload>: drop, choose or photograph files, folders and archives. Each file is sent by itself, a few at a time.
// A few files have a row each; the many of a study or folder share one line. Nothing falls off the list: what went wrong
// can be tried again from its row, and what is no image is named as left out.

import { find, findAll } from "./dom.js";
import { chosenFiles, droppedFiles } from "./files.js";
import { following } from "./following.js";
import { fetchFragment, parse, swapParts } from "./fragment.js";
import { gettext, interpolate, listed, ngettext } from "./i18n.js";
import { sort } from "./sorting.js";
import { ArchiveRow } from "./upload_archive.js";
import { Group } from "./upload_group.js";
import { LeftOut } from "./upload_left_out.js";
import { button } from "./upload_line.js";
import { Pictures } from "./upload_pictures.js";
import { Row } from "./upload_row.js";
import { Together } from "./upload_together.js";

const AT_ONCE = 3;
const SINGLY = 8; // so many files of one study have a row each

/**
 * A part of the sum, left out at nothing.
 * @param {number} count
 * @param {(count: number) => string} sentence
 */
const counted = (count, sentence) => (count > 0 ? [interpolate(sentence(count), { count })] : []);

class Upload {
  #form;
  /** @type {(Row | ArchiveRow)[]} */
  #rows = [];
  /** @type {Map<string, Group>} */
  #groups = new Map();
  #looking = 0; // drops and choices whose files are being looked at
  #sending = 0;
  #isPaused = false; // after a lost connection: the next file would be lost as well
  /** @type {Set<string>} */
  #compared = new Set(); // differences of header and record that a person accepted for every file here
  /** @type {Set<string>} */
  #redirected = new Set(); // patients to whom the files go that bear their record numbers
  #leftOut;
  #pictures;
  #together;
  /** @type {UploadList} */
  #list;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    this.#leftOut = new LeftOut(find(form, "[data-left-out]", HTMLElement));
    this.#list = this.#whatRowsAsk();
    this.#pictures = new Pictures(find(form, "[data-pictures]", HTMLElement), this.#list);
    this.#together = new Together(find(form, "[data-together]", HTMLElement), () => this.#list.again());
    form.addEventListener("change", (event) => this.#chosen(event.target));
    this.#takeDrops(find(form, ".drop", HTMLElement));
    window.addEventListener("online", () => this.#isPaused && this.#retryAll());
    window.addEventListener("beforeunload", (event) => {
      if (this.#looking || this.#unsettled().length) event.preventDefault();
    });
  }

  /** @returns {UploadList} */
  #whatRowsAsk() {
    const labels = findAll(this.#form, "[name=modality]", HTMLInputElement).filter(({ value }) => value);
    return {
      form: this.#form,
      changed: () => this.#step(),
      counted: () => this.#sum(),
      again: () => {
        this.#isPaused = false;
        this.#step();
      },
      leftOut: (paths) => this.#leftOut.add(paths),
      compared: () => [...this.#compared],
      agree: (comparison) => this.#agree(comparison),
      redirect: (patient, group) => this.#redirect(patient, group),
      redirected: () => [...this.#redirected],
      // A series is one folder with one header: nobody compares a hundred slices one by one
      isAlone: () => this.#rows.length === 1,
      modalities: () => labels.map(({ value }) => value),
      label: (modality) => labels.find(({ value }) => value === modality)?.labels?.[0].textContent?.trim() ?? modality,
    };
  }

  /** @param {EventTarget | null} input */
  #chosen(input) {
    if (!(input instanceof HTMLInputElement) || !input.files) return;
    this.#add(chosenFiles(input.files));
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
    window.addEventListener("drop", (event) => {
      if (!event.dataTransfer || !carriesFiles(event)) return;
      event.preventDefault();
      depth = 0;
      over(0);
      this.#add(droppedFiles(event.dataTransfer));
    });
  }

  /** @returns {UploadChoice} the form's fields as they are now, but for the files and what belongs to single ones */
  #choice() {
    const own = ["files", "compared", "csrfmiddlewaretoken", "together"];
    const fields = [...new FormData(this.#form)].filter(([name]) => !own.includes(name));
    return {
      modality: "",
      examination: "",
      ...Object.fromEntries(fields.map(([name, value]) => [name, String(value)])),
    };
  }

  /** @param {FoundFile[] | Promise<FoundFile[]>} found */
  async #add(found) {
    this.#look(1);
    try {
      await this.#enlist(found);
    } finally {
      this.#look(-1);
    }
  }

  // A folder of a thousand files is looked at for a while before anything of it stands in the list.
  /** @param {1 | -1} change */
  #look(change) {
    this.#looking += change;
    if (this.#looking) this.#form.setAttribute("aria-busy", "true");
    else this.#form.removeAttribute("aria-busy");
  }

  /** @param {FoundFile[] | Promise<FoundFile[]>} found */
  async #enlist(found) {
    const choice = this.#choice();
    const { wanted, leftOut } = await sort(await found);
    this.#leftOut.add(leftOut.map(({ path }) => path));
    const rows = wanted.map((one) =>
      one.kind === "archive" ? new ArchiveRow(one, choice, this.#list) : new Row(one, choice, this.#list),
    );
    this.#rows.push(...rows);
    this.#place(rows, wanted);
    this.#together.ask(rows.filter((row) => row instanceof Row).filter((row) => row.isLoose));
    this.#step();
  }

  /**
   * @param {(Row | ArchiveRow)[]} rows
   * @param {SortedFile[]} sorted
   */
  #place(rows, sorted) {
    const list = find(this.#form, "[data-files]", HTMLElement);
    list.hidden = !this.#rows.length;
    const keys = sorted.map(({ study, path, kind }) =>
      kind === "archive" ? "" : study || path.slice(0, path.lastIndexOf("/") + 1) || "/",
    );
    const alike = (/** @type {string} */ key) => keys.filter((one) => one === key).length;
    const many = new Set(keys.filter((key) => key && (this.#groups.has(key) || alike(key) > SINGLY)));
    for (const [at, row] of rows.entries()) {
      const group = row instanceof Row && many.has(keys[at]) ? this.#group(keys[at], row.path, list) : null;
      if (group && row instanceof Row) group.add(row);
      else list.append(row.element);
    }
  }

  /**
   * @param {string} key
   * @param {string} path of its first file
   * @param {HTMLElement} list
   */
  #group(key, path, list) {
    const group =
      this.#groups.get(key) ?? new Group(path.slice(0, Math.max(0, path.lastIndexOf("/"))), () => this.#step());
    this.#groups.set(key, group);
    if (!group.element.isConnected) list.append(group.element);
    return group;
  }

  // One answer for all files of a patient; what is open about one file of a study holds for those behind it.
  /**
   * @param {OtherPatient} patient
   * @param {UploadGroup | null} group
   */
  #redirect(patient, group) {
    this.#redirected.add(patient.key);
    for (const row of this.#rows) {
      const isBehind = group && row.group === group && row.state === "waiting";
      if (isBehind || row.asksFor(patient.key)) row.sendTo(patient);
    }
    this.#step();
  }

  /** @param {string} comparison */
  #agree(comparison) {
    this.#compared.add(comparison);
    for (const row of this.#rows) if (row instanceof Row && row.comparison === comparison) row.attach();
  }

  // Sends what waits, as far as a few at a time allow; called after every change.
  #step() {
    this.#rows = this.#rows.filter((row) => row.state !== "removed");
    while (this.#sending < AT_ONCE && !this.#isPaused) {
      const row = this.#rows.find((one) => one.state === "waiting" && !one.waitsForTogether && !one.group?.isAsking);
      if (!row) break;
      this.#sending += 1;
      row.send().finally(() => {
        this.#sending -= 1;
        if (row.lost) this.#isPaused = true;
        this.#step();
        following.start();
      });
    }
    for (const group of this.#groups.values()) group.show();
    this.#together.show();
    this.#pictures.show(this.#rows.filter((row) => row instanceof Row).filter((row) => row.asksModality));
    this.#offerRetry();
    this.#sum();
    if (!this.#sending) this.#refreshTimeline();
  }

  #failed() {
    return this.#rows.filter((row) => row.state === "problem" && row.retryable);
  }

  #retryAll() {
    this.#isPaused = false;
    for (const row of this.#failed()) row.queueAgain();
    this.#step();
  }

  #offerRetry() {
    const place = find(this.#form, "[data-retry]", HTMLElement);
    const isOffered = !this.#sending && (this.#failed().length > 1 || this.#isPaused);
    place.hidden = !isOffered;
    const text = this.#isPaused ? gettext("Go on with all files") : gettext("Retry all that failed");
    place.replaceChildren(...(isOffered ? [button(text, () => this.#retryAll(), true)] : []));
  }

  #unsettled() {
    return this.#rows.filter((row) => ["waiting", "sending", "question", "problem"].includes(row.state) && !row.final);
  }

  #sum() {
    const sum = { total: 0, kept: 0, known: 0, open: 0, question: 0, problem: 0 };
    for (const { tally } of this.#rows)
      for (const key of /** @type {(keyof typeof sum)[]} */ (Object.keys(sum))) sum[key] += tally[key];
    const { total, kept } = sum;
    const parts = [
      interpolate(ngettext("%(done)s of %(total)s uploaded", "%(done)s of %(total)s uploaded", total), {
        done: kept,
        total,
      }),
      ...counted(sum.known, (n) => ngettext("%(count)s was here already", "%(count)s were here already", n)),
      ...counted(sum.open, (n) => ngettext("%(count)s to go", "%(count)s to go", n)),
      ...counted(sum.question, (n) => ngettext("%(count)s needs your decision", "%(count)s need your decision", n)),
      ...counted(sum.problem, (n) => ngettext("%(count)s not uploaded", "%(count)s not uploaded", n)),
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
