// @ts-check
// The window of the active image, and whether black and white are exchanged.

import { dragged, presetsOf, windowOf } from "./window.js";

export class Windowing {
  #panes;
  #say;

  /**
   * @param {Panes} panes
   * @param {(text: string) => void} say
   */
  constructor(panes, say) {
    this.#panes = panes;
    this.#say = say;
  }

  get presets() {
    const { image } = this.#panes.active;
    return image ? presetsOf(image) : [];
  }

  /** @param {number} place in the presets, from 0 */
  apply(place) {
    const pane = this.#panes.active;
    if (!pane.image) return;
    const preset = this.presets[place];
    pane.window = windowOf(preset);
    this.#say(preset.title);
    pane.draw();
  }

  /**
   * @param {number} dx wider, in parts of a drag over the whole image
   * @param {number} dy darker
   */
  shift(dx, dy) {
    const pane = this.#panes.active;
    if (!pane.image) return;
    pane.window = dragged(pane.window, dx, dy, pane.image);
    pane.draw();
  }

  invert() {
    const pane = this.#panes.active;
    pane.inverted = !pane.inverted;
    pane.draw();
  }
}
