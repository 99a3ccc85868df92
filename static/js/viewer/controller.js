// What the actions do: two panes, their series, the tool in hand, and everything around the images.

import { gettext, interpolate } from "../i18n.js";
import { GROUPS } from "./actions.js";
import { Attention } from "./attention.js";
import { Comparison } from "./comparison.js";
import { make } from "./elements.js";
import { listenToKeys } from "./keys.js";
import { Pane } from "./pane.js";
import { listen } from "./pointer.js";
import { Ruler } from "./ruler.js";
import { Series } from "./series.js";
import { Status } from "./status.js";
import { store } from "./store.js";
import { Strip } from "./strip.js";
import { Toolbar } from "./toolbar.js";
import { dragged, presetsOf, windowOf } from "./window.js";

export class Controller {
  tool = "window";
  keyImages = new Set();

  #element;
  #dialog = null; // made when it is first asked for
  #told = null;
  #announced = null; // the scan whose first picture was announced

  constructor(element) {
    this.#element = element;
    this.main = new Pane(gettext("Image"), (pane) => this.#drawn(pane));
    this.series = new Series(this.main, () => this.#sliceChanged());
    this.strip = new Strip(this.series);
    this.comparison = new Comparison(this.main, (pane) => this.#drawn(pane));
    this.active = this.main;
    this.status = new Status();
    this.attention = new Attention(this.main, () => this.#refreshControls());
    this.ruler = new Ruler(this);
    this.toolbar = new Toolbar(this, {
      [GROUPS.result]: this.attention.controls,
      [GROUPS.compare]: [this.comparison.choice],
    });
    this.stage = make(
      "div",
      { class: "sv-stage", tabindex: "0", role: "group", "aria-label": gettext("Image. Press ? for the keys.") },
      this.main.element,
      this.comparison.pane.element,
    );
    for (const pane of [this.main, this.comparison.pane]) listen(pane, this);
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
    this.comparison.offer(told.prior, Boolean(told.compare));
    this.activate(this.main);
    const shown = await this.main.show(told.scan);
    this.#offerMaps();
    if (!shown) return this.#emit("viewer:failed", { scan: told.scan.id });
    if (told.compare) await this.toggleCompare();
    if (told.scan.series) await this.series.load(told.scan.series);
    if (told.scores) await this.series.loadScores(told.scores);
    if (!told.scan.series) store.prefetch((told.prior ?? []).slice(0, 1).map((entry) => entry.greyscale));
    return true;
  }

  /** Take over what may be seen of the result now. */
  async reveal(told) {
    this.#told = told;
    if (told.scores) await this.series.loadScores(told.scores);
    this.#offerMaps();
  }

  /** The attention maps of the slice in sight, and of no other. */
  #offerMaps() {
    const { id } = this.main.entry;
    const own = id === this.#told.scan.id ? this.#told.attention : [];
    this.attention.offer(this.series.scores.get(id)?.attention ?? own, this.#told.legend);
  }

  #sliceChanged() {
    const { id, instance } = this.main.entry;
    this.#offerMaps();
    this.strip.update();
    this.#emit("viewer:slice", { scan: id, instance });
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
    const { length: slices, shown } = this.seriesOf(pane);
    const title = (pane.shown ?? pane.entry)?.title ?? "";
    const isPrevious = pane !== this.main && !this.comparison.isChosen;
    const name = isPrevious ? interpolate(gettext("Previous: %(study)s"), { study: title }) : title;
    pane.caption.textContent = slices > 1 ? `${name} · ${shown + 1} / ${slices}` : name;
    pane.flags.textContent = this.#flags(pane).filter(Boolean).join(" · ");
  }

  /** What makes the picture differ from how the scanner sent it. */
  #flags(pane) {
    const { turns, mirrored } = pane.view;
    return [
      this.keyImages.has(pane.shown?.id) && gettext("Key image"),
      mirrored && gettext("Mirrored"),
      turns && interpolate(gettext("Turned %(degrees)s°"), { degrees: 90 * turns }),
      pane.inverted && gettext("Inverted"),
      pane.attention && this.attention.sentence,
    ];
  }

  #emit(name, detail) {
    this.#element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  #refreshControls() {
    this.toolbar.update();
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
    this.status.say(this.isLinked ? gettext("Both images move together") : gettext("Each image moves alone"));
    this.toolbar.update();
  }

  // --- window ----------------------------------------------------------------------------------------------

  get presets() {
    return this.active.image ? presetsOf(this.active.image) : [];
  }

  applyPreset(place) {
    if (!this.active.image) return;
    const preset = this.presets[place];
    this.active.window = windowOf(preset);
    this.status.say(preset.title);
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
    this.#place((_place, view) => view.fit());
  }

  turn(quarters) {
    this.#place((_place, view) => view.turn(quarters));
  }

  mirror() {
    this.#place((_place, view) => (view.mirrored = !view.mirrored));
  }

  reset() {
    for (const pane of this.isLinked ? this.panes : [this.active]) pane.reset();
    this.status.say(gettext("Window, place and turns are reset"));
  }

  /** Arrow keys: move the cross-hair while measuring, else look further in that direction. */
  nudge(dx, dy) {
    if (this.active.cursor) return this.ruler.move(dx, dy);
    const step = Math.min(this.active.canvas.width, this.active.canvas.height) / 12;
    return this.#place((place) => place.pan(-dx * step, -dy * step));
  }

  // --- tool -----------------------------------------------------------------------------------------------

  setTool(tool) {
    this.leaveTool();
    this.tool = tool;
    this.stage.dataset.tool = tool;
    this.toolbar.update();
  }

  leaveTool() {
    this.ruler.leave();
    this.tool = "window";
    this.stage.dataset.tool = this.tool;
  }

  // --- the rest --------------------------------------------------------------------------------------------

  /** Offered for the scan that the page is about, and not for the other slices of its series. */
  get takesKeyImages() {
    return "keyImages" in this.#element.dataset && this.main.entry?.id === this.#told?.scan.id;
  }

  get isKeyImage() {
    return this.keyImages.has(this.main.entry?.id);
  }

  /** Mark or unmark the scan that the page is about, without telling the page. */
  markKeyImage(on) {
    if (on) this.keyImages.add(this.#told.scan.id);
    else this.keyImages.delete(this.#told.scan.id);
    this.main.draw();
  }

  toggleKeyImage() {
    const { entry, window, inverted } = this.main;
    const on = !this.isKeyImage;
    this.markKeyImage(on);
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
}
