// @ts-check
// The line below the image: zoom, window, pixel under the pointer, what a length means.

import { gettext, interpolate, number, percent } from "../i18n.js";
import { make } from "./elements.js";
import { scaleText } from "./measure.js";

/** @param {number} value */
const whole = (value) => number(Math.round(value)).replace("-", "−");
/** @param {number} value */
const fine = (value) => (Number.isInteger(value) ? whole(value) : number(value, 1).replace("-", "−"));

/**
 * @param {string} label
 * @param {HTMLElement} part
 */
const labelled = (label, part) => make("p", {}, make("span", { class: "sv-status-label" }, label), part);

export class Status {
  constructor() {
    this.zoom = make("span", { class: "sv-status-zoom" });
    this.window = make("span", { class: "sv-status-window" });
    this.value = make("span", { class: "sv-status-value" });
    this.scale = make("span", { class: "sv-status-scale" });
    this.spoken = make("p", { class: "sv-spoken", "aria-live": "polite" });
    this.element = make(
      "div",
      { class: "sv-status" },
      labelled(gettext("Zoom"), this.zoom),
      labelled(gettext("Window"), this.window),
      labelled(gettext("Value"), this.value),
      make("p", {}, this.scale),
      this.spoken,
    );
  }

  /** @param {Pane} pane */
  update(pane) {
    if (!pane.image) return;
    const { centre, width, name } = pane.window;
    this.zoom.textContent = percent(pane.place.zoom);
    this.window.textContent = [
      interpolate(gettext("W %(width)s L %(centre)s"), { width: whole(width), centre: whole(centre) }),
      name,
    ]
      .filter(Boolean)
      .join(" · ");
    this.scale.textContent = scaleText(pane.image);
  }

  /**
   * `found` as Pane.probe gives it.
   * @param {Pane} pane
   * @param {{ x: number, y: number, value: number } | null} found
   */
  point(pane, found) {
    this.value.textContent = found
      ? interpolate(gettext("%(value)s at %(x)s, %(y)s"), {
          value: [fine(found.value), pane.image?.unit].filter(Boolean).join(" "),
          x: found.x,
          y: found.y,
        })
      : "–";
  }

  /** @param {string} text */
  say(text) {
    this.spoken.textContent = text;
  }
}
