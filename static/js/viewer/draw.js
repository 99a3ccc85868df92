// Painting: an image through its window, an attention map over it, measurements above both.

import { table } from "./window.js";
import { lengthText } from "./measure.js";

const SHOW_PIXELS_FROM = 6; // device pixels a pixel; below it, pixels are interpolated
const LINE = "#ffd34d";
const EDGE = "rgb(0 0 0 / 75%)";

/** The windowed picture at one size, kept until the window or the size changes. */
export class Developed {
  #canvas = document.createElement("canvas");
  #of = {};

  /** A canvas of `level` (of `image`), and how many image pixels one of its pixels covers. */
  at(image, number, window, inverted) {
    const level = image.level(number);
    const { centre, width } = window;
    if (!this.#is({ image, level, centre, width, inverted })) {
      this.#paint(level, table(image, window, inverted));
      this.#of = { image, level, centre, width, inverted };
    }
    return { canvas: this.#canvas, covers: 2 ** Math.round(Math.log2(image.width / level.width)) };
  }

  #is(wanted) {
    return Object.entries(wanted).every(([name, value]) => this.#of[name] === value);
  }

  #paint({ steps, width, height }, look) {
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d", { alpha: false });
    const data = context.createImageData(width, height);
    const out = new Uint32Array(data.data.buffer);
    for (let i = 0; i < out.length; i++) out[i] = look[steps[i]];
    context.putImageData(data, 0, 0);
  }
}

/** The smallest level that still has a pixel for each one on the screen. */
const levelFor = (zoom) => Math.max(0, Math.floor(Math.log2(1 / zoom)));

export function drawImage(context, place, developed, { window, inverted }) {
  clear(context, "#000");
  const { canvas, covers } = developed.at(place.image, levelFor(place.zoom), window, inverted);
  context.setTransform(place.matrix);
  context.imageSmoothingEnabled = place.zoom < SHOW_PIXELS_FROM;
  context.drawImage(canvas, 0, 0, canvas.width * covers, canvas.height * covers);
}

export function drawAttention(context, place, map, opacity) {
  context.setTransform(place.matrix);
  context.globalAlpha = opacity;
  context.imageSmoothingEnabled = true;
  context.drawImage(map, 0, 0, place.image.width, place.image.height);
  context.globalAlpha = 1;
}

export function clear(context, colour = null) {
  const { width, height } = context.canvas;
  context.setTransform(1, 0, 0, 1, 0, 0);
  if (!colour) return context.clearRect(0, 0, width, height);
  context.fillStyle = colour;
  return context.fillRect(0, 0, width, height);
}

/** `ratio`: device pixels a CSS pixel. */
export function drawMeasurements(context, place, lines, ratio) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  for (const { a, b } of lines) {
    const [from, to] = [place.toScreen(a.x, a.y), place.toScreen(b.x, b.y)];
    twice(context, ratio, () => line(context, from, to));
    for (const end of [from, to]) twice(context, ratio, () => cross(context, end, 6 * ratio));
    label(context, lengthText(place.image, a, b), beside(from, to, ratio), ratio);
  }
}

export function drawCursor(context, place, point, ratio) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  const at = place.toScreen(point.x, point.y);
  twice(context, ratio, () => cross(context, at, 16 * ratio));
}

/** A bright line on a dark one: seen on bone as on air. */
function twice(context, ratio, draw) {
  for (const [style, width] of [[EDGE, 4], [LINE, 1.75]]) {
    context.strokeStyle = style;
    context.lineWidth = width * ratio;
    context.beginPath();
    draw();
    context.stroke();
  }
}

function line(context, from, to) {
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
}

function cross(context, { x, y }, size) {
  context.moveTo(x - size, y);
  context.lineTo(x + size, y);
  context.moveTo(x, y - size);
  context.lineTo(x, y + size);
}

const beside = (from, to, ratio) => {
  const right = to.x >= from.x ? to : from;
  return { x: right.x + 12 * ratio, y: right.y };
};

function label(context, text, { x, y }, ratio) {
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
