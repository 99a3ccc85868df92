// @ts-check
// Windowing: which values are black, which white, and the table that says so for every value of an image.
import { gettext, pgettext } from "../i18n.js";

/** @type {Preset[]} */
const CT = [
  { name: gettext("Lung"), title: gettext("Lung window"), centre: -600, width: 1500 },
  { name: gettext("Mediastinum"), title: gettext("Mediastinum window"), centre: 40, width: 400 },
  { name: gettext("Bone"), title: gettext("Bone window"), centre: 400, width: 1800 },
];
// Shares of the width that the file asks for.
const PLAIN = [
  { name: pgettext("window", "Default"), title: gettext("Default window"), share: 1 },
  { name: pgettext("window", "Soft"), title: gettext("Soft window"), share: 1.6 },
  { name: gettext("High contrast"), title: gettext("High contrast window"), share: 0.55 },
];

const AUTO = { name: pgettext("window", "Auto"), title: gettext("Auto window") };

/**
 * The windows of the keys 1 to 4, for this image.
 * @param {Greyscale} image
 * @returns {Preset[]}
 */
export function presetsOf(image) {
  if (image.unit === "HU") return CT;
  const { centre, width } = image.tone;
  const shares = PLAIN.map(({ name, title, share }) => ({ name, title, centre, width: width * share }));
  return [...shares, { ...AUTO, ...wholeRange(image) }];
}

const LEFT_OUT = 0.005; // of the pixels at each end: markers, collimator edges
/** @type {WeakMap<Greyscale, GreyWindow>} */
const ranges = new WeakMap();

/** From the darkest to the brightest value, but for the few at each end. @param {Greyscale} image */
function wholeRange(image) {
  const range = ranges.get(image) ?? measuredRange(image);
  ranges.set(image, range);
  return range;
}

/** @param {Greyscale} image */
function measuredRange(image) {
  const { steps } = image.level(2);
  const sorted = steps.slice().sort();
  const edge = Math.floor(LEFT_OUT * (sorted.length - 1));
  const [low, high] = [sorted[edge], sorted[sorted.length - 1 - edge]].map((step) => image.meaning(step));
  return { centre: (low + high) / 2, width: Math.max(Math.abs(high - low), narrowest(image)) };
}

/** A window: black at `centre - width / 2`, white at `centre + width / 2`; with a `name` while it is a preset. @param {GreyWindow} window */
export const windowOf = ({ name, centre, width }) => ({ name, centre, width });

/** @param {Greyscale} image */
export const firstWindow = (image) => windowOf(presetsOf(image)[0]);

/** @param {Greyscale} image */
const narrowest = (image) => Math.max(Math.abs(image.slope), 1e-6);

/**
 * The window after a drag of (dx, dy) parts of a picture's side: right is wider, up is brighter.
 * @param {GreyWindow} window
 * @param {number} dx
 * @param {number} dy
 * @param {Greyscale} image
 * @returns {GreyWindow}
 */
export function dragged(window, dx, dy, image) {
  const width = Math.max(window.width * Math.exp(2 * dx), narrowest(image));
  const reach = Math.abs(image.meaning(image.range - 1) - image.meaning(0));
  const centre = window.centre + dy * Math.max(window.width, reach / 50);
  return { centre, width: Math.min(width, 8 * Math.max(reach, 1)) };
}

/**
 * From a part of the window, -0.5 to 0.5, to a part of the way from black to white.
 * @param {Tone} tone
 * @returns {(x: number) => number}
 */
const bend = ({ curve, span = 1 }) => {
  if (!curve?.length) return (x) => x + 0.5;
  const last = curve.length - 1;
  return (x) => {
    const at = Math.min(Math.max((x / span + 0.5) * last, 0), last);
    const from = Math.floor(at);
    const to = Math.min(from + 1, last);
    return (curve[from] + (curve[to] - curve[from]) * (at - from)) / 65535;
  };
};

/**
 * For each step of `image` the pixel to draw: little-endian RGBA in one number.
 * @param {Greyscale} image
 * @param {GreyWindow} window
 * @param {boolean} inverted
 */
export function table(image, window, inverted) {
  const out = new Uint32Array(image.range);
  const grey = bend(image.tone);
  const width = Math.max(window.width, Number.MIN_VALUE);
  for (let step = 0; step < out.length; step++) {
    const part = grey((image.meaning(step) - window.centre) / width);
    let value = part <= 0 ? 0 : part >= 1 ? 255 : Math.round(part * 255);
    if (inverted) value = 255 - value;
    out[step] = 0xff000000 | (value * 0x010101);
  }
  return out;
}
