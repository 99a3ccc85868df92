// @ts-check
// The images side by side: that of the page, and what stands beside it. Keys and buttons act on the active one.

import { gettext, interpolate } from "../i18n.js";
import { Comparison } from "./comparison.js";
import { Pane } from "./pane.js";
import { Series } from "./series.js";
import { Strip } from "./strip.js";
import { Together } from "./together.js";

export class Panes {
  /** @type {DisplaySet[]} what there is to look at in the study */
  sets = [];
  /** @type {Entry | undefined} what the study is hung with in the second pane */
  beside;

  /**
   * @param {{ drawn: (pane: Pane) => void, slice: () => void, changed: () => void, say: (text: string) => void }} tell
   *   `changed` when another pane is active, another series is shown, or the comparison opens, closes or is linked.
   */
  constructor({ drawn, slice, changed, say }) {
    this.main = new Pane(gettext("Image"), drawn);
    this.series = new Series(this.main, slice, () => this.together.follow(this.series));
    this.strip = new Strip(this.series);
    this.comparison = new Comparison(this.main, {
      drawn,
      moved: (isNew) => {
        this.together.follow(isNew ? this.series : this.comparison.series);
        if (isNew) changed();
      },
      changed,
    });
    this.together = new Together(this.series, this.comparison.series, () => this.isComparing && this.isLinked);
    this.active = this.main;
    this.slice = slice;
    this.changed = changed;
    this.say = say;
  }

  /** Both, whether or not the second is shown. */
  get all() {
    return [this.main, this.comparison.pane];
  }

  get shown() {
    return this.isComparing ? this.all : [this.main];
  }

  get hasPrior() {
    return this.comparison.studies.length > 0;
  }

  get isComparing() {
    return this.comparison.isOpen;
  }

  get isLinked() {
    return this.comparison.isLinked;
  }

  get activeSeries() {
    return this.seriesOf(this.active);
  }

  /** @param {Pane} pane */
  seriesOf(pane) {
    return pane === this.main ? this.series : this.comparison.series;
  }

  /** The next slice of the active image, or the one `by` further. @param {number} by */
  step(by) {
    this.activeSeries.step(by);
  }

  /** @param {Pane} pane */
  activate(pane) {
    this.active = pane;
    for (const one of this.all) one.element.classList.toggle("sv-pane-active", one === pane);
    this.strip.element.classList.toggle("sv-strip-active", pane === this.main);
    this.comparison.strip.element.classList.toggle("sv-strip-active", pane !== this.main);
    this.changed();
  }

  activateOther() {
    this.activate(this.active === this.main ? this.comparison.pane : this.main);
  }

  /** Draw again: the pane, and the one that moves with it. @param {Pane} pane */
  refresh(pane) {
    pane.draw();
    if (this.isComparing && this.isLinked) for (const one of this.shown) one.draw();
  }

  // --- the list of series --------------------------------------------------------------------------------

  /** What the list has for a pane. @param {Pane} pane */
  setsOf(pane) {
    return pane !== this.main && this.comparison.isOtherStudy ? this.comparison.sets : this.sets;
  }

  /** The series that a pane shows, where the list has it. @param {Pane} pane */
  setOf(pane) {
    return this.setsOf(pane).find(({ id }) => id === pane.entry?.set);
  }

  /** The pane that shows a series of the list when it is chosen. @param {DisplaySet} set */
  paneFor(set) {
    if (this.comparison.sets.includes(set)) return this.comparison.pane;
    return this.comparison.isOtherStudy ? this.main : this.active;
  }

  /** @param {DisplaySet} set */
  async showSet(set) {
    const pane = this.paneFor(set);
    this.activate(pane);
    if (pane.entry?.set === set.id) return;
    const series = this.seriesOf(pane);
    const shown = pane.show(set.opens);
    series.leave();
    this.#announce(set, this.setsOf(pane));
    this.changed();
    if (!(await shown)) return;
    if (pane === this.main) this.slice();
    if (set.opens.series) await series.load(set.opens.series);
    this.changed();
  }

  /** The next series of the active image's study, round and round. @param {number} by */
  stepSet(by) {
    const sets = this.setsOf(this.active);
    const place = sets.findIndex(({ id }) => id === this.active.entry?.set);
    if (sets.length) this.showSet(sets[(place + by + sets.length) % sets.length]);
  }

  /**
   * @param {DisplaySet} set
   * @param {DisplaySet[]} sets
   */
  #announce(set, sets) {
    const words = { number: sets.indexOf(set) + 1, total: sets.length, name: labelOf(set) };
    this.say(interpolate(gettext("Series %(number)s of %(total)s: %(name)s"), words));
  }

  // --- side by side --------------------------------------------------------------------------------------

  /** The previous or chosen study beside the image, or no longer. */
  async toggleCompare() {
    await this.#toggle(this.comparison.isOtherStudy, () => this.comparison.openStudy());
  }

  /** The second view that the study is hung with, or the image alone. */
  async toggleBeside() {
    const { beside } = this;
    await this.#toggle(this.isComparing, async () => beside && this.comparison.open(beside, "own"));
  }

  /**
   * @param {boolean} isOpen
   * @param {() => Promise<unknown>} open
   */
  async #toggle(isOpen, open) {
    if (isOpen) this.comparison.close();
    const opening = isOpen ? null : open();
    if (!this.isComparing) this.activate(this.main);
    this.changed();
    this.main.draw();
    await opening;
    this.changed();
  }

  toggleLink() {
    this.comparison.link(!this.isLinked);
    if (this.isLinked) this.together.pair();
    const together = this.together.sentence || gettext("Both images move together");
    this.say(this.isLinked ? together : gettext("Each image moves alone"));
    this.changed();
  }
}

/** "Lateral, Not classified: lateral view": a series in words. @param {DisplaySet} set */
export const labelOf = ({ title, description, count, note }) =>
  [title, description, count, note].filter(Boolean).join(", ");
