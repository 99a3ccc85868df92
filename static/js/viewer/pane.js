// @ts-check
// One image on the screen: its window, its place, its measurements.

import { gettext } from "../i18n.js";
import { clear, Developed, drawAttention, drawCursor, drawImage, drawMeasurements } from "./draw.js";
import { make } from "./elements.js";
import { Measurements } from "./measure.js";
import { store } from "./store.js";
import { Placement, View } from "./view.js";
import { firstWindow } from "./window.js";

const PATIENCE = 250; // milliseconds before it says that it is loading

const NO_WINDOW = { centre: 0, width: 1 };

/**
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
const contextOf = (canvas, settings) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", settings)); // null only for another kind

export class Pane {
  /** @type {Entry | null} */
  entry = null; // the scan that was asked for last
  /** @type {Entry | null} */
  shown = null; // the scan whose picture is on the screen
  /** @type {Greyscale | null} */
  image = null;
  /** @type {GreyWindow} of no meaning before the first image */
  window = { ...NO_WINDOW };
  inverted = false;
  view = new View();
  /** @type {ImageBitmap | null} */
  attention = null;
  opacity = 0.45;
  /** @type {Point | null} */
  cursor = null; // { x, y } in image pixels: measuring with keys
  /** @type {Point | null} */
  pointer = null; // { x, y } in CSS pixels of the window, while it is over this pane

  #isFresh = true; // the next image gets its own window
  #asked = 0;
  #came = 0; // the latest of those asked for whose picture was put on the screen
  #frame = 0;
  #developed = new Developed();
  /** @type {Map<string, Measurements>} by scan */
  #marks = new Map();
  #changed;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #loading;

  /**
   * @param {string} name
   * @param {(pane: Pane) => void} changed
   */
  constructor(name, changed) {
    this.#changed = changed;
    this.canvas = make("canvas", { class: "sv-image", role: "img", "aria-label": name });
    this.overlay = make("canvas", { class: "sv-marks", "aria-hidden": "true" });
    this.caption = make("p", { class: "sv-caption" });
    this.who = make("p", { class: "sv-who", translate: "no" });
    this.look = make("p", { class: "sv-look" });
    this.flags = make("p", { class: "sv-flags" });
    this.message = make("p", { class: "sv-message", role: "status" });
    const words = [this.who, this.caption, this.look, this.flags, this.message];
    this.element = make("div", { class: "sv-pane" }, this.canvas, this.overlay, ...words);
    new ResizeObserver(() => this.#resize()).observe(this.element);
  }

  get #picture() {
    return contextOf(this.canvas, { alpha: false });
  }

  get #drawing() {
    return contextOf(this.overlay);
  }

  get ratio() {
    return globalThis.devicePixelRatio || 1;
  }

  get measurements() {
    const key = this.shown?.id ?? "";
    const found = this.#marks.get(key) ?? new Measurements();
    this.#marks.set(key, found);
    return found;
  }

  /** What was measured, by scan. */
  get marks() {
    return this.#marks;
  }

  /** Where the image lies; only while there is one. */
  get place() {
    if (!this.image) throw new Error("there is no image to place");
    return new Placement(this.view, this.image, this.canvas.width, this.canvas.height);
  }

  /**
   * Show a scan. What was asked for last is shown in the end, in whatever order the answers come; on the way there what
   * came of the same series, so that slices pass while the wheel turns. True once it is the last.
   * @param {Entry} entry
   */
  async show(entry) {
    const asked = ++this.#asked;
    this.entry = entry;
    this.#wait(entry);
    try {
      const image = await store.get(entry.greyscale, this);
      const isLast = asked === this.#asked;
      if (asked < this.#came || (!isLast && entry.set !== this.entry?.set)) return false;
      this.#came = asked;
      this.#put(entry, image);
      return isLast;
    } catch (error) {
      if (asked === this.#asked) this.#fail(error);
      return false;
    }
  }

  /** @param {Entry} entry */
  #wait(entry) {
    clearTimeout(this.#loading);
    if (store.has(entry.greyscale)) return;
    this.#loading = setTimeout(() => this.say(gettext("Loading the image …")), PATIENCE);
  }

  /**
   * @param {Entry} entry
   * @param {Greyscale} image
   */
  #put(entry, image) {
    if (entry === this.entry) {
      clearTimeout(this.#loading);
      this.say("");
    }
    const sameKind = this.image && this.image.unit === image.unit && image.unit === "HU";
    const isFirst = !this.image;
    this.image = image;
    this.shown = entry;
    if (this.#isFresh || !sameKind) this.window = firstWindow(image);
    this.#isFresh = false;
    this.cursor = null;
    this.attention = null; // it was the other picture's
    this.canvas.setAttribute("aria-label", entry.title);
    if (isFirst) this.drawNow();
    else this.draw(); // so that an attention map at hand comes with it
  }

  /** @param {unknown} error */
  #fail(error) {
    clearTimeout(this.#loading);
    console.error(error);
    this.image = this.shown = null;
    clear(this.#picture, "#000");
    clear(this.#drawing);
    this.say(error instanceof Error ? error.message : String(error));
    this.#changed(this);
  }

  /** @param {string} text */
  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  /** Forget the window and what was measured: another case begins. */
  forget() {
    this.#isFresh = true;
    this.#came = ++this.#asked;
    this.image = this.shown = null;
    this.inverted = false;
    this.attention = null;
    this.#marks.clear();
  }

  reset() {
    this.inverted = false;
    if (this.image) this.window = firstWindow(this.image);
    this.view.reset();
    this.draw();
  }

  /** Draw with the next frame, however often it is asked for until then. */
  draw() {
    this.#frame ||= requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#fitCanvas() && this.image) {
      const place = this.place;
      const context = this.#picture;
      drawImage(context, place, this.#developed, this);
      if (this.attention) drawAttention(context, place, this.attention, this.opacity);
      this.#drawMarks(place);
    }
    this.#changed(this);
  }

  /** @param {Placement} place */
  #drawMarks(place) {
    const context = this.#drawing;
    clear(context);
    if (this.image) drawMeasurements(context, place, this.image, this.measurements.shapes, this.ratio);
    if (this.cursor) drawCursor(context, place, this.cursor, this.ratio);
  }

  /** Whether there is room to draw in. */
  #fitCanvas() {
    const { clientWidth, clientHeight } = this.element;
    const [width, height] = [Math.round(clientWidth * this.ratio), Math.round(clientHeight * this.ratio)];
    for (const canvas of [this.canvas, this.overlay]) {
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    }
    return width > 0 && height > 0;
  }

  #resize() {
    if (this.image) this.drawNow(); // at once: a cleared canvas would flash black until the next frame
  }

  /**
   * CSS pixels of the window → image pixels.
   * @param {number} clientX
   * @param {number} clientY
   */
  toImage(clientX, clientY) {
    const box = this.element.getBoundingClientRect();
    return this.place.toImage((clientX - box.left) * this.ratio, (clientY - box.top) * this.ratio);
  }

  /**
   * { x, y, value } of the pixel there; null beside the image.
   * @param {number} clientX
   * @param {number} clientY
   */
  probe(clientX, clientY) {
    if (!this.image) return null;
    return this.at(this.toImage(clientX, clientY));
  }

  /** The same of a point in image pixels. @param {Point} point */
  at(point) {
    if (!this.image) return null;
    const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
    const value = this.image.valueAt(x, y);
    return value === null ? null : { x, y, value };
  }
}
