// @ts-check
// Where an image lies on the screen. Zoom and place are relative to the image and its pane, so that two panes with images
// of different sizes can share one View: that is what linking them means.

export class View {
  /** `scale`: 1 fits the pane. (x, y): the part of the image, 0 to 1, in the middle of the pane. `turns`: quarters, clockwise. */
  scale = 1;
  x = 0.5;
  y = 0.5;
  turns = 0;
  mirrored = false;

  reset() {
    Object.assign(this, { scale: 1, x: 0.5, y: 0.5, turns: 0, mirrored: false });
  }

  fit() {
    Object.assign(this, { scale: 1, x: 0.5, y: 0.5 });
  }

  copy() {
    return Object.assign(new View(), this);
  }

  /** @param {number} quarters */
  turn(quarters) {
    this.turns = (this.turns + quarters + 4) % 4;
  }
}

const SMALLEST = 0.25; // of the fitted size
const LARGEST = 8; // of the fitted size, but at least so many device pixels a pixel:
const LARGEST_PIXEL = 16;

/** @typedef {{ width: number, height: number, spacing?: Spacing | null }} Picture */

/** Rows of pixels may lie further apart than columns: the image is stretched to its true shape. @param {Picture} picture */
const stretch = ({ spacing }) => (spacing ? spacing.row / spacing.column : 1);

/** One image in one pane of `width` × `height` device pixels under a View. */
export class Placement {
  /**
   * @param {View} view
   * @param {Picture} image
   * @param {number} width
   * @param {number} height
   */
  constructor(view, image, width, height) {
    this.view = view;
    this.image = image;
    this.width = width;
    this.height = height;
    this.stretch = stretch(image);
    const lying = view.turns % 2 === 1;
    const [w, h] = [image.width, image.height * this.stretch];
    this.fitted = Math.min(width / (lying ? h : w), height / (lying ? w : h));
  }

  /** Device pixels for one column of the image. */
  get zoom() {
    return this.fitted * this.view.scale;
  }

  /** From image pixels to device pixels. */
  get matrix() {
    const { view, image, zoom } = this;
    const matrix = new DOMMatrix()
      .translateSelf(this.width / 2, this.height / 2)
      .rotateSelf(90 * view.turns)
      .scaleSelf(view.mirrored ? -zoom : zoom, zoom * this.stretch)
      .translateSelf(-view.x * image.width, -view.y * image.height);
    if (this.#isWhole) Object.assign(matrix, { e: Math.round(matrix.e), f: Math.round(matrix.f) });
    return matrix;
  }

  /** Whether each image pixel fills whole pixels of the screen: then none may lie across two of them and blur. */
  get #isWhole() {
    return this.stretch === 1 && this.zoom > 0.9 && Math.abs(this.zoom - Math.round(this.zoom)) < 1e-6;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  toImage(x, y) {
    const { x: column, y: row } = this.matrix.inverse().transformPoint(new DOMPoint(x, y));
    return { x: column, y: row };
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  toScreen(x, y) {
    const point = this.matrix.transformPoint(new DOMPoint(x, y));
    return { x: point.x, y: point.y };
  }

  /**
   * Move the image by device pixels; at least its edge stays in sight.
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    const middle = this.toImage(this.width / 2 - dx, this.height / 2 - dy);
    this.view.x = within(middle.x / this.image.width, 0, 1);
    this.view.y = within(middle.y / this.image.height, 0, 1);
  }

  /**
   * Zoom by a factor around a point of the pane, by default its middle.
   * @param {number} factor
   */
  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const before = this.toImage(x, y);
    this.view.scale = within(this.view.scale * factor, SMALLEST, Math.max(LARGEST, LARGEST_PIXEL / this.fitted));
    const after = this.toScreen(before.x, before.y);
    this.pan(x - after.x, y - after.y);
  }

  /** One pixel of the image on one pixel of the screen. */
  zoomToPixels() {
    this.zoomBy(1 / this.zoom);
  }
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const within = (value, low, high) => Math.min(Math.max(value, low), high);
