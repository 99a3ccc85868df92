// @ts-check
// One file on its way: waiting → sending → kept | question | problem; a person may send it again or take it off the list.

import { find } from "./dom.js";
import { sizeText } from "./files.js";
import { gettext, interpolate, number, percent } from "./i18n.js";
import { send } from "./sending.js";

/**
 * @param {string} text
 * @param {() => void} action
 */
const button = (text, action, primary = false) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `button button-small${primary ? " button-primary" : ""}`;
  made.textContent = text;
  made.addEventListener("click", action);
  return made;
};

/** @typedef {"waiting" | "sending" | "kept" | "question" | "problem" | "removed"} RowState */
/**
 * @typedef {{ modality: string, urgent: string }} Choice what a person said of all files before they were chosen
 * @typedef {object} List what becomes of the others
 * @property {() => void} changed
 * @property {(difference: string) => boolean} isAgreed
 * @property {((difference: string) => void) | null} agree null where there are no others
 */

export class Row {
  /** @type {RowState} */
  state = "waiting";
  final = false; // nothing can be done about it any more
  known = false; // the same bytes were here already
  fresh = false; // kept since the timeline was last drawn
  difference = ""; // of its header and the record, as text that equals that of a file with the same header
  #file;
  #form;
  #list;
  #choice;
  #fingerprint = "";
  #confirmed = "";

  /**
   * @param {File} file
   * @param {Choice} choice
   * @param {HTMLFormElement} form
   * @param {List} list
   */
  constructor(file, choice, form, list) {
    this.#file = file;
    this.#form = form;
    this.#choice = { ...choice };
    this.#list = list;
    this.element = this.#copy("template[data-file]", HTMLElement);
    this.#part("name").textContent = file.name;
    this.#part("name").title = file.name;
    this.#part("size").textContent = sizeText(file.size);
    this.#show("waiting", gettext("Waiting for its turn"));
  }

