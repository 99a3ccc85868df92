// @ts-check
// <scan-viewer data-told="ID of its JSON settings" [data-unpacking="address of unpacking_worker.js"] [data-page-keys]
// [data-key-images]>: the image viewer.
//
// Events, all bubbling:
//   viewer:ready      the first picture is on the screen; detail { scan }
//   viewer:slice      another slice is shown; detail { scan, instance }
//   viewer:key-image  the person marked or unmarked the active image, detail { scan, instance, on, window, inverted }; or
//                     measured something, detail { scan }
//   viewer:active     another image is the active one
//   viewer:failed     an image could not be shown; detail { scan }
// For scripts of the page:
//   element.ready                a promise of the first picture
//   element.show(told)           another scan, with settings as in its JSON (the address is in `told.self`);
//                                with `told.compare` the first of `told.prior` stands beside it from the start
//   element.open(url)            the same, with the settings fetched from there
//   element.reveal()             ask again what may be seen now, without moving the image (after a first impression)
//   element.prefetch(urls)       greyscale addresses that will be needed next
//   element.toggleKeyImage()     as the person's own button does it
//   element.isKeyImage           whether the active image is one
//   element.kept                 what was marked and measured, for the page to keep; may be set to put it back
//   element.valueAt(x, y)        what the pixel of the shown image means
//   element.state                window, zoom, turns, measurements in plain values
//   element.run(id)              an action of actions.js by its id

import { ACTIONS } from "./actions.js";
import { Controller } from "./controller.js";
import { stateOf } from "./state.js";
import { store } from "./store.js";
import { startUnpacking } from "./unpacking.js";

export class ScanViewer extends HTMLElement {
  /** @type {Controller | null} */
  #controller = null;

  /** @type {Told | null} */
  told = null;

  constructor() {
    super();
    this.ready = new Promise((resolve) => this.addEventListener("viewer:ready", resolve, { once: true }));
  }

  /** Its parts, there from the moment it stands in the page. */
  get #parts() {
    if (!this.#controller) throw new Error("the viewer is not in the page yet");
    return this.#controller;
  }

  connectedCallback() {
    if (this.#controller) return;
    this.#controller = new Controller(this);
    this.#controller.mount();
    const settings = document.getElementById(this.dataset.told ?? "");
    startUnpacking(this.dataset.unpacking);
    if (settings) this.show(JSON.parse(settings.textContent ?? ""));
  }

  disconnectedCallback() {
    this.#controller?.unmount();
  }

  /** @param {Told} told */
  show(told) {
    this.told = told;
    return this.#parts.open(told);
  }

  /** @param {string} url */
  async open(url) {
    return this.show(await settingsFrom(url));
  }

  async reveal() {
    if (!this.told) return;
    this.told = await settingsFrom(this.told.self);
    await this.#parts.reveal(this.told);
  }

  /** @param {string[]} urls */
  prefetch(urls) {
    store.prefetch(urls);
  }

  toggleKeyImage() {
    this.#parts.keyImages.toggle();
  }

  get isKeyImage() {
    return this.#parts.keyImages.isMarked;
  }

  get kept() {
    return this.#parts.keyImages.kept;
  }

  set kept(kept) {
    this.#parts.keyImages.restore(kept);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  valueAt(x, y) {
    return this.#parts.panes.main.image?.valueAt(x, y) ?? null;
  }

  get state() {
    return stateOf(this.#parts);
  }

  /** @param {string} id */
  run(id) {
    return ACTIONS.find((action) => action.id === id)?.run(this.#parts, "");
  }
}

/**
 * @param {string} url
 * @returns {Promise<Told>}
 */
async function settingsFrom(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`the viewer's settings could not be fetched (${response.status})`);
  return response.json();
}

customElements.define("scan-viewer", ScanViewer);
