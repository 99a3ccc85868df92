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
  /** @type {Set<string>} scans that the classifiers were not asked about, because a neighbour was */
  unasked = new Set();
  /** The address of slices that could not be loaded; empty: none. One slice alone is on the screen then. */
  missing = "";

  #pane;
  #changed;
  #moved;
  #direction = 0;
  /** @type {Map<string, Promise<Entry[]>>} by address */
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
    this.missing = "";
    this.#direction = 0;
    this.#changed();
  }

  /** Another study comes. */
  clear() {
    this.scores = new Map();
    this.keyImages = [];
    this.unasked = new Set();
    this.#known.clear();
    this.leave();
  }

  /** @param {string} url */
  async load(url) {
    const asked = this.#known.get(url) ?? slicesFrom(url);
    this.#known.set(url, asked);
    const { entry } = this.#pane;
    let slices;
    try {
      slices = await asked;
    } catch (error) {
      if (this.#known.get(url) === asked) this.#fail(url, entry, error);
      return;
    }
    // Meanwhile the pane may have gone on to another series.
    if (this.#known.get(url) !== asked || this.#pane.entry?.set !== slices[0]?.set) return;
    this.missing = "";
    this.slices = slices;
    this.#prefetch();
    this.#changed();
    this.#moved(true);
  }

  /**
   * Say that there are more slices than are shown, and ask anew the next time.
   * @param {string} url
   * @param {Entry | null} entry what the pane showed when they were asked for
   * @param {unknown} error
   */
  #fail(url, entry, error) {
    console.error(error);
    this.#known.delete(url);
    if (this.#pane.entry?.set !== entry?.set) return;
    this.missing = url;
    this.#changed();
  }

  /** @param {string} url */
  async loadScores(url) {
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const { scores, key_images, unasked } = await response.json();
    this.scores = new Map(Object.entries(scores));
    this.keyImages = key_images;
    this.unasked = new Set(unasked);
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
 * @returns {Promise<Entry[]>}
 */
async function slicesFrom(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return (await response.json()).slices;
}
