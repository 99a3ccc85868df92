// One image on the screen: its window, its place, its measurements.

import { gettext } from "../i18n.js";
import { clear, Developed, drawAttention, drawCursor, drawImage, drawMeasurements } from "./draw.js";
import { make } from "./elements.js";
import { Measurements } from "./measure.js";
import { store } from "./store.js";
import { Placement, View } from "./view.js";
import { firstWindow } from "./window.js";

const PATIENCE = 250; // milliseconds before it says that it is loading

export class Pane {
  entry = null; // the scan that was asked for last
  shown = null; // the scan whose picture is on the screen
  image = null;
  window = null;
  inverted = false;
  view = new View();
  attention = null; // ImageBitmap
  opacity = 0.45;
  cursor = null; // { x, y } in image pixels: measuring with keys
  pointer = null; // { x, y } in CSS pixels of the window, while it is over this pane

  #asked = 0;
  #frame = 0;
  #developed = new Developed();
  #marks = new Map(); // scan → Measurements
  #changed;
  #loading = 0;

  constructor(name, changed) {
    this.#changed = changed;
    this.canvas = make("canvas", { class: "sv-image", role: "img", "aria-label": name });
    this.overlay = make("canvas", { class: "sv-marks", "aria-hidden": "true" });
    this.caption = make("p", { class: "sv-caption" });
    this.flags = make("p", { class: "sv-flags" });
    this.message = make("p", { class: "sv-message", role: "status" });
    this.element = make("div", { class: "sv-pane" }, this.canvas, this.overlay, this.caption, this.flags, this.message);
    new ResizeObserver(() => this.#resize()).observe(this.element);
  }

  get ratio() {
    return globalThis.devicePixelRatio || 1;
  }

  get measurements() {
    const key = this.shown?.id;
    if (!this.#marks.has(key)) this.#marks.set(key, new Measurements());
    return this.#marks.get(key);
  }

  get place() {
    return new Placement(this.view, this.image, this.canvas.width, this.canvas.height);
  }

  /** Show a scan. Whatever was asked for last is shown, in whatever order the answers come. True once it is. */
  async show(entry) {
    const asked = ++this.#asked;
    this.entry = entry;
    this.#wait();
    try {
      const image = await store.get(entry.greyscale);
      if (asked !== this.#asked) return false;
      this.#put(image);
      return true;
    } catch (error) {
      if (asked === this.#asked) this.#fail(error);
      return false;
    }
  }

  #wait() {
    clearTimeout(this.#loading);
    if (store.has(this.entry.greyscale)) return;
    this.#loading = setTimeout(() => this.say(gettext("Loading the image …")), PATIENCE);
  }

  #put(image) {
    clearTimeout(this.#loading);
    this.say("");
    const sameKind = this.image && this.image.unit === image.unit && image.unit === "HU";
    const isFirst = !this.image;
    this.image = image;
    this.shown = this.entry;
    if (!this.window || !sameKind) this.window = firstWindow(image);
    this.cursor = null;
    this.attention = null; // it was the other picture's
    this.canvas.setAttribute("aria-label", this.entry.title);
    if (isFirst) this.drawNow();
    else this.draw(); // so that an attention map at hand comes with it
  }

  #fail(error) {
    clearTimeout(this.#loading);
    console.error(error);
    this.image = this.shown = null;
    clear(this.canvas.getContext("2d", { alpha: false }), "#000");
    clear(this.overlay.getContext("2d"));
    this.say(error.message);
    this.#changed(this);
  }

  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  /** Forget the window and what was measured: another case begins. */
  forget() {
    this.window = null;
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
      const context = this.canvas.getContext("2d", { alpha: false });
      drawImage(context, place, this.#developed, this);
      if (this.attention) drawAttention(context, place, this.attention, this.opacity);
      this.#drawMarks(place);
    }
    this.#changed(this);
  }

  #drawMarks(place) {
    const context = this.overlay.getContext("2d");
    clear(context);
    drawMeasurements(context, place, this.measurements.lines, this.ratio);
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

  /** CSS pixels of the window → image pixels. */
  toImage(clientX, clientY) {
    const box = this.element.getBoundingClientRect();
    return this.place.toImage((clientX - box.left) * this.ratio, (clientY - box.top) * this.ratio);
  }

  /** { x, y, value } of the pixel there; null beside the image. */
  probe(clientX, clientY) {
    if (!this.image) return null;
    return this.at(this.toImage(clientX, clientY));
  }

  at(point) {
    const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
    const value = this.image.valueAt(x, y);
    return value === null ? null : { x, y, value };
  }
}
