// <scan-viewer data-told="ID of its JSON settings" [data-page-keys] [data-key-images]>: the image viewer.
//
// Events, all bubbling:
//   viewer:ready      the first picture is on the screen; detail { scan }
//   viewer:slice      another slice is shown; detail { scan, instance }
//   viewer:key-image  the person marked or unmarked the shown image; detail { scan, instance, on, window, inverted }
//   viewer:failed     an image could not be shown; detail { scan }
// For scripts of the page:
//   element.ready                a promise of the first picture
//   element.show(told)           another scan, with settings as in its JSON (the address is in `told.self`);
//                                with `told.compare` the first of `told.prior` stands beside it from the start
//   element.open(url)            the same, with the settings fetched from there
//   element.reveal()             ask again what may be seen now, without moving the image (after a first impression)
//   element.prefetch(urls)       greyscale addresses that will be needed next
//   element.valueAt(x, y)        what the pixel of the shown image means
//   element.state                window, zoom, turns, measurements in plain values
//   element.run(id)              an action of actions.js by its id

import { ACTIONS } from "./actions.js";
import { Attention } from "./attention.js";
import { Comparison } from "./comparison.js";
import { make } from "./elements.js";
import { listenToKeys } from "./keys.js";
import { length } from "./measure.js";
import { Pane } from "./pane.js";
import { listen } from "./pointer.js";
import { Series } from "./series.js";
import { Status } from "./status.js";
import { store } from "./store.js";
import { Strip } from "./strip.js";
import { Toolbar } from "./toolbar.js";
import { within } from "./view.js";
import { dragged, presetsOf } from "./window.js";

class Viewer {
  tool = "window";
  attention = new Attention();
  keyImages = new Set();

  #element;
  #dialog = null; // made when it is first asked for
  #told = null;
  #announced = null; // the scan whose first picture was announced

  constructor(element) {
    this.#element = element;
    this.main = new Pane("Image", (pane) => this.#drawn(pane));
    this.series = new Series(this.main, () => this.#sliceChanged());
    this.strip = new Strip(this.series);
    this.comparison = new Comparison(this.main, (pane) => this.#drawn(pane));
    this.active = this.main;
    this.status = new Status();
    this.#buildControls();
    this.stage = make("div", { class: "sv-stage", tabindex: "0", role: "group", "aria-label": "Image. Press ? for the keys." },
      this.main.element, this.comparison.pane.element);
    for (const pane of [this.main, this.comparison.pane]) listen(pane, this);
  }

  #buildControls() {
    this.opacity = make("input", { type: "range", class: "sv-opacity", min: 0, max: 100, value: 45, "aria-label": "Strength of the attention map", title: "Strength of the attention map (T)" });
    this.opacity.addEventListener("input", () => this.setOpacity(this.opacity.valueAsNumber / 100));
    this.maps = make("select", { class: "sv-choice", "aria-label": "Classifier whose attention is shown", title: "Next classifier (Shift + A)" });
    this.maps.addEventListener("change", () => this.#chooseMap(this.maps.selectedIndex));
    this.legend = make("img", { class: "sv-legend-ramp", alt: "", width: 96, height: 8 });
    this.legendBox = make("span", { class: "sv-legend" }, "low", this.legend, "high");
    this.toolbar = new Toolbar(this, {
      "Where the classifiers looked": [this.maps, this.opacity, this.legendBox],
      Compare: [this.comparison.choice],
    });
  }

  mount() {
    const { toolbar, stage, strip, comparison, status } = this;
    const strips = make("div", { class: "sv-strips" }, strip.element, comparison.strip.element);
    this.#element.querySelector(".sv-wait")?.remove();
    this.#element.append(toolbar.element, stage, strips, status.element);
    this.#unlisten = listenToKeys(this, this.#element, { pageWide: () => "pageKeys" in this.#element.dataset });
  }

  #unlisten = () => {};

  unmount() {
    this.#unlisten();
  }

  // --- what is shown ---------------------------------------------------------------------------------------

  /** Show a scan. True when its picture is on the screen. */
  async open(told) {
    this.#told = told;
    this.#announced = null;
    this.series.clear();
    this.main.forget();
    this.main.view.reset();
    this.comparison.offer(told.prior);
    this.activate(this.main);
    this.#offerResult();
    const shown = await this.main.show(told.scan);
    this.#refreshControls();
    if (!shown) return this.#emit("viewer:failed", { scan: told.scan.id });
    if (told.compare) await this.toggleCompare();
    if (told.scan.series) await this.series.load(told.scan.series);
    if (told.scores) await this.series.loadScores(told.scores);
    if (!told.scan.series) store.prefetch((told.prior ?? []).slice(0, 1).map((entry) => entry.greyscale));
    return true;
  }

  /** Take over what may be seen of the result now. */
  async reveal(told) {
    this.#told = { ...told, scan: this.#told.scan };
    this.#offerResult();
    if (told.scores) await this.series.loadScores(told.scores);
    this.#refreshControls();
  }

  #offerResult() {
    const { attention, legend } = this.#told;
    this.attention.offer(attention);
    if (legend) this.legend.src = legend;
    this.#listMaps();
    this.#showAttention();
  }

  #listMaps() {
    this.maps.replaceChildren(...this.attention.maps.map((map) => make("option", {}, map.name)));
    this.maps.selectedIndex = this.attention.index;
  }

  #sliceChanged() {
    const { entry } = this.main;
    const score = this.series.scores.get(entry.id);
    if (this.series.scores.size) this.attention.offer(score?.attention);
    this.#listMaps();
    this.#showAttention();
    this.strip.update();
    this.#refreshControls();
    this.#emit("viewer:slice", { scan: entry.id, instance: entry.instance });
  }

