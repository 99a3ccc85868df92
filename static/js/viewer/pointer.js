// Mouse, pen and fingers. One finger or the left button uses the tool in hand; two fingers zoom and move.

import { within } from "./view.js";
import { dragged } from "./window.js";

const NOTCH = 60; // wheel pixels that make one slice
const MIDDLE = 1;
const RIGHT = 2;

/** `viewer`: { tool, activate(pane), refresh(pane), hover(pane, event), stepSlice(pane, by), seriesOf(pane) }. */
export function listen(pane, viewer) {
  const gesture = new Gesture(pane, viewer);
  const target = pane.overlay;
  target.addEventListener("pointerdown", (event) => gesture.down(event));
  target.addEventListener("pointermove", (event) => gesture.move(event));
  for (const name of ["pointerup", "pointercancel"]) target.addEventListener(name, (event) => gesture.up(event));
  target.addEventListener("pointerleave", () => viewer.hover(pane, null));
  target.addEventListener("contextmenu", (event) => event.preventDefault());
  target.addEventListener("dblclick", () => {
    if (viewer.tool === "measure") return;
    pane.view.fit();
    viewer.refresh(pane);
  });
  target.addEventListener("wheel", (event) => wheel(event), { passive: false });

  let turned = 0;
  const wheel = (event) => {
    const slices = viewer.seriesOf(pane).length > 1;
    if (!pane.image || !(event.ctrlKey || event.metaKey || slices)) return; // then the page scrolls
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const by = event.deltaY * lines;
    if (event.ctrlKey || event.metaKey) return zoomAt(event, Math.exp(-within(by, -50, 50) / 150));
    turned += by;
    const steps = Math.trunc(turned / NOTCH) || (Math.abs(event.deltaY) >= NOTCH ? Math.sign(by) : 0);
    if (!steps) return;
    turned = 0;
    viewer.stepSlice(pane, steps);
  };

  const zoomAt = (event, factor) => {
    pane.place.zoomBy(factor, ...local(pane, event));
    viewer.refresh(pane);
  };
}

/** Device pixels within the pane. */
const local = (pane, { clientX, clientY }) => {
  const box = pane.element.getBoundingClientRect();
  return [(clientX - box.left) * pane.ratio, (clientY - box.top) * pane.ratio];
};

class Gesture {
  #pane;
  #viewer;
  #points = new Map(); // pointer → last { x, y } in device pixels
  #tool = null;

  constructor(pane, viewer) {
    this.#pane = pane;
    this.#viewer = viewer;
  }

  down(event) {
    this.#viewer.activate(this.#pane);
    this.#viewer.stage.focus({ preventScroll: true });
    if (!this.#pane.image) return;
    event.preventDefault();
    this.#pane.overlay.setPointerCapture(event.pointerId);
    this.#points.set(event.pointerId, this.#at(event));
    if (this.#points.size === 2) this.#pinch();
    if (this.#points.size > 1) return;
    this.#tool = this.#toolOf(event);
    if (this.#tool === "measure") this.#beginLine(event);
  }

  #toolOf({ button, shiftKey }) {
    if (button === MIDDLE || shiftKey) return "pan";
    return button === RIGHT ? "zoom" : this.#viewer.tool;
  }

  #pinch() {
    if (this.#tool === "measure") this.#pane.measurements.cancel();
    this.#tool = "pinch";
  }

  #beginLine(event) {
    const pane = this.#pane;
    const place = pane.place;
    const toScreen = (point) => {
      const at = place.toScreen(point.x, point.y);
      return { x: at.x / pane.ratio, y: at.y / pane.ratio };
    };
    pane.measurements.begin(pane.toImage(event.clientX, event.clientY), toScreen);
    pane.draw();
  }

  move(event) {
    const before = this.#points.get(event.pointerId);
    if (!before) return this.#viewer.hover(this.#pane, event);
    const now = this.#at(event);
    if (this.#tool === "pinch") this.#spread(event.pointerId, before, now);
    else this.#use(event, now.x - before.x, now.y - before.y);
    this.#points.set(event.pointerId, now);
    this.#viewer.refresh(this.#pane);
    return this.#viewer.hover(this.#pane, event);
  }

  #use(event, dx, dy) {
    const pane = this.#pane;
    const side = Math.min(pane.canvas.width, pane.canvas.height);
    if (this.#tool === "window") pane.window = dragged(pane.window, dx / side, dy / side, pane.image);
    else if (this.#tool === "pan") pane.place.pan(dx, dy);
    else if (this.#tool === "zoom") pane.place.zoomBy(Math.exp((-2 * dy) / side));
    else if (this.#tool === "measure") pane.measurements.move(pane.toImage(event.clientX, event.clientY));
  }

  /** Zoom by how far the fingers moved apart, around their middle, and follow that middle. */
  #spread(moving, before, now) {
    const other = [...this.#points].find(([id]) => id !== moving)?.[1];
    if (!other) return;
    const middle = (point) => ({ x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
    const apart = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    const [from, to] = [middle(before), middle(now)];
    this.#pane.place.pan(to.x - from.x, to.y - from.y);
    this.#pane.place.zoomBy(apart(now) / apart(before), to.x, to.y);
  }

  up(event) {
    if (!this.#points.delete(event.pointerId)) return;
    if (this.#tool === "measure") {
      this.#pane.measurements.end();
      this.#viewer.refresh(this.#pane);
    }
    if (!this.#points.size) this.#tool = null;
  }

  #at(event) {
    const [x, y] = local(this.#pane, event);
    return { x, y };
  }
}
