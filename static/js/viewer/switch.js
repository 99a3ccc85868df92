// @ts-check
// Where there is room for one image alone: which of the two is shown. The style sheet shows it there and nowhere else.

import { gettext } from "../i18n.js";
import { nameOf } from "./caption.js";
import { make } from "./elements.js";

export class Switch {
  #panes;
  #buttons;

  /** @param {Panes} panes */
  constructor(panes) {
    this.#panes = panes;
    this.#buttons = panes.all.map((pane) =>
      make("button", { type: "button", class: "sv-switch-button", onclick: () => panes.activate(pane) }),
    );
    this.element = make(
      "div",
      { class: "sv-switch", role: "group", "aria-label": gettext("Which image is shown"), hidden: true },
      ...this.#buttons,
    );
  }

  update() {
    const { all, active, isComparing } = this.#panes;
    this.element.hidden = !isComparing;
    for (const [place, pane] of all.entries()) {
      this.#buttons[place].textContent = nameOf(pane, this.#panes);
      this.#buttons[place].setAttribute("aria-pressed", String(pane === active));
    }
  }
}
