// @ts-check
// Lengths between two points of an image, in image pixels (0, 0 is the outer corner of the first pixel).
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

/** The measurements on one image. Each is { a, b } in image pixels. */
export class Measurements {
  /** @type {Line[]} */
  lines = [];
  /** @type {{ line: Line, end: "a" | "b", isNew: boolean } | null} what is being drawn */
  draft = null;

  /**
   * Take hold of an end near the point, or begin a new line there. `toScreen` gives CSS pixels.
   * @param {Point} point
   * @param {(point: Point) => Point} toScreen
   */
  begin(point, toScreen) {
    const at = toScreen(point);
    for (const line of this.lines) {
      for (const end of /** @type {const} */ (["a", "b"])) {
        const other = toScreen(line[end]);
        if (Math.hypot(at.x - other.x, at.y - other.y) <= NEAR) {
          this.draft = { line, end, isNew: false };
          return;
        }
      }
    }
    const line = { a: point, b: point };
    this.lines.push(line);
    this.draft = { line, end: "b", isNew: true };
  }

  /** @param {Point} point */
  move(point) {
    if (this.draft) this.draft.line[this.draft.end] = point;
  }

  /** Ends the line; one without a length is dropped. Returns whether something was measured. */
  end() {
    const draft = this.draft;
    this.draft = null;
    if (!draft) return false;
    const { a, b } = draft.line;
    if (Math.hypot(a.x - b.x, a.y - b.y) >= 1) return true;
    this.lines = this.lines.filter((line) => line !== draft.line);
    return false;
  }

  cancel() {
    const draft = this.draft;
    this.draft = null;
    if (draft?.isNew) this.lines = this.lines.filter((line) => line !== draft.line);
  }

  removeLast() {
    return this.lines.pop() !== undefined;
  }
}
