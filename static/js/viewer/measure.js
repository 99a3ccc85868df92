// @ts-check
// Lengths between two points of an image, in image pixels (0, 0 is the outer corner of the first pixel), and the list of
// what was measured on it; shapes.js knows the other kinds.
import { gettext, interpolate, number } from "../i18n.js";

/**
 * { value, unit, atDetector }: millimetres where the file says how far apart its pixels lie, else pixels.
 * @param {{ spacing?: Spacing | null }} image
 * @param {Point} a
 * @param {Point} b
 */
export function length(image, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  if (!image.spacing) return { value: Math.hypot(dx, dy), unit: "px", atDetector: false };
  const { row, column, at_detector: atDetector } = image.spacing;
  return { value: Math.hypot(dx * column, dy * row), unit: "mm", atDetector: Boolean(atDetector) };
}

/**
 * @param {{ spacing?: Spacing | null }} image
 * @param {Point} a
 * @param {Point} b
 */
export function lengthText(image, a, b) {
  const { value, unit, atDetector } = length(image, a, b);
  if (unit === "px") return interpolate(gettext("%(length)s px"), { length: number(value) });
  const sentence = atDetector ? gettext("%(length)s mm at the detector") : gettext("%(length)s mm");
  return interpolate(sentence, { length: number(value, 1) });
}

/** What a length on this image means, for the status line. @param {{ spacing?: Spacing | null }} image */
export function scaleText(image) {
  if (!image.spacing) return gettext("Lengths in pixels: the file does not say their size");
  const { row, column, at_detector: atDetector } = image.spacing;
  const size = row === column ? number(row, 3) : `${number(column, 3)} × ${number(row, 3)}`;
  const sentence = atDetector
    ? gettext("Lengths at the detector, not in the patient: pixel %(size)s mm")
    : gettext("Lengths in mm: pixel %(size)s mm");
  return interpolate(sentence, { size });
}

const NEAR = 14; // CSS pixels around an end that take hold of it

/** The measurements on one image, in image pixels. */
export class Measurements {
  /** @type {Shape[]} */
  shapes = [];
  /** @type {{ shape: Shape, point: number, isNew: boolean } | null} what is being drawn, and which point of it moves */
  draft = null;

  /** The lengths among them. @returns {Line[]} */
  get lines() {
    return this.shapes.flatMap(({ kind, points: [a, b] }) => (kind === "length" ? [{ a, b }] : []));
  }

  /**
   * Take hold of a point near this one, or begin a new shape here. `toScreen` gives CSS pixels.
   * @param {Point} point
   * @param {(point: Point) => Point} toScreen
   * @param {ShapeKind} kind
   */
  begin(point, toScreen, kind = "length") {
    if (this.draft) return this.move(point); // the second arm of an angle
    const at = toScreen(point);
    for (const shape of this.shapes) {
      const place = shape.points.map(toScreen).findIndex(({ x, y }) => Math.hypot(at.x - x, at.y - y) <= NEAR);
      if (place >= 0) {
        this.draft = { shape, point: place, isNew: false };
        return;
      }
    }
    /** @type {Shape} */
    const shape = { kind, points: [point, point] };
    this.shapes.push(shape);
    this.draft = { shape, point: 1, isNew: true };
  }

  /** @param {Point} point */
  move(point) {
    if (this.draft) this.draft.shape.points[this.draft.point] = point;
  }

  /** Ends the shape; one without a size is dropped. Returns whether something was measured. */
  end() {
    const { draft } = this;
    this.draft = null;
    if (!draft) return false;
    const { shape, isNew } = draft;
    const [a, b] = shape.points;
    if (Math.hypot(a.x - b.x, a.y - b.y) < 1) {
      this.#drop(shape);
      return false;
    }
    if (isNew && shape.kind === "angle" && shape.points.length === 2) this.#goOn(shape);
    return true;
  }

  /** The vertex stands: its other arm follows the pointer until it is set. @param {Shape} shape */
  #goOn(shape) {
    shape.points.push(shape.points[1]);
    this.draft = { shape, point: 2, isNew: true };
  }

  cancel() {
    const { draft } = this;
    this.draft = null;
    if (draft?.isNew) this.#drop(draft.shape);
  }

  /** @param {Shape} dropped */
  #drop(dropped) {
    this.shapes = this.shapes.filter((shape) => shape !== dropped);
  }

  removeLast() {
    return this.shapes.pop() !== undefined;
  }
}
