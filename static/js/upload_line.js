// @ts-check
// What a person sees of one file, archive or study on its way: a line of the list, made from the templates beside the form.

import { find } from "./dom.js";
import { gettext, interpolate, percent } from "./i18n.js";

/**
 * @param {string} text
 * @param {() => void} action
 */
export const button = (text, action, primary = false) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `button button-small${primary ? " button-primary" : ""}`;
  made.textContent = text;
  made.addEventListener("click", action);
  return made;
};

/** @param {...Node} parts */
export const cluster = (...parts) => {
  const made = document.createElement("div");
  made.className = "cluster";
  made.append(...parts);
  return made;
};

/**
 * What a template beside the form holds.
 * @template {Element} E
 * @param {string} selector
 * @param {new () => E} kind
 * @returns {E}
 */
const copy = (selector, kind) => {
  const template = find(document, selector, HTMLTemplateElement);
  return find(/** @type {DocumentFragment} */ (template.content.cloneNode(true)), "*", kind);
};

/** Header and record side by side. @param {Difference[]} differences */
export const comparison = (differences) => {
  const table = copy("template[data-differences]", HTMLTableElement);
  table.tBodies[0].append(...differences.map(differenceRow));
  return table;
};

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

export class Line {
  element = copy("template[data-file]", HTMLElement);

  /**
   * @param {string} name
   * @param {string} size
   */
  constructor(name, size = "") {
    this.name(name);
    this.part("size").textContent = size;
  }

  /** @param {string} text */
  name(text) {
    this.part("name").textContent = text;
    this.part("name").title = text;
  }

  /** @param {string} name */
  part(name) {
    return find(this.element, `[data-${name}]`, HTMLElement);
  }

  get bar() {
    return find(this.element, "[data-bar]", HTMLProgressElement);
  }

  /**
   * @param {RowState} state
   * @param {string} note
   * @param {...HTMLElement} actions
   */
  show(state, note, ...actions) {
    this.element.dataset.state = state;
    this.part("note").textContent = note;
    this.bar.hidden = !["waiting", "sending"].includes(state);
    this.part("do").replaceChildren(...actions);
    this.more();
  }

  /** Below the line. @param {...Node} parts */
  more(...parts) {
    this.part("more").hidden = !parts.length;
    this.part("more").replaceChildren(...parts);
  }

  /** @param {number} share of the bytes that were sent */
  progress(share) {
    this.bar.value = Math.round(100 * share);
    this.part("note").textContent =
      share < 1
        ? interpolate(gettext("Uploading, %(percent)s"), { percent: percent(share) })
        : gettext("Uploaded; being checked");
  }

  /** @param {string} address */
  picture(address) {
    const picture = document.createElement("img");
    picture.alt = "";
    picture.src = address;
    this.thumb(picture);
  }

  /** @param {HTMLImageElement} picture */
  thumb(picture) {
    find(this.element, ".file-thumb", HTMLElement).replaceChildren(picture);
  }

  /** Takes the line off the list; the focus goes to its neighbour. @param {HTMLFormElement} form */
  remove(form) {
    const neighbour = this.element.nextElementSibling ?? this.element.previousElementSibling;
    this.element.remove();
    const next = neighbour?.querySelector("button, a") ?? form.querySelector("[type=file]");
    if (next instanceof HTMLElement) next.focus();
  }
}
