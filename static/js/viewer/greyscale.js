// @ts-check
// The measured values of one image, as diagnosis/greyscale.py packs them (its docstring describes the bytes).
import { gettext } from "../i18n.js";

const MAGIC = 0x59455247; // "GREY", little endian
const HEAD = 8;

/**
 * @typedef {object} Header
 * @property {number} width
 * @property {number} height
 * @property {number} bytes of a pixel: 1 or 2
 * @property {number} low the lowest raw value that occurs
 * @property {number} high the highest
 * @property {number} slope
 * @property {number} intercept
 * @property {string} unit "HU" or ""
 * @property {Tone} tone
 * @property {Spacing | null} spacing
 * @property {number} bits
 * @property {Fact[]} facts what should be said beside the picture
 */
/** @typedef {{ code: string }} Fact */

/** A Greyscale from the bytes of the endpoint, already inflated by the browser. @param {ArrayBuffer} buffer */
export function unpack(buffer) {
  const { header, steps } = taken(buffer);
  return new Greyscale(header, steps);
}

/** Header and steps, which can go from one thread to another. @param {ArrayBuffer} buffer */
export function taken(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < HEAD || view.getUint32(0, true) !== MAGIC)
    throw new Error(gettext("The image arrived damaged. Reload the page."));
  const length = view.getUint32(4, true);
  /** @type {Header} */
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, HEAD, length)));
  const planes = new Uint8Array(buffer, HEAD + length);
  if (planes.length !== header.width * header.height * header.bytes)
    throw new Error(gettext("The image arrived incomplete. Reload the page."));
  return { header, steps: header.bytes === 2 ? unfold16(header, planes) : unfold8(header, planes) };
}

// Codes 0, 1, 2, 3 … stand for the differences 0, -1, 1, -2 … to the left neighbour, in the first column to the pixel above.
// `steps` count from the lowest value that occurs, so that a table of what they look like is no longer than needed.

/**
 * @param {Header} header
 * @param {Uint8Array} planes
 */
function unfold16({ width, height, low }, planes) {
  const count = width * height;
  const steps = new Uint16Array(count);
  for (let y = 0, i = 0, above = 0; y < height; y++) {
    let last = above;
    for (let x = 0; x < width; x++, i++) {
      const code = (planes[i] << 8) | planes[count + i];
      last += (code >>> 1) ^ -(code & 1);
      steps[i] = last - low; // stores modulo 2**16, which undoes the wrap of the differences
      if (x === 0) above = last;
    }
  }
  return steps;
}

/**
 * @param {Header} header
 * @param {Uint8Array} planes
 */
function unfold8({ width, height, low }, planes) {
  const steps = new Uint8Array(planes.length);
  for (let y = 0, i = 0, above = 0; y < height; y++) {
    let last = above;
    for (let x = 0; x < width; x++, i++) {
      const code = planes[i];
      last += (code >>> 1) ^ -(code & 1);
      steps[i] = last - low;
      if (x === 0) above = last;
    }
  }
  return steps;
}

/**
 * @param {Level} level
 * @returns {Level}
 */
const half = ({ steps, width, height }) => {
  const w = Math.max(1, width >> 1);
  const h = Math.max(1, height >> 1);
  const out = steps instanceof Uint16Array ? new Uint16Array(w * h) : new Uint8Array(w * h);
  for (let y = 0, o = 0; y < h; y++) {
    let i = 2 * y * width;
    for (let x = 0; x < w; x++, i += 2, o++) {
      out[o] = (steps[i] + steps[i + 1] + steps[i + width] + steps[i + width + 1] + 2) >> 2;
    }
  }
  return { steps: out, width: w, height: h };
};

export class Greyscale {
  /** @type {Level[]} */
  #levels;

  /**
   * @param {Header} header
   * @param {Steps} steps
   */
  constructor(header, steps) {
    this.width = header.width;
    this.height = header.height;
    this.low = header.low;
    this.high = header.high;
    this.slope = header.slope;
    this.intercept = header.intercept;
    this.unit = header.unit;
    this.tone = header.tone;
    this.spacing = header.spacing;
    this.facts = header.facts;
    this.#levels = [{ steps, width: header.width, height: header.height }];
  }

  /** Roughly what it occupies in memory. */
  get byteLength() {
    return this.#levels[0].steps.byteLength * 1.34;
  }

  /** How many different raw values there may be. */
  get range() {
    return this.high - this.low + 1;
  }

  /** What a step means, rounded like DICOM's rescale in 32-bit floats: Hounsfield units where `unit` is "HU". @param {number} step */
  meaning(step) {
    return Math.fround(Math.fround((step + this.low) * Math.fround(this.slope)) + Math.fround(this.intercept));
  }

  /**
   * The meaning of the pixel in column x of row y; null outside the image.
   * @param {number} x
   * @param {number} y
   */
  valueAt(x, y) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return null;
    return this.meaning(this.#levels[0].steps[y * this.width + x]);
  }

  /** The picture at 1 / 2**number of its size, each pixel the mean of those it covers; the smallest there is at most. @param {number} number */
  level(number) {
    while (this.#levels.length <= number) {
      const last = this.#levels[this.#levels.length - 1];
      if (Math.min(last.width, last.height) < 64) break;
      this.#levels.push(half(last));
    }
    return this.#levels[Math.min(number, this.#levels.length - 1)];
  }
}
