// One file on its way: waiting → sending → kept | question | problem; a person may send it again or take it off the list.

import { sizeText } from "./files.js";
import { gettext, interpolate, number, percent } from "./i18n.js";
import { send } from "./sending.js";

const button = (text, action, primary = false) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `button button-small${primary ? " button-primary" : ""}`;
  made.textContent = text;
  made.addEventListener("click", action);
  return made;
};

export class Row {
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

  /** `list` says what becomes of the others: changed(), isAgreed(difference), and agree(difference) where there are any. */
  constructor(file, choice, form, list) {
    this.#file = file;
    this.#form = form;
    this.#choice = { ...choice };
    this.#list = list;
    const template = form.parentElement.querySelector("template[data-file]");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.#part("name").textContent = file.name;
    this.#part("name").title = file.name;
    this.#part("size").textContent = sizeText(file.size);
    this.#show("waiting", gettext("Waiting for its turn"));
  }

  #part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  #show(state, note, ...actions) {
    this.state = state;
    this.element.dataset.state = state;
    this.#part("note").textContent = note;
    this.#part("bar").hidden = !["waiting", "sending"].includes(state);
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
    body.set("csrfmiddlewaretoken", new FormData(this.#form).get("csrfmiddlewaretoken"));
    body.set("modality", this.#choice.modality);
    body.set("urgent", this.#choice.urgent);
    body.set("confirmed", this.#confirmed);
    body.set("files", this.#file);
    return body;
  }

  #progress(share) {
    this.#part("bar").value = Math.round(100 * share);
    this.#part("note").textContent =
      share < 1
        ? interpolate(gettext("Uploading, %(percent)s"), { percent: percent(share) })
        : gettext("Uploaded; being checked");
  }

  #settle(answer) {
    if (answer.again || answer.retryable)
      return this.#show("problem", answer.sentence, this.#retry(gettext("Retry")), this.#remover());
    if (answer.outcome === "accepted" || answer.outcome === "duplicate") return this.#kept(answer);
    if (answer.outcome === "mismatch") return this.#ask(answer);
    if (answer.choices?.length) return this.#askModality(answer);
    this.final = true;
    this.#show("problem", answer.sentence, ...this.#link(answer, gettext("Open that scan")), this.#remover());
  }

  #kept(answer) {
    this.final = true;
    this.fresh = answer.outcome === "accepted";
    this.known = !this.fresh;
    this.#show("kept", answer.sentence, ...this.#link(answer, gettext("Open")));
    this.#picture(answer.thumbnail);
    const said = this.#part("said");
    said.dataset.name = this.#file.name;
    said.dataset.following = answer.scan;
    // The sentence of a new scan says that its analysis is queued; its result stands beside it then.
    if (this.fresh)
      said.addEventListener("analysis:finished", () => (this.#part("note").textContent = gettext("Uploaded.")));
  }

  #picture(address) {
    const picture = document.createElement("img");
    picture.alt = "";
    picture.src = address;
    this.element.querySelector(".file-thumb").replaceChildren(picture);
  }

  /** Send the very bytes again that were asked about, as compared and belonging to this record. */
  attach() {
    this.#confirmed = this.#fingerprint;
    this.#queueAgain();
  }

  #ask(answer) {
    this.#fingerprint = answer.fingerprint;
    this.difference = JSON.stringify(answer.differences);
    if (this.#list.isAgreed(this.difference) && this.#confirmed !== this.#fingerprint) return this.attach();
    this.#show("question", answer.sentence);
    const template = this.#form.parentElement.querySelector("template[data-differences]");
    const table = template.content.firstElementChild.cloneNode(true);
    table.tBodies[0].append(...answer.differences.map(differenceRow));
    const choices = document.createElement("div");
    choices.className = "cluster";
    choices.append(button(gettext("Attach anyway, I have compared them"), () => this.attach()));
    if (this.#list.agree) {
      choices.append(
        button(gettext("Attach every file here that differs so"), () => this.#list.agree(this.difference)),
      );
    }
    choices.append(this.#remover(gettext("Leave out")));
    this.#part("more").hidden = false;
    this.#part("more").append(table, choices);
  }

  #askModality(answer) {
    const choices = answer.choices.map(({ value, label }) =>
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

  #retry(text) {
    return button(text, () => this.#queueAgain(), true);
  }

  #remover(text = gettext("Remove")) {
    return button(text, () => {
      this.state = "removed";
      const neighbour = this.element.nextElementSibling ?? this.element.previousElementSibling;
      this.element.remove();
      (neighbour?.querySelector("button, a") ?? this.#form.querySelector("[type=file]")).focus();
      this.#list.changed();
    });
  }

  #queueAgain() {
    this.#show("waiting", gettext("Waiting for its turn"));
    this.#list.changed();
  }
}

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
