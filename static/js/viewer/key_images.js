// @ts-check
// Which scans a person marked as key images, which the page keeps: it hears of each change by an event. And the way from
// one key image of the series to the next, those included that the result rests on.

import { gettext, interpolate } from "../i18n.js";
import { Measurements } from "./measure.js";

export class KeyImages {
  /** @type {Map<string, { window: GreyWindow | null, inverted: boolean }>} by scan */
  #marked = new Map();
  #panes;
  #series;
  #element;
  #say;

  /**
   * @param {Panes} panes
   * @param {HTMLElement} element takes key images where it has data-key-images; the event comes from it
   * @param {(text: string) => void} say
   */
  constructor(panes, element, say) {
    this.#panes = panes;
    this.#series = panes.series;
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

  /** Offered for every image of the study that is read, and not for one of another study beside it. */
  get isOffered() {
    const { active, main, comparison } = this.#panes;
    return "keyImages" in this.#element.dataset && (active === main || !comparison.isOtherStudy);
  }

  /** Whether the image that was asked for last is one. */
  get isMarked() {
    return this.has(this.#panes.active.entry?.id);
  }

  /** @param {string | undefined} scan */
  has(scan) {
    return scan !== undefined && this.#marked.has(scan);
  }

  /** Another study comes. */
  clear() {
    this.#marked.clear();
  }

  toggle() {
    const { entry, image, window, inverted } = this.#panes.active;
    if (!entry) return;
    const on = !this.isMarked;
    // Before the first picture there is no window yet: the image is shown as its file asks.
    const shown = image && { centre: window.centre, width: window.width };
    if (on) this.#marked.set(entry.id, { window: shown, inverted });
    else this.#marked.delete(entry.id);
    this.#panes.active.draw();
    this.#tell({ scan: entry.id, instance: entry.instance, on, window: { ...window }, inverted });
  }

  /** Something was measured, or is no more: the page keeps it. */
  measured() {
    this.#tell({ scan: this.#panes.active.entry?.id });
  }

  /** @param {object} detail */
  #tell(detail) {
    if (!("keyImages" in this.#element.dataset)) return;
    this.#element.dispatchEvent(new CustomEvent("viewer:key-image", { bubbles: true, detail }));
  }

  // --- what the page keeps --------------------------------------------------------------------------------

  /** Every image that was marked or measured on, in the order in which they were marked. @returns {MarkedImage[]} */
  get kept() {
    const shapes = this.#shapes();
    return [...new Set([...this.#marked.keys(), ...shapes.keys()])].map((image) => {
      const { window = null, inverted = false } = this.#marked.get(image) ?? {};
      const measurements = (shapes.get(image) ?? []).map(({ kind, points }) => ({
        kind,
        points: points.map(({ x, y }) => [fine(x), fine(y)]),
      }));
      return { image, key: this.#marked.has(image), window, inverted, measurements };
    });
  }

  #shapes() {
    const { main, comparison } = this.#panes;
    /** @type {Map<string, Shape[]>} */
    const found = new Map();
    for (const pane of comparison.kind === "own" ? [main, comparison.pane] : [main])
      for (const [image, { shapes, draft }] of pane.marks) {
        const whole = shapes.filter((shape) => shape !== draft?.shape);
        if (image && whole.length) found.set(image, [...(found.get(image) ?? []), ...whole]);
      }
    return found;
  }

  /** Put back what the page kept; no event follows. @param {MarkedImage[]} kept */
  restore(kept) {
    const { main } = this.#panes;
    this.#marked.clear();
    main.marks.clear();
    for (const { image, key, window, inverted, measurements } of kept) {
      if (key) this.#marked.set(image, { window, inverted });
      const marks = new Measurements();
      marks.shapes = measurements.map(({ kind, points }) => ({ kind, points: points.map(([x, y]) => ({ x, y })) }));
      if (marks.shapes.length) main.marks.set(image, marks);
    }
    if (main.image) main.draw();
  }
}

/** A hundredth of a pixel is more than a hand can place. @param {number} value */
const fine = (value) => Math.round(value * 100) / 100;
