// @ts-check
// Measuring from the keyboard: a cross-hair that the arrows move, and Enter for each end of the line.

import { within } from "./view.js";

const STEP = 4; // CSS pixels on the screen, but at least one pixel of the image

export class Ruler {
  #panes;
  #measured;

  /**
   * @param {Panes} panes
   * @param {() => void} measured told when something was measured, changed or removed
   */
  constructor(panes, measured = () => {}) {
    this.#panes = panes;
    this.#measured = measured;
  }

  /** Enter: a cross-hair in the middle, then one point after the other. @param {ShapeKind} kind */
  set(kind = "length") {
    const pane = this.#panes.active;
    if (!pane.image) return;
    if (!pane.cursor) pane.cursor = pane.place.toImage(pane.canvas.width / 2, pane.canvas.height / 2);
    else if (!pane.measurements.draft) pane.measurements.begin(pane.cursor, farApart, kind);
    else if (pane.measurements.end()) this.#measured();
    pane.draw();
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  move(dx, dy) {
    const pane = this.#panes.active;
    const { image } = pane;
    if (!image || !pane.cursor) return;
    const { place } = pane;
    const step = Math.max(1, Math.round((STEP * pane.ratio) / place.zoom)) * place.zoom;
    const at = place.toScreen(pane.cursor.x, pane.cursor.y);
    const moved = place.toImage(at.x + dx * step, at.y + dy * step);
    pane.cursor = { x: within(moved.x, 0, image.width), y: within(moved.y, 0, image.height) };
    pane.measurements.move(pane.cursor);
    pane.draw();
  }

  removeLast() {
    this.#panes.active.measurements.removeLast();
    this.#panes.active.draw();
    this.#measured();
  }

  /** Away with what is half drawn. */
  leave() {
    const pane = this.#panes.active;
    pane.measurements.cancel();
    pane.cursor = null;
    pane.draw();
  }
}

/** The cross-hair always begins a new line: it takes hold of no end that is near. */
const farApart = () => ({ x: Infinity, y: Infinity });
