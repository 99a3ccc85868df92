// @ts-check
// A zip archive on its way: sent as it is, opened by the server, which tells what became of each file as it goes. What
// somebody has to say is asked once for all files of a kind; then the archive is sent again, which adds nothing twice.

import { sizeText } from "./files.js";
import { gettext, interpolate, ngettext, number } from "./i18n.js";
import { send } from "./sending.js";
import { button, cluster, comparison, Line } from "./upload_line.js";
import { body } from "./upload_row.js";

/**
 * @param {string} className
 * @param {Node[][]} items
 */
const listOf = (className, items) => {
  const list = document.createElement("ul");
  list.className = className;
  list.append(
    ...items.map((parts) => {
      const item = document.createElement("li");
      item.append(...parts);
      return item;
    }),
  );
  return list;
};

/** The study of the page's own patient, or that of another one. @param {string} title @param {string} name */
const titled = (title, name) =>
  name ? interpolate(gettext("%(name)s: %(sentence)s"), { name, sentence: title }) : title;

/** @template T @param {T[]} all @param {(one: T) => string} key @returns {T[][]} */
const grouped = (all, key) => {
  /** @type {Map<string, T[]>} */
  const found = new Map();
  for (const one of all) found.set(key(one), [...(found.get(key(one)) ?? []), one]);
  return [...found.values()];
};

export class ArchiveRow {
  /** @type {RowState} */
  state = "waiting";
  final = false;
  fresh = false;
  retryable = false;
  lost = false;
  comparison = "";
  asksModality = false;
  group = null;
  waitsForTogether = false;
  #sorted;
  #choice;
  #list;
  #line;
  #total = 0;
  /** @type {UploadAnswer[]} */
  #members = [];
  /** @type {Set<string>} */
  #added = new Set(); // scans that are here because of this archive
  /** @type {Set<string>} */
  #compared = new Set();

  /**
   * @param {SortedFile} sorted
   * @param {UploadChoice} choice
   * @param {UploadList} list
   */
  constructor(sorted, choice, list) {
    this.#sorted = sorted;
    this.#choice = { ...choice };
    this.#list = list;
    this.#line = new Line(sorted.file.name, sizeText(sorted.file.size));
    this.#show("waiting", gettext("Waiting for its turn"));
  }

  get element() {
    return this.#line.element;
  }

  get path() {
    return this.#sorted.path;
  }

  /** @returns {UploadTally} */
  get tally() {
    const known = this.#kept.filter((one) => !this.#added.has(one.scan ?? "")).length;
    const asked = this.#members.filter(({ comparison, choices }) => comparison || choices?.length).length;
    const problem = this.#problems.length;
    const counted = this.#kept.length + asked + problem;
    const open = ["waiting", "sending"].includes(this.state) ? Math.max(1, this.#total - this.#members.length) : 0;
    // An archive that could not be looked through counts as one file more.
    const failed = this.state === "problem" && !problem ? 1 : 0;
    return {
      total: counted + open + failed,
      kept: this.#kept.length - known,
      known,
      open,
      question: asked,
      problem: problem + failed,
    };
  }

  get #kept() {
    return this.#members.filter(({ outcome }) => outcome === "accepted" || outcome === "duplicate");
  }

