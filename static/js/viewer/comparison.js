// @ts-check
// The previous study, or a scan that a person chose, beside the shown one: a pane with its own window and series.

import { gettext } from "../i18n.js";
import { make } from "./elements.js";
import { Pane } from "./pane.js";
import { Series } from "./series.js";
import { Strip } from "./strip.js";

export class Comparison {
  isOpen = false;
  isLinked = true;
  isChosen = false; // a person chose what stands beside it: it need not be earlier
  /** @type {Entry[]} */
  studies = [];

  #main;

  /**
   * @param {Pane} main
   * @param {(pane: Pane) => void} changed
   */
  constructor(main, changed) {
    this.#main = main;
    this.pane = new Pane(gettext("Image to compare with"), changed);
    this.pane.element.hidden = true;
    this.series = new Series(this.pane, () => this.strip.update());
    this.strip = new Strip(this.series);
    this.choice = make("select", { class: "sv-choice", "aria-label": gettext("Study to compare with") });
    this.choice.addEventListener("change", () => this.#open(this.studies[this.choice.selectedIndex]));
  }

  /** @param {Entry[] | undefined} studies */
  offer(studies, isChosen = false) {
    this.close();
    this.isChosen = isChosen;
    this.studies = studies ?? [];
    this.choice.replaceChildren(...this.studies.map((study) => make("option", {}, study.title)));
    this.pane.forget();
    this.pane.entry = null;
  }

  async toggle() {
    if (this.isOpen) this.close();
    else await this.#open(this.studies[Math.max(0, this.choice.selectedIndex)]);
  }

  close() {
    this.isOpen = false;
    this.pane.element.hidden = true;
    this.strip.element.hidden = true;
  }

  /** @param {Entry | undefined} study */
  async #open(study) {
    if (!study) return;
    this.isOpen = true;
    this.pane.element.hidden = false;
    this.link(this.isLinked);
    if (this.pane.entry?.id !== study.id) this.series.clear();
    const shown = await this.pane.show(study);
    this.strip.update();
    if (shown && study.series && !this.series.length) await this.series.load(study.series);
  }

  /** Linked panes share one View; an unlinked one goes on from where it was. @param {boolean} linked */
  link(linked) {
    this.isLinked = linked;
    this.pane.view = linked ? this.#main.view : this.#main.view.copy();
    this.pane.draw();
  }
}
