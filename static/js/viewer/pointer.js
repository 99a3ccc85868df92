// @ts-check
// Mouse, pen and fingers. One finger or the left button uses the tool in hand; two fingers zoom and move.

import { within } from "./view.js";
import { dragged } from "./window.js";

const NOTCH = 60; // wheel pixels that make one slice
const MIDDLE = 1;
const RIGHT = 2;

/**
 * @param {Pane} pane
 * @param {Viewer} viewer
 */
export function listen(pane, viewer) {
  const gesture = new Gesture(pane, viewer);
  const target = pane.overlay;
  target.addEventListener("pointerdown", (event) => gesture.down(event));
  target.addEventListener("pointermove", (event) => gesture.move(event));
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"]))
    target.addEventListener(name, (event) => gesture.up(event));
  target.addEventListener("pointerleave", () => viewer.hover(pane, null));
  target.addEventListener("contextmenu", (event) => event.preventDefault());
  target.addEventListener("dblclick", () => {
    if (viewer.tool.draws) return;
    pane.view.fit();
    viewer.panes.refresh(pane);
  });
  target.addEventListener("wheel", (event) => wheel(event), { passive: false });

  let turned = 0;
  /** @param {WheelEvent} event */
  const wheel = (event) => {
    const slices = viewer.panes.seriesOf(pane).length > 1;
    if (!pane.image || !(event.ctrlKey || event.metaKey || slices)) return; // then the page scrolls
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const by = event.deltaY * lines;
    if (event.ctrlKey || event.metaKey) return zoomAt(event, Math.exp(-within(by, -50, 50) / 150));
    turned += by;
    const steps = Math.trunc(turned / NOTCH) || (Math.abs(event.deltaY) >= NOTCH ? Math.sign(by) : 0);
    if (!steps) return;
    turned = 0;
    viewer.panes.seriesOf(pane).step(steps);
  };

  /**
   * @param {WheelEvent} event
   * @param {number} factor
   */
  const zoomAt = (event, factor) => {
    const { x, y } = local(pane, event);
    pane.place.zoomBy(factor, x, y);
    viewer.panes.refresh(pane);
  };
}

/**
 * Device pixels within the pane.
 * @param {Pane} pane
 * @param {MouseEvent} event
 */
const local = (pane, { clientX, clientY }) => {
  const box = pane.element.getBoundingClientRect();
  return { x: (clientX - box.left) * pane.ratio, y: (clientY - box.top) * pane.ratio };
};

class Gesture {
  #pane;
  #viewer;
  /** @type {Map<number, Point>} where each pointer was last, in device pixels */
  #points = new Map();
  /** @type {ToolName | "pinch" | "draw" | null} */
  #tool = null;

  /**
   * @param {Pane} pane
   * @param {Viewer} viewer
   */
  constructor(pane, viewer) {
    this.#pane = pane;
    this.#viewer = viewer;
  }

  /** @param {PointerEvent} event */
  down(event) {
    this.#viewer.panes.activate(this.#pane);
    this.#viewer.stage.focus({ preventScroll: true });
    if (!this.#pane.image) return;
    event.preventDefault();
    this.#pane.overlay.setPointerCapture(event.pointerId);
    this.#points.set(event.pointerId, this.#at(event));
    if (this.#points.size === 2) this.#pinch();
    if (this.#points.size > 1) return;
    this.#tool = this.#toolOf(event);
    if (this.#tool === "draw") this.#beginShape(event);
  }

  /** @param {PointerEvent} event */
  #toolOf({ button, shiftKey }) {
    if (button === MIDDLE || shiftKey) return "pan";
    if (button === RIGHT) return "zoom";
    return this.#viewer.tool.draws ? "draw" : this.#viewer.tool.name;
  }

  #pinch() {
    if (this.#tool === "draw") this.#pane.measurements.cancel();
    this.#tool = "pinch";
  }

  /** @param {PointerEvent} event */
  #beginShape(event) {
    const pane = this.#pane;
    const place = pane.place;
    /** @param {Point} point */
    const toScreen = (point) => {
      const at = place.toScreen(point.x, point.y);
      return { x: at.x / pane.ratio, y: at.y / pane.ratio };
    };
    pane.measurements.begin(pane.toImage(event.clientX, event.clientY), toScreen, this.#viewer.tool.draws ?? "length");
    pane.draw();
  }

  /** @param {PointerEvent} event */
  move(event) {
    const before = this.#points.get(event.pointerId);
    if (!before) return this.#pass(event);
    const now = this.#at(event);
    if (this.#tool === "pinch") this.#spread(event.pointerId, before, now);
    else this.#use(event, now.x - before.x, now.y - before.y);
    this.#points.set(event.pointerId, now);
    this.#viewer.panes.refresh(this.#pane);
    return this.#viewer.hover(this.#pane, event);
  }

  /** Over the image without a button: the open arm of an angle follows. @param {PointerEvent} event */
  #pass(event) {
    const pane = this.#pane;
    if (pane.image && this.#viewer.tool.draws && pane.measurements.draft && !pane.cursor) {
      pane.measurements.move(pane.toImage(event.clientX, event.clientY));
      pane.draw();
    }
    this.#viewer.hover(pane, event);
  }

  /**
   * @param {PointerEvent} event
   * @param {number} dx
   * @param {number} dy
   */
  #use(event, dx, dy) {
    const pane = this.#pane;
    if (!pane.image) return;
    const side = Math.min(pane.canvas.width, pane.canvas.height);
    if (this.#tool === "window") pane.window = dragged(pane.window, dx / side, dy / side, pane.image);
    else if (this.#tool === "pan") pane.place.pan(dx, dy);
    else if (this.#tool === "zoom") pane.place.zoomBy(Math.exp((-2 * dy) / side));
    else if (this.#tool === "draw") pane.measurements.move(pane.toImage(event.clientX, event.clientY));
  }

  /**
   * Zoom by how far the fingers moved apart, around their middle, and follow that middle.
   * @param {number} moving
   * @param {Point} before
   * @param {Point} now
   */
  #spread(moving, before, now) {
    const other = [...this.#points].find(([id]) => id !== moving)?.[1];
    if (!other) return;
    /** @param {Point} point */
    const middle = (point) => ({ x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
    /** @param {Point} point */
    const apart = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    const [from, to] = [middle(before), middle(now)];
    this.#pane.place.pan(to.x - from.x, to.y - from.y);
    this.#pane.place.zoomBy(apart(now) / apart(before), to.x, to.y);
  }

  /** @param {PointerEvent} event */
  up(event) {
    if (!this.#points.delete(event.pointerId)) return;
    if (this.#tool === "draw") {
      this.#pane.measurements.end();
      this.#viewer.panes.refresh(this.#pane);
      this.#viewer.keyImages.measured();
    }
    if (!this.#points.size) this.#tool = null;
  }

  /** @param {PointerEvent} event */
  #at(event) {
    return local(this.#pane, event);
  }
}
