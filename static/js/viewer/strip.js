// @ts-check
// The slices of a series as a row of bars: their scores where these may be seen, and which one is shown.

import { gettext, interpolate, percent } from "../i18n.js";
import { make, svg } from "./elements.js";

export class Strip {
  #series;
  /** @type {SVGRectElement[]} */
  #bars = [];
  /** @type {{ slices: Entry[], scores: Map<string, Score> } | null} what the bars were drawn of */
  #drawn = null;

  /** @param {Series} series */
  constructor(series) {
    this.#series = series;
    this.picture = svg("svg", { class: "sv-bars", preserveAspectRatio: "none", "aria-hidden": "true" });
    this.slider = make(
      "div",
      { class: "sv-slider", role: "slider", tabindex: "0", "aria-label": gettext("Slice"), "aria-valuemin": "1" },
      this.picture,
    );
    this.text = make("p", {});
    this.legend = make(
      "p",
      { class: "sv-strip-legend" },
      gettext("Height: probability, combined or the classifiers’ mean. Colour, by the operating point:"),
      " ",
      make("span", { class: "sv-key-above" }, gettext("positive or above")),
      " / ",
      make("span", { class: "sv-key-between" }, gettext("indeterminate")),
      " / ",
      make("span", { class: "sv-key-below" }, gettext("negative or below")),
    );
    this.words = make("div", { class: "sv-strip-text" }, this.text, this.legend);
    this.missing = make(
      "p",
      { class: "sv-strip-missing", role: "alert", hidden: true },
      gettext("One slice is shown. The others of this series could not be loaded."),
      " ",
      make(
        "button",
        { type: "button", class: "button button-small", onclick: () => this.#again() },
        gettext("Load again"),
      ),
    );
    this.element = make("div", { class: "sv-strip", hidden: true }, this.missing, this.slider, this.words);
    this.#listen();
  }

  /** Bring it up to date with its series. */
  update() {
    const { length, index, slices, scores, missing } = this.#series;
    this.missing.hidden = !missing;
    this.slider.hidden = this.words.hidden = length < 2;
    this.element.hidden = length < 2 && !missing;
    if (length < 2) return;
    if (this.#drawn?.slices !== slices || this.#drawn.scores !== scores) this.#drawBars();
    for (const bar of this.picture.querySelectorAll(".sv-bar-now")) bar.classList.remove("sv-bar-now");
    this.#bars[index]?.classList.add("sv-bar-now");
    this.#mark.setAttribute("x", String(index));
    const said = this.#saying(index);
    this.text.textContent = said;
    this.slider.setAttribute("aria-valuemax", String(length));
    this.slider.setAttribute("aria-valuenow", String(index + 1));
    this.slider.setAttribute("aria-valuetext", said);
  }

  #again() {
    this.#series.load(this.#series.missing);
  }

  #mark = svg("rect", { class: "sv-bar-mark", y: 0, width: 1, height: 100 });

  /** @param {number} index */
  #saying(index) {
    const { length, slices, scores, unasked } = this.#series;
    const place = interpolate(gettext("Slice %(number)s of %(total)s"), { number: index + 1, total: length });
    const { id } = slices[index] ?? {};
    const score = scores.get(id);
    if (unasked.has(id)) return `${place} · ${gettext("not asked: a slice close to it was")}`;
    if (!score) return scores.size ? `${place} · ${gettext("no result")}` : place;
    const { above, total } = score;
    return `${place} · ${interpolate(SAID[score.zone || "mean"], { percent: percent(score.probability), above, total })}`;
  }

  #drawBars() {
    const { length, slices, scores, keyImages } = this.#series;
    this.picture.setAttribute("viewBox", `0 0 ${length} 100`);
    const least = scores.size ? 4 : 60;
    this.#bars = slices.map((slice, place) => bar(place, scores.get(slice.id), least));
    const keys = slices.flatMap(({ id }, x) => (keyImages.includes(id) ? [keyMark(x)] : []));
    this.picture.replaceChildren(this.#mark, ...this.#bars, ...keys);
    this.element.classList.toggle("sv-strip-plain", !scores.size);
    this.legend.hidden = !scores.size;
    this.#drawn = { slices, scores };
  }

  #listen() {
    /** @param {PointerEvent} event */
    const pick = (event) => {
      const { left, width } = this.slider.getBoundingClientRect();
      this.#series.go(Math.floor(((event.clientX - left) / width) * this.#series.length));
    };
    this.slider.addEventListener("pointerdown", (event) => {
      this.slider.setPointerCapture(event.pointerId);
      pick(event);
    });
    this.slider.addEventListener("pointermove", (event) => {
      if (this.slider.hasPointerCapture(event.pointerId)) pick(event);
    });
    this.slider.addEventListener("keydown", (event) => {
      /** @type {Record<string, number>} */
      const steps = {
        ArrowLeft: -1,
        ArrowDown: -1,
        ArrowRight: 1,
        ArrowUp: 1,
        PageUp: -10,
        PageDown: 10,
        Home: -1e6,
        End: 1e6,
      };
      if (!(event.key in steps)) return;
      event.preventDefault(); // the viewer's own keys let it be then
      this.#series.step(steps[event.key]);
    });
  }
}

/** @type {Record<string, string>} */
const SAID = {
  mean: gettext("%(percent)s mean, %(above)s of %(total)s above their operating point"),
  positive: gettext("%(percent)s combined, positive zone, %(above)s of %(total)s above their operating point"),
  indeterminate: gettext(
    "%(percent)s combined, indeterminate zone, %(above)s of %(total)s above their operating point",
  ),
  negative: gettext("%(percent)s combined, negative zone, %(above)s of %(total)s above their operating point"),
};

/** @type {Record<string, string>} */
const TONES = { positive: "sv-bar-above", indeterminate: "sv-bar-between", negative: "sv-bar-below" };

/**
 * @param {number} place
 * @param {Score | undefined} score
 * @param {number} least
 */
function bar(place, score, least) {
  const height = score ? Math.max(least, 100 * score.probability) : least;
  const tone = score ? TONES[score.zone || (score.above ? "positive" : "negative")] : "sv-bar-none";
  return svg("rect", { class: `sv-bar ${tone}`, x: place + 0.1, y: 100 - height, width: 0.8, height });
}

/** @param {number} x */
const keyMark = (x) => svg("rect", { class: "sv-bar-key", x, y: 0, width: 1, height: 8 });