  /** @param {string} name */
  #part(name) {
    return find(this.element, `[data-${name}]`, HTMLElement);
  }

  get #bar() {
    return find(this.element, "[data-bar]", HTMLProgressElement);
  }

  /**
   * What the template beside the form holds.
   * @template {Element} E
   * @param {string} selector
   * @param {new () => E} kind
   * @returns {E}
   */
  #copy(selector, kind) {
    const template = find(document, selector, HTMLTemplateElement);
    return find(/** @type {DocumentFragment} */ (template.content.cloneNode(true)), "*", kind);
  }

  /**
   * @param {RowState} state
   * @param {string} note
   * @param {...HTMLElement} actions
   */
  #show(state, note, ...actions) {
    this.state = state;
    this.element.dataset.state = state;
    this.#part("note").textContent = note;
    this.#bar.hidden = !["waiting", "sending"].includes(state);
    this.#part("do").replaceChildren(...actions);
    this.#part("more").hidden = true;
    this.#part("more").replaceChildren();
  }

  async send() {
    const most = Number(this.#form.dataset.mostBytes);
    if (this.#file.size > most) {
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
    const answer = await send(this.#form.action, this.#body(), (share) => this.#progress(share));
    this.#settle(answer);
  }

  #body() {
    const body = new FormData();
    body.set("csrfmiddlewaretoken", String(new FormData(this.#form).get("csrfmiddlewaretoken")));
    body.set("modality", this.#choice.modality);
    body.set("urgent", this.#choice.urgent);
    body.set("confirmed", this.#confirmed);
    body.set("files", this.#file);
    return body;
  }

  /** @param {number} share */
  #progress(share) {
    this.#bar.value = Math.round(100 * share);
    this.#part("note").textContent =
      share < 1
        ? interpolate(gettext("Uploading, %(percent)s"), { percent: percent(share) })
        : gettext("Uploaded; being checked");
  }

  /** @param {UploadAnswer} answer */
  #settle(answer) {
    if (answer.again || answer.retryable)
      return this.#show("problem", answer.sentence, this.#retry(gettext("Retry")), this.#remover());
    if (answer.outcome === "accepted" || answer.outcome === "duplicate") return this.#kept(answer);
    if (answer.outcome === "mismatch") return this.#ask(answer);
    if (answer.choices?.length) return this.#askModality(answer);
    this.final = true;
    this.#show("problem", answer.sentence, ...this.#link(answer, gettext("Open that scan")), this.#remover());
  }

  /** @param {UploadAnswer} answer */
  #kept(answer) {
    this.final = true;
    this.fresh = answer.outcome === "accepted";
    this.known = !this.fresh;
    this.#show("kept", answer.sentence, ...this.#link(answer, gettext("Open")));
    this.#picture(answer.thumbnail ?? "");
    const said = this.#part("said");
    said.dataset.name = this.#file.name;
    said.dataset.following = answer.scan ?? "";
    // The sentence of a new scan says that its analysis is queued; its result stands beside it then.
    if (this.fresh)
      said.addEventListener("analysis:finished", () => (this.#part("note").textContent = gettext("Uploaded.")));
  }

  /** @param {string} address */
  #picture(address) {
    const picture = document.createElement("img");
    picture.alt = "";
    picture.src = address;
    find(this.element, ".file-thumb", HTMLElement).replaceChildren(picture);
  }

  /** Send the very bytes again that were asked about, as compared and belonging to this record. */
  attach() {
    this.#confirmed = this.#fingerprint;
    this.#queueAgain();
  }

  /** @param {UploadAnswer} answer */
  #ask(answer) {
    const { fingerprint = "", differences = [] } = answer;
    this.#fingerprint = fingerprint;
    this.difference = JSON.stringify(differences);
    if (this.#list.isAgreed(this.difference) && this.#confirmed !== this.#fingerprint) return this.attach();
    this.#show("question", answer.sentence);
    const table = this.#copy("template[data-differences]", HTMLTableElement);
    table.tBodies[0].append(...differences.map(differenceRow));
    const choices = document.createElement("div");
    choices.className = "cluster";
    choices.append(button(gettext("Attach anyway, I have compared them"), () => this.attach()));
    const { agree } = this.#list;
    if (agree) {
      choices.append(button(gettext("Attach every file here that differs so"), () => agree(this.difference)));
    }
    choices.append(this.#remover(gettext("Leave out")));
    this.#part("more").hidden = false;
    this.#part("more").append(table, choices);
  }

  /** @param {UploadAnswer} answer */
  #askModality(answer) {
    const choices = (answer.choices ?? []).map(({ value, label }) =>
      button(label, () => {
        this.#choice.modality = value;
        this.#queueAgain();
      }),
    );
    this.#show(
      "question",
      gettext("This file does not say what it shows. Choose what it is."),
      ...choices,
      this.#remover(gettext("Leave out")),
    );
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
      interpolate(gettext("%(action)s: %(name)s"), { action: text, name: this.#file.name }),
    );
    return [link];
  }

  /** @param {string} text */
  #retry(text) {
    return button(text, () => this.#queueAgain(), true);
  }

  #remover(text = gettext("Remove")) {
    return button(text, () => {
      this.state = "removed";
      const neighbour = this.element.nextElementSibling ?? this.element.previousElementSibling;
      this.element.remove();
      const next = neighbour?.querySelector("button, a") ?? this.#form.querySelector("[type=file]");
      if (next instanceof HTMLElement) next.focus();
      this.#list.changed();
    });
  }

  #queueAgain() {
    this.#show("waiting", gettext("Waiting for its turn"));
    this.#list.changed();
  }
}

/** @param {Difference} difference */
const differenceRow = ({ label, in_file, in_record }) => {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = label;
  row.append(
    head,
    ...[in_file, in_record].map((text) => Object.assign(document.createElement("td"), { textContent: text })),
  );
  return row;
};
