// @ts-check
// The list of series: what there is to look at in the study, and in the one that stands beside it. One line for each,
// with a thumbnail; those in sight are marked.

import { gettext, interpolate } from "../i18n.js";
import { make } from "./elements.js";
import { labelOf } from "./panes.js";

export class SeriesList {
  #panes;
  /** @type {[DisplaySet, HTMLButtonElement][]} */
  #lines = [];
  /** @type {DisplaySet[][]} */
  #drawn = [];

  /** @param {Panes} panes */
  constructor(panes) {
    this.#panes = panes;
    this.element = make("nav", { class: "sv-series", "aria-label": gettext("Series"), hidden: true });
  }

  /** Bring it up to date. A study of one image needs no list. */
  update() {
    const { sets, comparison } = this.#panes;
    const others = comparison.isOtherStudy ? comparison.sets : [];
    this.element.hidden = sets.length < 2 && others.length < 2;
    if (this.#drawn[0] !== sets || this.#drawn[1] !== others) this.#draw(sets, others);
    const shown = new Set(this.#panes.shown.map((pane) => this.#panes.setOf(pane)));
    for (const [set, line] of this.#lines)
      this.#mark(line, shown.has(set), set === this.#panes.setOf(this.#panes.active));
  }

  /**
   * @param {HTMLButtonElement} line
   * @param {boolean} isShown
   * @param {boolean} isActive
   */
  #mark(line, isShown, isActive) {
    line.classList.toggle("sv-set-shown", isShown);
    line.setAttribute("aria-pressed", String(isShown));
    if (isActive && !line.classList.contains("sv-set-active")) this.#bringIntoSight(line);
    line.classList.toggle("sv-set-active", isActive);
  }

  /** Within the list: scrollIntoView would move the page too. @param {HTMLElement} line */
  #bringIntoSight(line) {
    const [one, all] = [line.getBoundingClientRect(), this.element.getBoundingClientRect()];
    if (one.top < all.top || one.bottom > all.bottom) this.element.scrollTop += one.top - all.top;
    if (one.left < all.left || one.right > all.right) this.element.scrollLeft += one.left - all.left;
  }

  /**
   * @param {DisplaySet[]} sets
   * @param {DisplaySet[]} others
   */
  #draw(sets, others) {
    this.#drawn = [sets, others];
    this.#lines = [];
    const groups = [this.#group(gettext("Series of this study"), sets)];
    const [first] = others;
    if (first) groups.push(this.#group(this.#titleOf(first), others));
    this.element.replaceChildren(...groups);
  }

  /** @param {DisplaySet} set of the study beside */
  #titleOf({ opens }) {
    const { kind } = this.#panes.comparison;
    return kind === "prior" ? interpolate(gettext("Previous: %(study)s"), { study: opens.title }) : opens.title;
  }

  /**
   * @param {string} name
   * @param {DisplaySet[]} sets
   */
  #group(name, sets) {
    const lines = sets.map((set) => make("li", {}, this.#line(set)));
    const isSecond = this.#drawn[1] === sets;
    return make(
      "div",
      { class: "sv-sets" },
      isSecond && make("p", { class: "sv-sets-name" }, name),
      make("ul", { "aria-label": name }, ...lines),
    );
  }

  /** @param {DisplaySet} set */
  #line(set) {
    const line = make(
      "button",
      {
        type: "button",
        class: "sv-set",
        "aria-label": labelOf(set),
        title: set.why || set.description || set.title,
        onclick: () => this.#panes.showSet(set),
      },
      make("img", { src: set.thumbnail, alt: "", loading: "lazy", width: 48, height: 48 }),
      make(
        "span",
        { class: "sv-set-words" },
        make("span", { class: "sv-set-title" }, set.title),
        set.description && make("span", { class: "sv-set-more", translate: "no" }, set.description),
        set.count && make("span", { class: "sv-set-more" }, set.count),
        set.note && make("span", { class: "sv-set-note" }, set.note),
      ),
    );
    this.#lines.push([set, line]);
    return line;
  }
}
