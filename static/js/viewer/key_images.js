// @ts-check
// Which scans a person marked as key images, which the page keeps: it hears of each change by an event. And the way from
// one key image of the series to the next, those included that the result rests on.

import { gettext, interpolate } from "../i18n.js";

export class KeyImages {
  /** @type {Set<string>} */
  #marked = new Set();
  #pane;
  #series;
  #element;
  #say;
  #scan = "";

  /**
   * @param {Panes} panes
   * @param {HTMLElement} element takes key images where it has data-key-images; the event comes from it
   * @param {(text: string) => void} say
   */
  constructor({ main, series }, element, say) {
    this.#pane = main;
    this.#series = series;
    this.#element = element;
    this.#say = say;
  }

  /** The places of the series' key images, from its first slice to its last. */
  get places() {
    const { slices, keyImages } = this.#series;
    return slices.flatMap(({ id }, place) => (this.has(id) || keyImages.includes(id) ? [place] : []));
  }

  /** The next one, or with -1 the one before; round and round. @param {1 | -1} by */
  go(by) {
    const { places } = this;
    const here = this.#series.index;
    const order = by > 0 ? places : places.toReversed();
    const to = order.find((place) => (place - here) * by > 0) ?? order[0];
    this.#series.go(to);
    const words = { number: places.indexOf(to) + 1, total: places.length };
    this.#say(interpolate(gettext("Key image %(number)s of %(total)s"), words));
  }

  /** The scan that the page is about now. @param {string} scan */
  about(scan) {
    this.#scan = scan;
  }

  /** Offered for the scan that the page is about, and not for the other slices of its series. */
  get isOffered() {
    return "keyImages" in this.#element.dataset && this.#pane.entry?.id === this.#scan;
  }

  /** Whether the image that was asked for last is one. */
  get isMarked() {
    return this.has(this.#pane.entry?.id);
  }

  /** @param {string | undefined} scan */
  has(scan) {
    return scan !== undefined && this.#marked.has(scan);
  }

  /** Mark or unmark the scan that the page is about, without telling the page. @param {boolean} on */
  mark(on) {
    if (on) this.#marked.add(this.#scan);
    else this.#marked.delete(this.#scan);
    this.#pane.draw();
  }

  toggle() {
    const { entry, window, inverted } = this.#pane;
    if (!entry) return;
    const on = !this.isMarked;
    this.mark(on);
    const detail = { scan: entry.id, instance: entry.instance, on, window: { ...window }, inverted };
    this.#element.dispatchEvent(new CustomEvent("viewer:key-image", { bubbles: true, detail }));
  }
}
