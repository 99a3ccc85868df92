// The measured values of one image, as diagnosis/greyscale.py packs them (its docstring describes the bytes).
import { gettext } from "../i18n.js";

const MAGIC = 0x59455247; // "GREY", little endian
const HEAD = 8;

/** A Greyscale from the bytes of the endpoint, already inflated by the browser. */
export function unpack(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < HEAD || view.getUint32(0, true) !== MAGIC)
    throw new Error(gettext("The image arrived damaged. Reload the page."));
  const length = view.getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, HEAD, length)));
  const planes = new Uint8Array(buffer, HEAD + length);
  if (planes.length !== header.width * header.height * header.bytes)
    throw new Error(gettext("The image arrived incomplete. Reload the page."));
  return new Greyscale(header, header.bytes === 2 ? unfold16(header, planes) : unfold8(header, planes));
}

// Codes 0, 1, 2, 3 … stand for the differences 0, -1, 1, -2 … to the left neighbour, in the first column to the pixel above.
// `steps` count from the lowest value that occurs, so that a table of what they look like is no longer than needed.

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

const half = (steps, width, height) => {
  const w = Math.max(1, width >> 1);
  const h = Math.max(1, height >> 1);
  const out = new steps.constructor(w * h);
  for (let y = 0, o = 0; y < h; y++) {
    let i = 2 * y * width;
    for (let x = 0; x < w; x++, i += 2, o++) {
      out[o] = (steps[i] + steps[i + 1] + steps[i + width] + steps[i + width + 1] + 2) >> 2;
    }
  }
  return { steps: out, width: w, height: h };
};

export class Greyscale {
  #levels;

  constructor(header, steps) {
    Object.assign(this, header); // width, height, low, high, slope, intercept, unit, tone, spacing, bits
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

  /** What a step means, rounded like DICOM's rescale in 32-bit floats: Hounsfield units where `unit` is "HU". */
  meaning(step) {
    return Math.fround(Math.fround((step + this.low) * Math.fround(this.slope)) + Math.fround(this.intercept));
  }

  /** The meaning of the pixel in column x of row y; null outside the image. */
  valueAt(x, y) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return null;
    return this.meaning(this.#levels[0].steps[y * this.width + x]);
  }

  /** The picture at 1 / 2**number of its size, each pixel the mean of those it covers; the smallest there is at most. */
  level(number) {
    while (this.#levels.length <= number) {
      const last = this.#levels.at(-1);
      if (Math.min(last.width, last.height) < 64) break;
      this.#levels.push(half(last.steps, last.width, last.height));
    }
    return this.#levels[Math.min(number, this.#levels.length - 1)];
  }
}
