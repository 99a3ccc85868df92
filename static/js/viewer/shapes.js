// @ts-check
// What can be measured on an image: a length, an angle, and a region with mean and spread. diagnosis/scans/measuring.py
// works out the same numbers from the same points for the report; where the two differ, the server's stand.

import { gettext, interpolate, number } from "../i18n.js";
import { lengthText } from "./measure.js";

/** How many points each has; an angle's vertex is its second, a region's two are opposite corners. @type {Record<ShapeKind, number>} */
export const POINTS = { length: 2, angle: 3, rectangle: 2, ellipse: 2 };

/** By the tool that draws it. @type {Partial<Record<ToolName, ShapeKind>>} */
export const DRAWN_BY = { measure: "length", angle: "angle", rectangle: "rectangle", ellipse: "ellipse" };

/**
 * In words, for the image.
 * @param {Greyscale} image
 * @param {Shape} shape
 */
export function shapeText(image, { kind, points }) {
  if (kind === "length") return lengthText(image, points[0], points[1]);
  if (kind === "angle") return interpolate(gettext("%(degrees)s°"), { degrees: number(degrees(image, points), 1) });
  return regionText(image, region(image, kind, points));
}

/**
 * 0 to 180, at the second point; square pixels where the file does not say their shape.
 * @param {{ spacing?: Spacing | null }} image
 * @param {Point[]} points
 */
export function degrees({ spacing }, [one, vertex, other]) {
  if (!other) return 0;
  const { row, column } = spacing ?? { row: 1, column: 1 };
  /** @param {Point} point */
  const direction = (point) => Math.atan2((point.y - vertex.y) * row, (point.x - vertex.x) * column);
  const turned = (Math.abs(direction(one) - direction(other)) * 180) / Math.PI;
  return Math.min(turned, 360 - turned);
}

/**
 * Mean and standard deviation of what the pixels mean whose middles lie within, and how many there are.
 * @param {Greyscale} image
 * @param {ShapeKind} kind
 * @param {Point[]} points
 */
export function region(image, kind, [a, b]) {
  const { steps, width, height } = image.level(0);
  const [x, y] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
  const [across, down] = [Math.max(Math.abs(a.x - b.x) / 2, 1e-9), Math.max(Math.abs(a.y - b.y) / 2, 1e-9)];
  let [count, sum, squares] = [0, 0, 0];
  for (let row = first(y - down); row < Math.min(height, y + down); row++) {
    const part = Math.abs(row + 0.5 - y) / down;
    if (part > 1) continue;
    const reach = across * (kind === "ellipse" ? Math.sqrt(1 - part * part) : 1);
    for (let column = first(x - reach); column < Math.min(width, x + reach); column++) {
      if (Math.abs(column + 0.5 - x) > reach) continue;
      const step = steps[row * width + column];
      count++;
      sum += step;
      squares += step * step;
    }
  }
  const mean = sum / count;
  const spread = Math.sqrt(Math.max(0, squares / count - mean * mean)) * Math.abs(image.slope);
  return { count, mean: (mean + image.low) * image.slope + image.intercept, spread };
}

/** @param {number} edge */
const first = (edge) => Math.max(0, Math.floor(edge));

/**
 * @param {Greyscale} image
 * @param {{ count: number, mean: number, spread: number }} found
 */
function regionText(image, { count, mean, spread }) {
  if (!count) return gettext("no pixel within");
  const places = image.unit === "HU" ? 0 : 1;
  const values = { mean: signed(mean, places), spread: number(spread, places), unit: image.unit };
  const sentence = image.unit
    ? gettext("mean %(mean)s, SD %(spread)s %(unit)s")
    : gettext("mean %(mean)s, SD %(spread)s");
  return `${interpolate(sentence, values)} · ${areaText(image, count)}`;
}

/**
 * @param {number} value
 * @param {number} places
 */
const signed = (value, places) => number(value, places).replace("-", "−");

/**
 * @param {{ spacing?: Spacing | null }} image
 * @param {number} count
 */
function areaText({ spacing }, count) {
  if (!spacing) return interpolate(gettext("%(count)s px"), { count: number(count) });
  const area = { area: number(count * spacing.row * spacing.column, 0) };
  return interpolate(spacing.at_detector ? gettext("%(area)s mm² at the detector") : gettext("%(area)s mm²"), area);
}
