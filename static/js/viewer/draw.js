// @ts-check
// Painting: an image through its window, an attention map over it, measurements above both.

import { shapeText } from "./shapes.js";
import { table } from "./window.js";

const SHOW_PIXELS_FROM = 6; // device pixels a pixel; below it, pixels are interpolated
const LINE = "#ffd34d";
const EDGE = "rgb(0 0 0 / 75%)";

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Part */
/** @typedef {CanvasRenderingContext2D} Context */

/**
 * The windowed picture at one size. While the window changes only the part in sight is painted, which costs the same
 * however large the image is; the rest follows when it comes into sight.
 */
export class Developed {
  #canvas = document.createElement("canvas");
  /** @type {Record<string, unknown>} */
  #of = {};
  /** @type {Part} */
  #painted = { left: 0, top: 0, right: 0, bottom: 0 }; // { left, top, right, bottom } in pixels of the level
  #look = new Uint32Array(0);
  #buffer = new Uint32Array(0);

  /**
   * A canvas of `level` (of `image`) with at least what `place` shows, and how many image pixels one of its pixels covers.
   * @param {Placement} place
   * @param {Greyscale} image
   * @param {number} number of the level
   * @param {GreyWindow} window
   * @param {boolean} inverted
   */
  at(place, image, number, window, inverted) {
    const level = image.level(number);
    const covers = 2 ** Math.round(Math.log2(image.width / level.width));
    const seen = visible(place, level, covers);
    const { centre, width } = window;
    if (!this.#is({ image, level, centre, width, inverted })) {
      this.#of = { image, level, centre, width, inverted };
      this.#look = table(image, window, inverted);
      this.#paint(level, seen);
    } else if (!holds(this.#painted, seen)) {
      this.#paint(level, { left: 0, top: 0, right: level.width, bottom: level.height });
    }
    return { canvas: this.#canvas, covers };
  }

  /** @param {Record<string, unknown>} wanted */
  #is(wanted) {
    return Object.entries(wanted).every(([name, value]) => this.#of[name] === value);
  }

  /**
   * @param {Level} level
   * @param {Part} part
   */
  #paint({ steps, width, height }, part) {
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.#painted = part;
    const [columns, rows] = [part.right - part.left, part.bottom - part.top];
    if (columns <= 0 || rows <= 0) return;
    if (this.#buffer.length < columns * rows) this.#buffer = new Uint32Array(columns * rows);
    const [out, look] = [this.#buffer, this.#look];
    for (let row = 0, o = 0; row < rows; row++) {
      let i = (part.top + row) * width + part.left;
      for (const end = i + columns; i < end; i++, o++) out[o] = look[steps[i]];
    }
    const bytes = new Uint8ClampedArray(out.buffer, 0, 4 * columns * rows);
    canvas.getContext("2d", { alpha: false })?.putImageData(new ImageData(bytes, columns, rows), part.left, part.top);
  }
}

const MARGIN = 2; // pixels of the level that interpolation looks beyond the edge

/**
 * The part of the level that lies in the pane.
 * @param {Placement} place
 * @param {Level} level
 * @param {number} covers
 */
function visible({ matrix, width, height }, level, covers) {
  const back = matrix.inverse();
  const corners = [
    [0, 0],
    [width, 0],
    [0, height],
    [width, height],
  ].map(([x, y]) => back.transformPoint(new DOMPoint(x, y)));
  const [xs, ys] = [corners.map(({ x }) => x / covers), corners.map(({ y }) => y / covers)];
  return {
    left: Math.max(0, Math.floor(Math.min(...xs)) - MARGIN),
    top: Math.max(0, Math.floor(Math.min(...ys)) - MARGIN),
    right: Math.min(level.width, Math.ceil(Math.max(...xs)) + MARGIN),
    bottom: Math.min(level.height, Math.ceil(Math.max(...ys)) + MARGIN),
  };
}

/**
 * @param {Part} outer
 * @param {Part} inner
 */
const holds = (outer, inner) =>
  outer.left <= inner.left && outer.top <= inner.top && outer.right >= inner.right && outer.bottom >= inner.bottom;

/** The smallest level that still has a pixel for each one on the screen. @param {number} zoom */
const levelFor = (zoom) => Math.max(0, Math.floor(Math.log2(1 / zoom)));

/**
 * @param {Context} context
 * @param {Placement} place
 * @param {Developed} developed
 * @param {Pane} pane
 */
export function drawImage(context, place, developed, { image, window, inverted }) {
  clear(context, "#000");
  if (!image) return;
  const { canvas, covers } = developed.at(place, image, levelFor(place.zoom), window, inverted);
  context.setTransform(place.matrix);
  context.imageSmoothingEnabled = place.zoom < SHOW_PIXELS_FROM;
  context.drawImage(canvas, 0, 0, canvas.width * covers, canvas.height * covers);
}

/**
 * @param {Context} context
 * @param {Placement} place
 * @param {ImageBitmap} map
 * @param {number} opacity
 */
export function drawAttention(context, place, map, opacity) {
  context.setTransform(place.matrix);
  context.globalAlpha = opacity;
  context.imageSmoothingEnabled = true;
  context.drawImage(map, 0, 0, place.image.width, place.image.height);
  context.globalAlpha = 1;
}

/**
 * @param {Context} context
 * @param {string} [colour]
 */
export function clear(context, colour) {
  const { width, height } = context.canvas;
  context.setTransform(1, 0, 0, 1, 0, 0);
  if (!colour) return context.clearRect(0, 0, width, height);
  context.fillStyle = colour;
  return context.fillRect(0, 0, width, height);
}

/**
 * `ratio`: device pixels a CSS pixel.
 * @param {Context} context
 * @param {Placement} place
 * @param {Greyscale} image
 * @param {Shape[]} shapes
 * @param {number} ratio
 */
export function drawMeasurements(context, place, image, shapes, ratio) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  for (const shape of shapes) {
    const ends = shape.points.map(({ x, y }) => place.toScreen(x, y));
    twice(context, ratio, () => outline(context, place, shape));
    for (const end of ends) twice(context, ratio, () => cross(context, end, 6 * ratio));
    label(context, shapeText(image, shape), beside(ends[0], ends[1], ratio), ratio);
  }
}

/**
 * In the image's own axes, so that a region turns with it.
 * @param {Context} context
 * @param {Placement} place
 * @param {Shape} shape
 */
function outline(context, place, { kind, points }) {
  for (const [at, { x, y }] of around(kind, points).entries()) {
    const to = place.toScreen(x, y);
    if (at) context.lineTo(to.x, to.y);
    else context.moveTo(to.x, to.y);
  }
}

const CORNERS = 72; // of the polygon that stands for an ellipse

/**
 * @param {ShapeKind} kind
 * @param {Point[]} points
 */
function around(kind, points) {
  if (kind === "length" || kind === "angle") return points;
  const [a, b] = points;
  if (kind === "rectangle") return [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }, a];
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  return Array.from({ length: CORNERS + 1 }, (_, i) => ({
    x: middle.x + ((b.x - a.x) / 2) * Math.cos((2 * Math.PI * i) / CORNERS),
    y: middle.y + ((b.y - a.y) / 2) * Math.sin((2 * Math.PI * i) / CORNERS),
  }));
}

/**
 * @param {Context} context
 * @param {Placement} place
 * @param {Point} point
 * @param {number} ratio
 */
export function drawCursor(context, place, point, ratio) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  const at = place.toScreen(point.x, point.y);
  twice(context, ratio, () => cross(context, at, 16 * ratio));
}

