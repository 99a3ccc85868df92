// @ts-check
// The slices of a CT series in one pane, and what the classifiers said of each where that may be seen.

import { store } from "./store.js";
import { within } from "./view.js";

const AHEAD = 150; // slices on both sides together; about half a megabyte each

export class Series {
  /** @type {Entry[]} */
  slices = [];
  /** @type {Map<string, Score>} by scan */
  scores = new Map();

  #pane;
  #changed;

  /**
   * @param {Pane} pane
   * @param {() => void} changed
   */
  constructor(pane, changed) {
    this.#pane = pane;
    this.#changed = changed;
  }

  get length() {
    return this.slices.length;
  }

  /** The place of the slice that was asked for last, from 0; -1 before the series is known. */
  get index() {
    return this.#placeOf(this.#pane.entry);
  }

  /** The place of the slice whose picture is on the screen. */
  get shown() {
    return this.#placeOf(this.#pane.shown);
  }

  /** @param {Entry | null} entry */
  #placeOf(entry) {
    return this.slices.findIndex((slice) => slice.id === entry?.id);
  }

  clear() {
    this.slices = [];
    this.scores.clear();
  }

  /** @param {string} url */
  async load(url) {
    const response = await fetch(url);
    if (!response.ok) return;
    this.slices = (await response.json()).slices;
    this.#prefetch();
    this.#changed();
  }

  /** @param {string} url */
  async loadScores(url) {
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    this.scores = new Map(Object.entries((await response.json()).scores));
    this.#changed();
  }

  /** @param {number} by */
  step(by) {
    if (this.length) this.go(this.index + by);
  }

  /** @param {number} to */
  async go(to) {
    const wanted = this.slices[within(to, 0, this.length - 1)];
    if (!wanted || wanted.id === this.#pane.entry?.id) return;
    const shown = this.#pane.show(wanted);
    this.#changed();
    if (await shown) {
      this.#prefetch();
      this.#changed();
    }
  }

  /** The nearest first. */
  #prefetch() {
    const near = this.index;
    const order = this.slices.map((slice, place) => ({ away: Math.abs(place - near), url: slice.greyscale }));
    order.sort((a, b) => a.away - b.away);
    store.prefetch(order.slice(0, AHEAD).map(({ url }) => url));
  }
}
