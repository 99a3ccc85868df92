// @ts-check
// The images side by side: the scan of the page, and the one it is compared with. Keys and buttons act on the active one.

import { gettext } from "../i18n.js";
import { Comparison } from "./comparison.js";
import { Pane } from "./pane.js";
import { Series } from "./series.js";
import { Strip } from "./strip.js";

export class Panes {
  /**
   * @param {{ drawn: (pane: Pane) => void, slice: () => void, changed: () => void, say: (text: string) => void }} tell
   *   `changed` when another pane is active or the comparison opens, closes or is linked.
   */
  constructor({ drawn, slice, changed, say }) {
    this.main = new Pane(gettext("Image"), drawn);
    this.series = new Series(this.main, slice);
    this.strip = new Strip(this.series);
    this.comparison = new Comparison(this.main, drawn);
    this.active = this.main;
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

  async toggleCompare() {
    const opening = this.comparison.toggle();
    if (!this.isComparing) this.activate(this.main);
    this.changed();
    this.main.draw();
    await opening;
    this.changed();
  }

  toggleLink() {
    this.comparison.link(!this.isLinked);
    this.say(this.isLinked ? gettext("Both images move together") : gettext("Each image moves alone"));
    this.changed();
  }
}