  #drawn(pane) {
    if (pane === this.main && pane.image && this.#announced !== this.#told.scan.id) {
      this.#announced = this.#told.scan.id;
      performance.mark("viewer:first-picture");
      this.#emit("viewer:ready", { scan: this.#announced });
    }
    this.#caption(pane);
    if (pane.pointer || pane.cursor) this.#probe(pane);
    if (pane === this.active) {
      this.status.update(pane);
      this.toolbar.update();
    }
  }

  #caption(pane) {
    const { length: slices, index } = this.seriesOf(pane);
    const which = pane === this.main || this.#told.compare ? "" : "Previous: ";
    pane.caption.textContent = `${which}${pane.entry?.title ?? ""}${slices > 1 ? ` · ${index + 1} / ${slices}` : ""}`;
    pane.flags.textContent = this.#flags(pane).filter(Boolean).join(" · ");
  }

  /** What makes the picture differ from how the scanner sent it. */
  #flags(pane) {
    const { turns, mirrored } = pane.view;
    return [
      this.keyImages.has(pane.entry?.id) && "Key image",
      mirrored && "Mirrored",
      turns && `Turned ${90 * turns}°`,
      pane.inverted && "Inverted",
      pane.attention && this.attention.sentence,
    ];
  }

  #emit(name, detail) {
    this.#element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  #refreshControls() {
    this.toolbar.update();
    const { maps, isOn } = this.attention;
    this.maps.hidden = maps.length < 2 || !isOn;
    this.opacity.hidden = this.legendBox.hidden = !maps.length || !isOn;
    this.comparison.choice.hidden = !this.isComparing || this.comparison.studies.length < 2;
    this.#element.classList.toggle("sv-comparing", this.isComparing);
  }

  // --- panes -----------------------------------------------------------------------------------------------

  get panes() {
    return this.isComparing ? [this.main, this.comparison.pane] : [this.main];
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

  seriesOf(pane) {
    return pane === this.main ? this.series : this.comparison.series;
  }

  activate(pane) {
    this.active = pane;
    for (const one of [this.main, this.comparison.pane]) one.element.classList.toggle("sv-pane-active", one === pane);
    this.status.update(pane);
    this.#refreshControls();
  }

  activateOther() {
    this.activate(this.active === this.main ? this.comparison.pane : this.main);
  }

  /** Draw again: the pane, and the one that moves with it. */
  refresh(pane) {
    pane.draw();
    if (this.isComparing && this.isLinked) for (const one of this.panes) one.draw();
  }

  /** The pointer is at `event` over a pane, or has left it (null). */
  hover(pane, event) {
    pane.pointer = event && { x: event.clientX, y: event.clientY };
    this.#probe(pane);
  }

  #probe(pane) {
    if (pane.cursor) return this.status.point(pane, pane.at(pane.cursor));
    return this.status.point(pane, pane.pointer && pane.probe(pane.pointer.x, pane.pointer.y));
  }

  stepSlice(pane, by) {
    this.seriesOf(pane).step(by);
  }

  async toggleCompare() {
    const opening = this.comparison.toggle();
    if (!this.isComparing) this.activate(this.main);
    this.#refreshControls();
    this.main.draw();
    await opening;
    this.#refreshControls();
  }

  toggleLink() {
    this.comparison.link(!this.isLinked);
    this.status.say(this.isLinked ? "Both images move together" : "Each image moves alone");
    this.toolbar.update();
  }

  // --- window ----------------------------------------------------------------------------------------------

  get presets() {
    return this.active.image ? presetsOf(this.active.image) : [];
  }

  applyPreset(place) {
    if (!this.active.image) return;
    this.active.window = { ...this.presets[place] };
    this.status.say(`${this.active.window.name} window`);
    this.active.draw();
  }

  /** `dx` wider, `dy` darker, in parts of a drag over the whole image. */
  shiftWindow(dx, dy) {
    const pane = this.active;
    if (!pane.image) return;
    pane.window = dragged(pane.window, dx, dy, pane.image);
    pane.draw();
  }

  invert() {
    this.active.inverted = !this.active.inverted;
    this.active.draw();
  }

  // --- place -----------------------------------------------------------------------------------------------

  #place(change) {
    if (!this.active.image) return;
    change(this.active.place, this.active.view);
    this.refresh(this.active);
  }

  zoomBy(factor) {
    this.#place((place) => place.zoomBy(factor));
  }

  zoomToPixels() {
    this.#place((place) => place.zoomToPixels());
  }

  fit() {
    this.#place((place, view) => view.fit());
  }

  turn(quarters) {
    this.#place((place, view) => view.turn(quarters));
  }

  mirror() {
    this.#place((place, view) => (view.mirrored = !view.mirrored));
  }

  reset() {
    for (const pane of this.isLinked ? this.panes : [this.active]) pane.reset();
    this.status.say("Window, place and turns are reset");
  }

  /** Arrow keys: move the cross-hair while measuring, else look further in that direction. */
  nudge(dx, dy) {
    if (this.active.cursor) return this.#moveCursor(dx, dy);
    const step = Math.min(this.active.canvas.width, this.active.canvas.height) / 12;
    return this.#place((place) => place.pan(-dx * step, -dy * step));
  }

  // --- measuring -------------------------------------------------------------------------------------------

  setTool(tool) {
    this.leaveTool();
    this.tool = tool;
    this.stage.dataset.tool = tool;
    this.toolbar.update();
  }

  leaveTool() {
    this.active.measurements.cancel();
    this.active.cursor = null;
    this.tool = "window";
    this.stage.dataset.tool = this.tool;
    this.active.draw();
  }

  /** Enter: a cross-hair in the middle, then the first point, then the second. */
  setPoint() {
    const pane = this.active;
    if (!pane.image) return;
    if (!pane.cursor) pane.cursor = pane.place.toImage(pane.canvas.width / 2, pane.canvas.height / 2);
    else if (!pane.measurements.draft) pane.measurements.begin(pane.cursor, () => ({ x: Infinity, y: Infinity }));
    else pane.measurements.end();
    pane.draw();
  }

  #moveCursor(dx, dy) {
    const pane = this.active;
    const step = Math.max(1, Math.round((4 * pane.ratio) / pane.place.zoom));
    const at = pane.place.toScreen(pane.cursor.x, pane.cursor.y);
    const moved = pane.place.toImage(at.x + dx * step * pane.place.zoom, at.y + dy * step * pane.place.zoom);
    pane.cursor = { x: within(moved.x, 0, pane.image.width), y: within(moved.y, 0, pane.image.height) };
    pane.measurements.move(pane.cursor);
    pane.draw();
  }

  removeLength() {
    this.active.measurements.removeLast();
    this.active.draw();
  }

  // --- attention map ---------------------------------------------------------------------------------------

  toggleAttention() {
    this.attention.isOn = !this.attention.isOn;
    this.#showAttention();
  }

  nextMap() {
    this.attention.next();
    this.maps.selectedIndex = this.attention.index;
    this.attention.isOn = true;
    this.#showAttention();
  }

  #chooseMap(index) {
    this.attention.index = index;
    this.#showAttention();
  }

  async #showAttention() {
    const shown = this.main.entry;
    this.#refreshControls();
    try {
      const picture = await this.attention.picture();
      if (this.main.entry !== shown) return;
      this.main.attention = picture;
    } catch (error) {
      this.main.attention = null;
      this.main.say(error.message);
    }
    this.main.draw();
  }

  shiftOpacity(by) {
    this.setOpacity(within(this.main.opacity + by, 0, 1));
  }

  setOpacity(part) {
    this.main.opacity = part;
    this.opacity.value = Math.round(100 * part);
    this.main.draw();
  }

  // --- the rest --------------------------------------------------------------------------------------------

  get takesKeyImages() {
    return "keyImages" in this.#element.dataset;
  }

  get isKeyImage() {
    return this.keyImages.has(this.main.entry?.id);
  }

  toggleKeyImage() {
    const { entry, window, inverted } = this.main;
    const on = !this.isKeyImage;
    if (on) this.keyImages.add(entry.id);
    else this.keyImages.delete(entry.id);
    this.main.draw();
    this.#emit("viewer:key-image", { scan: entry.id, instance: entry.instance, on, window: { ...window }, inverted });
  }

  toggleScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.#element.requestFullscreen();
  }

  async help() {
    if (!this.#dialog) {
      const { helpDialog } = await import("./dialog.js");
      this.#dialog = helpDialog();
      this.#element.append(this.#dialog);
    }
    this.#dialog.showModal();
  }

  get state() {
    const { main } = this;
    const lines = main.measurements.lines.map(({ a, b }) => ({ a, b, ...length(main.image, a, b) }));
    return {
      scan: main.entry?.id,
      window: { ...main.window },
      inverted: main.inverted,
      zoom: main.image && main.place.zoom,
      view: { ...main.view },
      tool: this.tool,
      slice: { index: this.series.index, of: this.series.length },
      attention: { on: this.attention.isOn, maps: this.attention.maps.length, opacity: main.opacity },
      comparing: this.isComparing,
      lines,
    };
  }
}

