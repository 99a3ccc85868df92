// @ts-check
// Puts the parts of a viewer together and shows scans in it. What can be done with them is in panes.js, windowing.js,
// placing.js, tool.js, ruler.js, attention.js and key_images.js; actions.js is the table of it all.

import { gettext } from "../i18n.js";
import { Attention } from "./attention.js";
import { caption } from "./caption.js";
import { make } from "./elements.js";
import { KeyImages } from "./key_images.js";
import { listenToKeys } from "./keys.js";
import { Panes } from "./panes.js";
import { Placing } from "./placing.js";
import { listen } from "./pointer.js";
import { Ruler } from "./ruler.js";
import { SeriesList } from "./series_list.js";
import { Status } from "./status.js";
import { store } from "./store.js";
import { Switch } from "./switch.js";
import { Tool } from "./tool.js";
import { Toolbar } from "./toolbar.js";
import { Windowing } from "./windowing.js";

export class Controller {
  #element;
  /** @type {HTMLDialogElement | null} made when it is first asked for */
  #dialog = null;
  /** @type {Told | null} */
  #told = null;
  /** @type {string | null} the scan whose first picture was announced */
  #announced = null;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    this.status = new Status();
    /** @param {string} text */
    const say = (text) => this.status.say(text);
    this.panes = new Panes({
      drawn: (pane) => this.#drawn(pane),
      slice: () => this.#sliceChanged(),
      changed: () => this.#refreshControls(),
      say,
    });
    this.attention = new Attention(this.panes.main, () => this.#refreshControls());
    this.keyImages = new KeyImages(this.panes, element, say);
    this.list = new SeriesList(this.panes);
    this.switch = new Switch(this.panes);
    this.ruler = new Ruler(this.panes, () => this.keyImages.measured());
    this.window = new Windowing(this.panes, say);
    this.place = new Placing(this.panes, this.ruler, say);
    this.stage = make(
      "div",
      { class: "sv-stage", tabindex: "0", role: "group", "aria-label": gettext("Image. Press ? for the keys.") },
      ...this.panes.all.map((pane) => pane.element),
    );
    this.together = make("p", { class: "sv-together", hidden: true });
    this.tool = new Tool(this.stage, this.ruler, () => this.toolbar.update());
    this.toolbar = new Toolbar(this);
    // Over the image and not in the bar, which would grow another row and move the image.
    const extras = make("div", { class: "sv-extras" }, this.panes.comparison.choice, ...this.attention.controls);
    this.stage.append(extras);
    for (const pane of this.panes.all) listen(pane, this);
  }

  mount() {
    const { strip, comparison } = this.panes;
    const strips = make("div", { class: "sv-strips" }, strip.element, comparison.strip.element);
    this.#element.querySelector(".sv-wait")?.remove();
    const body = make("div", { class: "sv-body" }, this.list.element, this.switch.element, this.stage);
    this.#element.append(this.toolbar.element, body, strips, this.together, this.status.element);
    this.#unlisten = listenToKeys(this, this.#element, { pageWide: () => "pageKeys" in this.#element.dataset });
  }

  #unlisten = () => {};

  unmount() {
    this.#unlisten();
  }

  // --- what is shown ---------------------------------------------------------------------------------------

  /** Show a study as it is hung. True when its first picture is on the screen. @param {Told} told */
  async open(told) {
    const { main, series, comparison } = this.panes;
    this.#told = told;
    this.#announced = null;
    this.keyImages.clear();
    this.panes.sets = told.sets;
    this.panes.beside = told.beside;
    series.clear();
    main.forget();
    main.view.reset();
    comparison.offer(told.prior, Boolean(told.compare));
    this.panes.activate(main);
    if (told.beside) store.prefetch([told.beside.greyscale]);
    const shown = await main.show(told.scan);
    this.#offerMaps();
    if (!shown) return this.#emit("viewer:failed", { scan: told.scan.id });
    await this.#complete(told);
    return true;
  }

  /** What can wait until the first picture is there. @param {Told} told */
  async #complete(told) {
    const { series } = this.panes;
    if (told.compare) await this.panes.toggleCompare();
    else if (told.beside) await this.panes.toggleBeside();
    if (told.scan.series) await series.load(told.scan.series);
    if (told.scores) await series.loadScores(told.scores);
    if (!told.scan.series) store.prefetch((told.prior ?? []).slice(0, 1).map((entry) => entry.greyscale));
  }

  /** Take over what may be seen of the result now. @param {Told} told */
  async reveal(told) {
    this.#told = told;
    if (told.scores) await this.panes.series.loadScores(told.scores);
    this.#offerMaps();
  }

  /** The attention maps of the image in sight, and of no other. */
  #offerMaps() {
    const id = this.panes.main.entry?.id ?? "";
    const maps = this.panes.series.scores.get(id)?.attention ?? this.#told?.attention?.[id];
    this.attention.offer(maps, this.#told?.legend);
  }

  #sliceChanged() {
    const { entry } = this.panes.main;
    this.#offerMaps();
    this.panes.strip.update();
    this.#emit("viewer:slice", { scan: entry?.id, instance: entry?.instance });
  }

  /** @param {Pane} pane */
  #drawn(pane) {
    this.#announce(pane);
    caption(pane, this);
    if (pane.pointer || pane.cursor) this.#probe(pane);
    if (pane === this.panes.active) {
      this.status.update(pane);
      this.toolbar.update();
    }
  }

  /** The first picture of the page's scan, once. @param {Pane} pane */
  #announce(pane) {
    const id = this.#told?.scan.id ?? null;
    if (pane !== this.panes.main || !pane.image || this.#announced === id) return;
    this.#announced = id;
    performance.mark("viewer:first-picture");
    this.#emit("viewer:ready", { scan: id });
  }

  /**
   * @param {string} name
   * @param {object} detail
   */
  #emit(name, detail) {
    this.#element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  #refreshControls() {
    const { comparison, isComparing, active, together } = this.panes;
    this.status.update(active);
    this.toolbar.update();
    comparison.choice.hidden = !comparison.isOtherStudy || comparison.studies.length < 2;
    this.list.update();
    this.switch.update();
    this.together.textContent = together.sentence;
    this.together.hidden = !together.isOn;
    this.#element.classList.toggle("sv-comparing", isComparing);
    this.#emit("viewer:active", { scan: active.entry?.id });
  }

  // --- the pointer, the screen, the keys ------------------------------------------------------------------

  /**
   * The pointer is at `event` over a pane, or has left it (null).
   * @param {Pane} pane
   * @param {PointerEvent | null} event
   */
  hover(pane, event) {
    pane.pointer = event && { x: event.clientX, y: event.clientY };
    this.#probe(pane);
  }

  /** @param {Pane} pane */
  #probe(pane) {
    if (pane.cursor) return this.status.point(pane, pane.at(pane.cursor));
    return this.status.point(pane, pane.pointer && pane.probe(pane.pointer.x, pane.pointer.y));
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
