// @ts-check
// The slices of a CT series in one pane, and what the classifiers said of each where that may be seen.

import { ahead } from "./ahead.js";
import { store } from "./store.js";
import { within } from "./view.js";

export class Series {
  /** @type {Entry[]} */
  slices = [];
  /** @type {Map<string, Score>} by scan, of the whole study */
  scores = new Map();
  /** @type {string[]} scans that the result rests on most */
  keyImages = [];

  #pane;
  #changed;
  #moved;
  #direction = 0;
  /** @type {Map<string, Promise<Entry[] | null>>} by address */
  #known = new Map();

  /**
   * @param {Pane} pane
   * @param {() => void} changed
   * @param {(isNew: boolean) => void} moved another slice was asked for, or the series is new
   */
  constructor(pane, changed, moved = () => {}) {
    this.#pane = pane;
    this.#changed = changed;
    this.#moved = moved;
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

  /** Another series of the same study comes. */
  leave() {
    this.slices = [];
    this.#direction = 0;
    this.#changed();
  }

  /** Another study comes. */
  clear() {
    this.scores = new Map();
    this.keyImages = [];
    this.#known.clear();
    this.leave();
  }

  /** @param {string} url */
  async load(url) {
    const asked = this.#known.get(url) ?? slicesFrom(url);
    this.#known.set(url, asked);
    const slices = await asked;
    // Meanwhile the pane may have gone on to another series.
    if (!slices || this.#known.get(url) !== asked || this.#pane.entry?.set !== slices[0]?.set) return;
    this.slices = slices;
    this.#prefetch();
    this.#changed();
    this.#moved(true);
  }

  /** @param {string} url */
  async loadScores(url) {
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const { scores, key_images } = await response.json();
    this.scores = new Map(Object.entries(scores));
    this.keyImages = key_images;
    this.#changed();
  }

  /** @param {number} by */
  step(by) {
    if (this.length) this.go(this.index + by);
  }

  /** @param {number} to */
  async go(to) {
    const from = this.index;
    const wanted = this.slices[within(to, 0, this.length - 1)];
    if (!wanted || wanted.id === this.#pane.entry?.id) return;
    const shown = this.#pane.show(wanted);
    this.#direction = Math.sign(this.index - from);
    this.#prefetch();
    this.#changed();
    this.#moved(false);
    if (await shown) this.#changed();
  }

  #prefetch() {
    const most = store.room(this.#pane.image);
    const places = ahead(this.length, Math.max(0, this.index), this.#direction, most);
    store.prefetch(
      places.map((place) => this.slices[place].greyscale),
      this,
    );
  }
}

/**
 * @param {string} url
 * @returns {Promise<Entry[] | null>}
 */
async function slicesFrom(url) {
  const response = await fetch(url);
  return response.ok ? (await response.json()).slices : null;
}