class ScanViewer extends HTMLElement {
  #viewer = null;

  constructor() {
    super();
    this.ready = new Promise((resolve) => this.addEventListener("viewer:ready", resolve, { once: true }));
  }

  connectedCallback() {
    if (this.#viewer) return;
    this.#viewer = new Viewer(this);
    this.#viewer.mount();
    const settings = document.getElementById(this.dataset.told);
    if (settings) this.show(JSON.parse(settings.textContent));
  }

  disconnectedCallback() {
    this.#viewer?.unmount();
  }

  show(told) {
    this.told = told;
    return this.#viewer.open(told);
  }

  async open(url) {
    return this.show(await settingsFrom(url));
  }

  async reveal() {
    this.told = await settingsFrom(this.told.self);
    return this.#viewer.reveal(this.told);
  }

  prefetch(urls) {
    store.prefetch(urls);
  }

  valueAt(x, y) {
    return this.#viewer.main.image?.valueAt(x, y) ?? null;
  }

  get state() {
    return this.#viewer.state;
  }

  run(id) {
    return ACTIONS.find((action) => action.id === id).run(this.#viewer);
  }
}

async function settingsFrom(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`the viewer's settings could not be fetched (${response.status})`);
  return response.json();
}

customElements.define("scan-viewer", ScanViewer);