  get #problems() {
    return this.#members.filter(
      ({ outcome, choices }) => outcome === "elsewhere" || (outcome === "refused" && !choices?.length),
    );
  }

  /**
   * @param {RowState} state
   * @param {string} note
   * @param {...HTMLElement} actions
   */
  #show(state, note, ...actions) {
    this.state = state;
    this.#line.show(state, note, ...actions);
  }

  async send() {
    const { form } = this.#list;
    const most = Number(form.dataset.mostArchiveBytes);
    if (this.#sorted.file.size > most) {
      this.final = true;
      const sentence = gettext(
        "This archive is larger than the %(most)s MB that are accepted. Unpack it and upload its folders.",
      );
      return this.#show("problem", interpolate(sentence, { most: number(most / 2 ** 20) }), this.#remover());
    }
    this.#show("sending", gettext("Uploading"));
    this.#total = 0;
    this.#members = [];
    const sent = body(this.#sorted.file, this.#choice, [...this.#list.compared(), ...this.#compared], form);
    sent.set("instead", this.#list.redirected().join(" "));
    const told = (/** @type {UploadAnswer} */ line) => this.#told(line);
    this.#settle(await send(form.action, sent, (share) => this.#line.progress(share), told));
  }

  /** @param {UploadAnswer} line */
  #told(line) {
    if (line.total !== undefined) this.#total = line.total;
    else this.#members.push(line);
    if (line.outcome === "accepted") this.#added.add(line.scan ?? "");
    if (line.outcome === "left_out") this.#list.leftOut([`${this.#sorted.file.name}/${line.name}`]);
    this.#line.bar.value = Math.round((100 * this.#members.length) / this.#total);
    this.#line.part("note").textContent = interpolate(
      ngettext("%(done)s of %(total)s file checked", "%(done)s of %(total)s files checked", this.#total),
      { done: this.#members.length, total: this.#total },
    );
    this.#list.counted();
  }

  /** @param {UploadAnswer} answer */
  #settle(answer) {
    this.lost = Boolean(answer.lost);
    this.retryable = Boolean(answer.again) || this.#members.some((one) => one.retryable);
    if (answer.again || !this.#total) return this.#fail(answer);
    this.fresh = this.#added.size > 0;
    const { question, problem } = this.tally;
    this.final = !question && !this.retryable;
    this.#show(question ? "question" : problem ? "problem" : "kept", this.#said(), ...this.#actions());
    this.#line.more(...this.#more());
  }

  /** @param {UploadAnswer} answer */
  #fail(answer) {
    this.final = !answer.again && !answer.retryable;
    if (!this.#total && answer.total === 0) return this.#show("kept", this.#said());
    const retry = this.final ? [] : [button(gettext("Retry"), () => this.queueAgain(), true)];
    this.#show("problem", answer.sentence, ...retry, this.#remover());
  }

  #said() {
    const { kept, known, question } = this.tally;
    const count = kept + known;
    if (!count && question) return gettext("None of its files was taken in yet.");
    if (!count) return gettext("None of its files was taken in.");
    return interpolate(ngettext("%(count)s image taken in", "%(count)s images taken in", count), { count });
  }

  #actions() {
    return this.retryable ? [button(gettext("Retry"), () => this.queueAgain(), true)] : [];
  }

  *#more() {
    if (this.#kept.length) yield this.#studies();
    yield* this.#questions();
    const problems = this.#problems;
    if (problems.length)
      yield listOf(
        "file-problems",
        problems.map(({ name, sentence }) =>
          [Object.assign(document.createElement("b"), { textContent: name }), ` ${sentence}`].map((part) =>
            typeof part === "string" ? new Text(part) : part,
          ),
        ),
      );
  }

  #studies() {
    return listOf(
      "file-studies",
      grouped(this.#kept, (one) => one.study?.key ?? "").map((images) => {
        const [{ url = "", study, patient = "" }] = images;
        const link = document.createElement("a");
        link.href = url;
        link.textContent = study ? titled(study.title, patient) : gettext("Open");
        const count = images.length;
        return [link, new Text(` (${interpolate(ngettext("%(count)s image", "%(count)s images", count), { count })})`)];
      }),
    );
  }

  *#questions() {
    const asked = this.#members.filter((one) => one.comparison);
    for (const alike of grouped(asked, (one) => one.comparison ?? "")) yield* this.#askIdentity(alike);
    const pictures = this.#members.filter((one) => one.choices?.length);
    if (pictures.length) yield* this.#askModality(pictures);
  }

  /** @param {UploadAnswer[]} alike */
  *#askIdentity(alike) {
    const [{ sentence, comparison: compared = "", differences = [], belongs_to: patient }] = alike;
    const count = alike.length;
    yield Object.assign(document.createElement("p"), { textContent: sentence });
    yield comparison(differences);
    const said = interpolate(gettext("Upload for %(name)s instead"), { name: patient?.name ?? "" });
    const text = ngettext(
      "Attach it anyway, I have compared them",
      "Attach all %(count)s that differ so, I have compared them",
      count,
    );
    yield cluster(
      ...(patient ? [button(said, () => this.#list.redirect(patient, null), true)] : []),
      button(interpolate(text, { count }), () => {
        this.#compared.add(compared);
        this.queueAgain();
      }),
      button(gettext("Leave out"), () => this.#leaveOut(({ comparison: one }) => one === compared)),
    );
  }

  /** Whether it waits for a person to say that some of its files are this patient's. @param {string} key */
  asksFor(key) {
    return this.state === "question" && this.#members.some(({ belongs_to }) => belongs_to?.key === key);
  }

  /** Sent again; the list says whose files go elsewhere. */
  sendTo() {
    this.#show("waiting", gettext("Waiting for its turn"));
  }

  /** @param {UploadAnswer[]} pictures */
  *#askModality(pictures) {
    const count = pictures.length;
    const text = ngettext("What does %(count)s picture show?", "What do these %(count)s pictures show?", count);
    yield Object.assign(document.createElement("p"), { textContent: interpolate(text, { count }) });
    yield cluster(
      ...(pictures[0].choices ?? []).map(({ value, label }) =>
        button(label, () => {
          this.#choice.modality = value;
          this.queueAgain();
        }),
      ),
      button(gettext("Leave out"), () => this.#leaveOut(({ choices }) => Boolean(choices?.length))),
    );
  }

  /** @param {(one: UploadAnswer) => boolean} which */
  #leaveOut(which) {
    this.#members = this.#members.filter((one) => !which(one));
    const { question, problem } = this.tally;
    this.final = !question && !this.retryable;
    this.#show(question ? "question" : problem ? "problem" : "kept", this.#said(), ...this.#actions());
    this.#line.more(...this.#more());
    this.#list.changed();
  }

  #remover() {
    return button(gettext("Remove"), () => {
      this.drop();
      this.#list.changed();
    });
  }

  drop() {
    this.state = "removed";
    this.#line.remove(this.#list.form);
  }

  queueAgain() {
    this.#show("waiting", gettext("Waiting for its turn"));
    this.#list.again();
  }
}
