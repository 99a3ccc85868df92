// @ts-check
// Where the active image lies: zoom, place, turns. A linked image beside it follows.

import { gettext } from "../i18n.js";

export class Placing {
  #panes;
  #ruler;
  #say;

  /**
   * @param {Panes} panes
   * @param {Ruler} ruler
   * @param {(text: string) => void} say
   */
  constructor(panes, ruler, say) {
    this.#panes = panes;
    this.#ruler = ruler;
    this.#say = say;
  }

  /** @param {(pane: Pane) => void} change */
  #change(change) {
    const pane = this.#panes.active;
    if (!pane.image) return;
    change(pane);
    this.#panes.refresh(pane);
  }

  /** @param {number} factor */
  zoomBy(factor) {
    this.#change((pane) => pane.place.zoomBy(factor));
  }

  zoomToPixels() {
    this.#change((pane) => pane.place.zoomToPixels());
  }

  fit() {
    this.#change((pane) => pane.view.fit());
  }

  /** @param {number} quarters clockwise */
  turn(quarters) {
    this.#change((pane) => pane.view.turn(quarters));
  }

  mirror() {
    this.#change((pane) => {
      pane.view.mirrored = !pane.view.mirrored;
    });
  }

  reset() {
    const { isLinked, shown, active } = this.#panes;
    for (const pane of isLinked ? shown : [active]) pane.reset();
    this.#say(gettext("Window, place and turns are reset"));
  }

  /**
   * Arrow keys: move the cross-hair while measuring, else look further in that direction.
   * @param {number} dx
   * @param {number} dy
   */
  nudge(dx, dy) {
    const { active } = this.#panes;
    if (active.cursor) return this.#ruler.move(dx, dy);
    const step = Math.min(active.canvas.width, active.canvas.height) / 12;
    return this.#change((pane) => pane.place.pan(-dx * step, -dy * step));
  }
}
