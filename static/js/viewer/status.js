// The line below the image: zoom, window, pixel under the pointer, what a length means.

import { make } from "./elements.js";
import { scaleText } from "./measure.js";

const whole = (value) => Math.round(value).toLocaleString("en-GB").replace("-", "−");
const fine = (value) => (Number.isInteger(value) ? whole(value) : value.toFixed(1).replace("-", "−"));

export class Status {
  #parts = {};

  constructor() {
    const part = (name, label) => {
      this.#parts[name] = make("span", { class: `sv-status-${name}` });
      return make("p", {}, label && make("span", { class: "sv-status-label" }, label), this.#parts[name]);
    };
    this.spoken = make("p", { class: "sv-spoken", "aria-live": "polite" });
    this.element = make(
      "div",
      { class: "sv-status" },
      part("zoom", "Zoom"),
      part("window", "Window"),
      part("value", "Value"),
      part("scale", ""),
      this.spoken,
    );
  }

  update(pane) {
    if (!pane.image) return;
    const { centre, width, name } = pane.window;
    this.#parts.zoom.textContent = `${Math.round(100 * pane.place.zoom)} %`;
    this.#parts.window.textContent = `W ${whole(width)} L ${whole(centre)}${name ? ` · ${name}` : ""}`;
    this.#parts.scale.textContent = scaleText(pane.image);
  }

  /** `found` as Pane.probe gives it. */
  point(pane, found) {
    const unit = pane.image?.unit && ` ${pane.image.unit}`;
    this.#parts.value.textContent = found ? `${fine(found.value)}${unit} at ${found.x}, ${found.y}` : "–";
  }

  say(text) {
    this.spoken.textContent = text;
  }
}
