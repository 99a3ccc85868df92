// @ts-check
// Attention maps: where a classifier looked. Fetched only when they are switched on; with the controls that belong to them.

import { gettext, interpolate, pgettext } from "../i18n.js";
import { make } from "./elements.js";
import { withKey } from "./keys.js";
import { within } from "./view.js";

export class Attention {
  /** @type {AttentionMap[]} of the shown scan */
  maps = [];
  isOn = false;
  index = 0;

  #pane;
  #changed;
  /** @type {Map<string, Promise<ImageBitmap>>} by address */
  #bitmaps = new Map();

  /**
   * @param {Pane} pane
   * @param {() => void} changed
   */
  constructor(pane, changed) {
    this.#pane = pane;
    this.#changed = changed;
    this.choice = make("select", {
      class: "sv-choice",
      "aria-label": gettext("Classifier whose attention is shown"),
      title: withKey(gettext("Next classifier"), "Shift+a"),
    });
    this.choice.addEventListener("change", () => this.choose(this.choice.selectedIndex));
    const strength = gettext("Strength of the attention map");
    this.slider = make("input", {
      type: "range",
      class: "sv-opacity",
      min: 0,
      max: 100,
      value: 100 * pane.opacity,
      "aria-label": strength,
      title: withKey(strength, "t"),
    });
    this.slider.addEventListener("input", () => this.#fade(this.slider.valueAsNumber / 100));
    this.ramp = make("img", { class: "sv-legend-ramp", alt: "", width: 96, height: 8 });
    this.legend = make(
      "span",
      { class: "sv-legend" },
      pgettext("attention", "low"),
      this.ramp,
      pgettext("attention", "high"),
    );
  }

  get controls() {
    return [this.choice, this.slider, this.legend];
  }

  get current() {
    return this.maps[this.index] ?? null;
  }

  /** What the colours mean, for the one who sees them. */
  get sentence() {
    if (!this.current) return "";
    const { name, shows } = this.current;
    const sentence = shows
      ? gettext("Colour: where %(name)s looked for “%(shows)s”, not where disease is")
      : gettext("Colour: where %(name)s looked, not where disease is");
    return interpolate(sentence, { name, shows });
  }

  /**
   * The maps of the scan that is shown now; `ramp` is the address of the colours from low to high.
   * @param {AttentionMap[] | undefined} maps
   * @param {string} [ramp]
   */
  offer(maps, ramp) {
    this.maps = maps ?? [];
    if (this.index >= this.maps.length) this.index = 0;
    if (ramp) this.ramp.src = ramp;
    this.choice.replaceChildren(...this.maps.map((map) => make("option", {}, map.name)));
    this.show();
  }

  toggle() {
    this.isOn = !this.isOn;
    this.show();
  }

  next() {
    this.isOn = true;
    this.choose((this.index + 1) % this.maps.length);
  }

  /** @param {number} index */
  choose(index) {
    this.index = index;
    this.show();
  }

  /** @param {number} by */
  strengthen(by) {
    this.#fade(within(this.#pane.opacity + by, 0, 1));
  }

  /** @param {number} part */
  #fade(part) {
    this.#pane.opacity = part;
    this.slider.value = String(Math.round(100 * part));
    this.#pane.draw();
  }

  /** Put the chosen map over its own image, or take it away. */
  async show() {
    const pane = this.#pane;
    const { entry } = pane;
    this.choice.selectedIndex = this.index;
    this.choice.hidden = this.maps.length < 2 || !this.isOn;
    this.slider.hidden = this.legend.hidden = !this.maps.length || !this.isOn;
    this.#changed();
    const picture = await this.#picture();
    if (pane.entry !== entry || pane.shown !== entry) return; // the next slice has come, or its picture has not
    pane.attention = picture;
    pane.draw();
  }

  async #picture() {
    if (!this.isOn || !this.current) return null;
    const { url } = this.current;
    const picture = this.#bitmaps.get(url) ?? load(url);
    this.#bitmaps.set(url, picture);
    try {
      return await picture;
    } catch (error) {
      this.#bitmaps.delete(url);
      this.#pane.say(error instanceof Error ? error.message : String(error));
      return null;
    }
  }
}

/** @param {string} url */
async function load(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(gettext("The attention map could not be fetched. Try again in a minute."));
  return createImageBitmap(await response.blob());
}
