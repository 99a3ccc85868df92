// @ts-check
// Two series that scroll together: whichever is turned, the other follows. alignment.js knows to which slice.

import { gettext } from "../i18n.js";
import { byPosition, middles, partner } from "./alignment.js";

export class Together {
  #series;
  #other;
  #isOn;
  #isFollowing = false;
  /** @type {{ slices: Entry[][], pair: import("./alignment.js").Pair } | null} chosen by a person for these two */
  #chosen = null;

  /**
   * @param {Series} series
   * @param {Series} other
   * @param {() => boolean} isOn whether both are in sight and linked
   */
  constructor(series, other, isOn) {
    this.#series = series;
    this.#other = other;
    this.#isOn = isOn;
  }

  get isOn() {
    return this.#isOn() && this.#series.length > 1 && this.#other.length > 1;
  }

  /** What stands side by side now belongs together. */
  pair() {
    const pair = { from: this.#series.index, to: this.#other.index };
    this.#chosen = pair.from < 0 || pair.to < 0 ? null : { slices: [this.#series.slices, this.#other.slices], pair };
  }

  get #isChosen() {
    const [one, other] = this.#chosen?.slices ?? [];
    return one === this.#series.slices && other === this.#other.slices;
  }

  /** The other of the two goes to where `leader` is. @param {Series} leader */
  follow(leader) {
    if (this.#isFollowing || !this.isOn) return;
    const follower = leader === this.#series ? this.#other : this.#series;
    const { from, to } = (this.#isChosen && this.#chosen?.pair) || middles(this.#series.slices, this.#other.slices);
    const pair = leader === this.#series ? { from, to } : { from: to, to: from };
    this.#isFollowing = true;
    follower.go(partner(leader.slices, follower.slices, leader.index, pair));
    this.#isFollowing = false;
  }

  /** By what they go; empty while they do not. */
  get sentence() {
    if (!this.isOn) return "";
    const inMillimetres = byPosition(this.#series.slices, this.#other.slices);
    return SENTENCES[`${inMillimetres ? "position" : "number"}-${this.#isChosen ? "chosen" : "middle"}`];
  }
}

/** @type {Record<string, string>} */
const SENTENCES = {
  "position-middle": gettext("Both series scroll together by position in millimetres from the middle of each."),
  "position-chosen": gettext("Both series scroll together by position in millimetres from the slices that you linked."),
  "number-middle": gettext(
    "Both series scroll together in proportion to their number of slices, as not every image says where it lies.",
  ),
  "number-chosen": gettext(
    "Both series scroll together in proportion to their number of slices, from the slices that you linked," +
      " as not every image says where it lies.",
  ),
};
