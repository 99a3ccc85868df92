// @ts-check
// The buttons, made from the table of actions.

import { groups, isOffered } from "./actions.js";
import { make } from "./elements.js";
import { icon } from "./icons.js";
import { withKey } from "./keys.js";

export class Toolbar {
  #viewer;
  #frame = 0;
  /** @type {[Action, HTMLButtonElement][]} */
  #buttons = [];
  /** @type {HTMLElement[]} */
  #groups = [];

  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.#viewer = viewer;
    this.element = make("div", { class: "sv-tools" });
    for (const [name, actions] of groups()) {
      const buttons = actions.filter((action) => action.show).map((action) => this.#button(action));
      if (!buttons.length) continue;
      const group = make("div", { class: "sv-group", role: "group", "aria-label": name }, ...buttons);
      this.#groups.push(group);
      this.element.append(group);
    }
  }

  /** @param {Action} action */
  #button(action) {
    const face = action.show === "icon" ? icon(action.icon ?? action.id) : action.text?.(this.#viewer);
    const button = make(
      "button",
      { type: "button", class: `sv-button sv-button-${action.show}`, "data-action": action.id },
      face,
    );
    button.setAttribute("aria-keyshortcuts", action.keys.join(" "));
    button.addEventListener("click", () => action.run(this.#viewer, ""));
    this.#buttons.push([action, button]);
    return button;
  }

  /** With the next frame, however often it is asked for until then: a slice asks several times. */
  update() {
    this.#frame ||= requestAnimationFrame(() => this.#updateNow());
  }

  #updateNow() {
    this.#frame = 0;
    for (const [action, button] of this.#buttons) this.#updateButton(action, button);
    for (const group of this.#groups)
      group.hidden = [...group.children].every((child) => /** @type {HTMLElement} */ (child).hidden);
  }

  /**
   * @param {Action} action
   * @param {HTMLButtonElement} button
   */
  #updateButton(action, button) {
    const offered = isOffered(action, this.#viewer);
    button.hidden = !(offered || action.keepsPlace?.(this.#viewer));
    button.disabled = !offered;
    if (action.pressed) button.setAttribute("aria-pressed", String(Boolean(action.pressed(this.#viewer))));
    const text = action.text?.(this.#viewer);
    if (text && button.textContent !== text) button.textContent = text;
    const name = action.title?.(this.#viewer) || action.label;
    button.setAttribute("aria-label", name);
    button.title = withKey(name, action.keys[0]);
  }
}
