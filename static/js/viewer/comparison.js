// @ts-check
// What stands beside the shown image: another view of the same study, the previous study, or a scan that a person chose.
// A pane with its own window and series.

import { gettext } from "../i18n.js";
import { make } from "./elements.js";
import { Pane } from "./pane.js";
import { Series } from "./series.js";
import { Strip } from "./strip.js";

/** @typedef {"own" | "prior" | "chosen"} Kind of what stands beside the image; what was chosen need not be earlier */

export class Comparison {
  isOpen = false;
  isLinked = true;
  /** @type {Kind} */
  kind = "prior";
  /** @type {Entry[]} */
  studies = [];
  /** @type {DisplaySet[]} what else there is to look at in the study beside; empty while that is not known */
  sets = [];

  #main;
  #changed;

  /**
   * @param {Pane} main
   * @param {{ drawn: (pane: Pane) => void, moved: (isNew: boolean) => void, changed: () => void }} tell
   */
  constructor(main, { drawn, moved, changed }) {
    this.#main = main;
    this.#changed = changed;
    this.pane = new Pane(gettext("Image to compare with"), drawn);
    this.pane.element.hidden = true;
    this.series = new Series(this.pane, () => this.strip.update(), moved);
    this.strip = new Strip(this.series);
    this.choice = make("select", { class: "sv-choice", "aria-label": gettext("Study to compare with") });
    this.choice.addEventListener("change", () => this.openStudy());
  }

  /** @param {Entry[] | undefined} studies */
  offer(studies, isChosen = false) {
    this.close();
    this.kind = isChosen ? "chosen" : "prior";
    this.isLinked = true;
    this.studies = studies ?? [];
    this.choice.replaceChildren(...this.studies.map((study) => make("option", {}, study.title)));
    this.sets = [];
    this.series.clear();
    this.pane.forget();
    this.pane.entry = null;
  }

  /** Whether another study stands there. */
  get isOtherStudy() {
    return this.isOpen && this.kind !== "own";
  }

  close() {
    this.isOpen = false;
    this.pane.element.hidden = true;
    this.strip.element.hidden = true;
  }

  /** The study that is chosen among those that are offered. @param {Kind} [kind] */
  async openStudy(kind = this.kind === "chosen" ? "chosen" : "prior") {
    const study = this.studies[Math.max(0, this.choice.selectedIndex)];
    if (!study) return;
    await Promise.all([this.open(study, kind), this.#learn(study)]);
  }

  /**
   * @param {Entry} entry
   * @param {Kind} kind
   */
  async open(entry, kind) {
    const isOther = kind !== this.kind;
    if (isOther || kind === "own") this.sets = [];
    this.kind = kind;
    this.isOpen = true;
    this.pane.element.hidden = false;
    this.link(isOther ? kind !== "own" : this.isLinked && kind !== "own");
    await this.show(entry);
  }

  /** @param {Entry} entry */
  async show(entry) {
    if (this.pane.entry?.set !== entry.set) this.series.leave();
    const shown = await this.pane.show(entry);
    this.strip.update();
    if (shown && entry.series && !this.series.length) await this.series.load(entry.series);
  }

  /** @param {Entry} study */
  async #learn(study) {
    this.sets = [];
    if (!study.viewer) return;
    const response = await fetch(study.viewer, { headers: { Accept: "application/json" } });
    const told = response.ok && !response.redirected ? await response.json() : null;
    if (!told || this.studies[Math.max(0, this.choice.selectedIndex)] !== study || this.kind === "own") return;
    this.sets = told.sets;
    this.#changed();
  }

  /** Linked panes share one View; an unlinked one goes on from where it was. @param {boolean} linked */
  link(linked) {
    this.isLinked = linked;
    this.pane.view = linked ? this.#main.view : this.#main.view.copy();
    this.pane.draw();
  }
}
