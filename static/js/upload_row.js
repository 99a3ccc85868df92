// @ts-check
// One file on its way: waiting → sending → kept | question | problem; a person may send it again or take it off the list.

import { sizeText } from "./files.js";
import { gettext, interpolate, number } from "./i18n.js";
import { send } from "./sending.js";
import { button, cluster, comparison, Line } from "./upload_line.js";

/**
 * The request that sends one file.
 * @param {File} file
 * @param {UploadChoice} choice
 * @param {string[]} compared
 * @param {HTMLFormElement} form
 */
export const body = (file, choice, compared, form) => {
  const made = new FormData();
  made.set("csrfmiddlewaretoken", String(new FormData(form).get("csrfmiddlewaretoken")));
  for (const [name, value] of Object.entries(choice)) made.set(name, value);
  made.set("compared", compared.join(" "));
  made.set("files", file);
  return made;
};

/** What was said of this patient's examination is not said of another's. @param {UploadChoice} choice */
const ofOther = ({ modality, urgent }) => ({ modality, examination: "", ...(urgent ? { urgent } : {}) });

export class Row {
  /** @type {RowState} */
  state = "waiting";
  final = false; // nothing can be done about it any more
  known = false; // the same bytes were here already
  fresh = false; // kept since the timeline was last drawn
  retryable = false;
  lost = false; // the connection was, the last time
  /** @type {UploadAnswer | null} */
  answer = null;
  /** @type {UploadGroup | null} */
  group = null;
  waitsForTogether = false; // until a person says whether it is an examination of its own
  #sorted;
  #list;
  #choice;
  #line;
  #confirmed = "";
  /** @type {OtherPatient | null} */
  #instead = null; // another patient, whom a person chose for it

  /**
   * @param {SortedFile} sorted
   * @param {UploadChoice} choice
   * @param {UploadList} list
   */
  constructor(sorted, choice, list) {
    this.#sorted = sorted;
    // A folder holds what it holds: a DICOM in it says itself what it shows
    const saysItself = sorted.kind === "dicom" && sorted.path.includes("/");
    this.#choice = { ...choice, modality: saysItself ? "" : choice.modality };
    this.#list = list;
    this.#line = new Line(sorted.file.name, sizeText(sorted.file.size));
    if (this.asksModality) this.#askModality(list.modalities());
    else this.#show("waiting", gettext("Waiting for its turn"));
  }

  get element() {
    return this.#line.element;
  }

  get file() {
    return this.#sorted.file;
  }

  get path() {
    return this.#sorted.path;
  }

  /** Of the differences that a person is asked about. */
  get comparison() {
    return this.state === "question" ? (this.answer?.comparison ?? "") : "";
  }

  /** Whether nothing in it says to which examination it belongs. */
  get isLoose() {
    return this.#sorted.kind === "picture" || (this.#sorted.kind === "dicom" && !this.#sorted.study);
  }

  get modality() {
    return this.#choice.modality;
  }

  /** A person said whether it belongs together with others. @param {string} examination empty: it does not */
  belong(examination) {
    this.waitsForTogether = false;
    this.#choice.examination = examination;
  }

  /** Whether a person has to say what the picture shows. */
  get asksModality() {
    return this.#sorted.kind === "picture" && !this.#choice.modality && this.state !== "removed";
  }

  /** @returns {UploadTally} */
  get tally() {
    /** @param {...RowState} states */
    const is = (...states) => Number(states.includes(this.state));
    const known = Number(this.known);
    return {
      total: 1,
      kept: is("kept") - known,
      known,
      open: is("waiting", "sending"),
      question: is("question"),
      problem: is("problem"),
    };
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
    const most = Number(this.#list.form.dataset.mostBytes);
    if (this.file.size > most) {
      this.final = true;
      return this.#show(
        "problem",
        interpolate(
          gettext(
            "This file is larger than the %(most)s MB that are accepted. Export one image instead of a whole series, or compress it without loss.",
          ),
          { most: number(most / 2 ** 20) },
        ),
        this.#remover(),
      );
    }
    this.#show("sending", gettext("Uploading"));
    const compared = [...this.#list.compared(), this.#confirmed].filter(Boolean);
    const sent = body(this.file, this.#instead ? ofOther(this.#choice) : this.#choice, compared, this.#list.form);
    this.#settle(await send(this.#instead?.url ?? this.#list.form.action, sent, (share) => this.#progress(share)));
  }

  /** @param {number} share */
  #progress(share) {
    this.#line.progress(share);
  }

  /** @param {UploadAnswer} answer */
  #settle(answer) {
    this.answer = answer;
    this.lost = Boolean(answer.lost);
    this.retryable = Boolean(answer.again || answer.retryable);
    if (this.retryable) return this.#show("problem", answer.sentence, this.#retry(gettext("Retry")), this.#remover());
    if (answer.outcome === "accepted" || answer.outcome === "duplicate") return this.#kept(answer);
    if (answer.outcome === "mismatch") return this.#ask(answer);
    if (answer.choices?.length) {
      this.#choice.modality = "";
      return this.#askModality(answer.choices.map(({ value }) => value));
    }
    this.final = true;
    this.#show("problem", answer.sentence, ...this.#link(answer, gettext("Open that scan")), this.#remover());
  }