/**
 * A bright line on a dark one: seen on bone as on air.
 * @param {Context} context
 * @param {number} ratio
 * @param {() => void} draw
 */
function twice(context, ratio, draw) {
  for (const [style, width] of /** @type {const} */ ([
    [EDGE, 4],
    [LINE, 1.75],
  ])) {
    context.strokeStyle = style;
    context.lineWidth = width * ratio;
    context.beginPath();
    draw();
    context.stroke();
  }
}

/**
 * @param {Context} context
 * @param {Point} at
 * @param {number} size
 */
function cross(context, { x, y }, size) {
  context.moveTo(x - size, y);
  context.lineTo(x + size, y);
  context.moveTo(x, y - size);
  context.lineTo(x, y + size);
}

/**
 * Right of the right end; it is moved in where it would be cut off, and left out where that end is out of sight.
 * @param {Point} from
 * @param {Point} to
 * @param {number} ratio
 */
const beside = (from, to, ratio) => {
  const right = to.x >= from.x ? to : from;
  return { x: right.x + 12 * ratio, y: right.y };
};

/**
 * @param {Context} context
 * @param {string} text
 * @param {Point} at
 * @param {number} ratio
 */
function label(context, text, { x, y }, ratio) {
  if (x < 0 || y < 0 || x > context.canvas.width + 12 * ratio || y > context.canvas.height) return;
  const [width, height] = [context.measureText(text).width + 12 * ratio, 22 * ratio];
  const left = Math.max(0, Math.min(x, context.canvas.width - width));
  const top = Math.max(0, Math.min(y - height / 2, context.canvas.height - height));
  context.fillStyle = EDGE;
  context.beginPath();
  context.roundRect(left, top, width, height, 4 * ratio);
  context.fill();
  context.fillStyle = LINE;
  context.textBaseline = "middle";
  context.fillText(text, left + 6 * ratio, top + height / 2);
}
