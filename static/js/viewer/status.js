// The line below the image: zoom, window, pixel under the pointer, what a length means.

import { gettext, interpolate, number, percent } from "../i18n.js";
import { make } from "./elements.js";
import { scaleText } from "./measure.js";

const whole = (value) => number(Math.round(value)).replace("-", "−");
const fine = (value) => (Number.isInteger(value) ? whole(value) : number(value, 1).replace("-", "−"));

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
      part("zoom", gettext("Zoom")),
      part("window", gettext("Window")),
      part("value", gettext("Value")),
      part("scale", ""),
      this.spoken,
    );
  }

  update(pane) {
    if (!pane.image) return;
    const { centre, width, name } = pane.window;
    this.#parts.zoom.textContent = percent(pane.place.zoom);
    this.#parts.window.textContent = [
      interpolate(gettext("W %(width)s L %(centre)s"), { width: whole(width), centre: whole(centre) }),
      name,
    ]
      .filter(Boolean)
      .join(" · ");
    this.#parts.scale.textContent = scaleText(pane.image);
  }

  /** `found` as Pane.probe gives it. */
  point(pane, found) {
    this.#parts.value.textContent = found
      ? interpolate(gettext("%(value)s at %(x)s, %(y)s"), {
          value: [fine(found.value), pane.image.unit].filter(Boolean).join(" "),
          x: found.x,
          y: found.y,
        })
      : "–";
  }

  say(text) {
    this.spoken.textContent = text;
  }
}