  /** @param {UploadAnswer} answer */
  #kept(answer) {
    this.final = true;
    this.fresh = answer.outcome === "accepted";
    this.known = !this.fresh;
    this.#show("kept", this.#of(answer.sentence), ...this.#link(answer, gettext("Open")));
    if (answer.thumbnail && !this.group) this.#line.picture(answer.thumbnail);
    const said = this.#line.part("said");
    said.dataset.name = this.file.name;
    said.dataset.following = answer.scan ?? "";
    // The sentence of a new scan says that its analysis is queued; its result stands beside it then.
    if (this.fresh)
      said.addEventListener("analysis:finished", () => (this.#line.part("note").textContent = gettext("Uploaded.")));
  }

  /** @param {string} sentence */
  #of(sentence) {
    if (!this.#instead) return sentence;
    return interpolate(gettext("%(name)s: %(sentence)s"), { name: this.#instead.name, sentence });
  }

  /** Whether it waits for a person to say that it is this patient's. @param {string} key */
  asksFor(key) {
    return this.state === "question" && this.answer?.belongs_to?.key === key;
  }

  /** A person found whose file it is. @param {OtherPatient} patient */
  sendTo(patient) {
    this.#instead = patient;
    this.#show("waiting", gettext("Waiting for its turn"));
  }

  /** Send the very bytes again that were asked about, as compared and belonging to this record. */
  attach() {
    this.#confirmed = this.answer?.comparison ?? "";
    this.queueAgain();
  }

  /** @param {UploadAnswer} answer */
  #ask(answer) {
    const { comparison: compared = "", differences = [] } = answer;
    // Decided while this one was on its way.
    if (this.#list.compared().includes(compared) && this.#confirmed !== compared) return this.attach();
    const { belongs_to: patient } = answer;
    if (patient && !this.#instead && this.#list.redirected().includes(patient.key)) return this.sendTo(patient);
    this.#show("question", answer.sentence);
    const choices = this.#offerOther(answer);
    choices.push(button(gettext("Attach anyway, I have compared them"), () => this.attach()));
    if (!this.#list.isAlone())
      choices.push(button(gettext("Attach every file here that differs so"), () => this.#list.agree(compared)));
    const { group } = this;
    if (group)
      choices.push(
        button(interpolate(gettext("Leave out all %(count)s files"), { count: group.left }), () => group.leaveOut()),
      );
    this.#line.more(comparison(differences), cluster(...choices, this.#remover(gettext("Leave out"))));
  }

  /** @param {UploadAnswer} answer */
  #offerOther({ belongs_to: patient }) {
    if (!patient) return [];
    const take = () => this.#list.redirect(patient, this.group);
    return [button(interpolate(gettext("Upload for %(name)s instead"), { name: patient.name }), take, true)];
  }

  /** The patient for whom it was uploaded, where that is not the one of this page. */
  get patient() {
    return this.#instead?.name ?? "";
  }

  /** @param {string[]} modalities */
  #askModality(modalities) {
    const choices = modalities.map((value) =>
      button(this.#list.label(value), () => {
        this.say(value);
        this.#list.again();
      }),
    );
    this.#show(
      "question",
      gettext("This file does not say what it shows. Choose what it is."),
      ...choices,
      this.#remover(gettext("Leave out")),
    );
  }

  /** The picture beside the question. @param {HTMLImageElement} picture */
  preview(picture) {
    this.#line.thumb(picture);
  }

  /** A person said what it shows. @param {string} modality */
  say(modality) {
    this.#choice.modality = modality;
    this.#show("waiting", gettext("Waiting for its turn"));
  }

  /**
   * @param {UploadAnswer} answer
   * @param {string} text
   */
  #link(answer, text) {
    if (!answer.url) return [];
    const link = document.createElement("a");
    link.className = "button button-small";
    link.href = answer.url;
    link.textContent = text;
    link.setAttribute(
      "aria-label",
      interpolate(gettext("%(action)s: %(name)s"), { action: text, name: this.file.name }),
    );
    return [link];
  }

  /** @param {string} text */
  #retry(text) {
    return button(text, () => this.queueAgain(), true);
  }

  #remover(text = gettext("Remove")) {
    return button(text, () => {
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
