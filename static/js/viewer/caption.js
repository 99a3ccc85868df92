// @ts-check
// The words over an image, in its corners: whose it is, which examination and which of its images, how it is shown, and
// what makes it differ from how the scanner sent it. They stand on every image, also on those that are compared.

import { gettext, interpolate, number } from "../i18n.js";
import { make } from "./elements.js";

/**
 * @param {Pane} pane
 * @param {Viewer} viewer
 */
export function caption(pane, { panes, keyImages, attention }) {
  const { length: slices, shown } = panes.seriesOf(pane);
  const name = nameOf(pane, panes);
  pane.caption.textContent = slices > 1 ? `${name} · ${shown + 1}\u00a0/\u00a0${slices}` : name;
  identify(pane);
  const flags = [keyImages.has(pane.shown?.id) && gettext("Key image"), pane.shown?.note, ...changes(pane)];
  flags.push(...told(pane.image?.facts ?? []));
  pane.flags.textContent = [...flags, pane.attention && attention.sentence].filter(Boolean).join(" · ");
}

/** @param {Pane} pane */
function identify(pane) {
  const { who = [], view = "" } = pane.shown ?? pane.entry ?? {};
  const lines = who.map((line) => make("span", {}, line));
  if (pane.who.textContent !== who.join("")) pane.who.replaceChildren(...lines);
  const { centre, width } = pane.window;
  const numbers = { width: whole(width), centre: whole(centre) };
  const look = pane.image ? interpolate(gettext("W %(width)s L %(centre)s"), numbers) : "";
  pane.look.textContent = [view, look].filter(Boolean).join("\n");
}

/** @param {number} value */
const whole = (value) => number(Math.round(value)).replace("-", "−");

/**
 * The study, and which of its series where it has several.
 * @param {Pane} pane
 * @param {Panes} panes
 */
export function nameOf(pane, panes) {
  const title = (pane.shown ?? pane.entry)?.title ?? "";
  const isPrevious = pane !== panes.main && panes.comparison.kind === "prior";
  const study = isPrevious ? interpolate(gettext("Previous: %(study)s"), { study: title }) : title;
  const set = panes.setsOf(pane).length > 1 ? panes.setOf(pane) : null;
  return set ? `${study} · ${set.title}` : study;
}

/**
 * What the file makes it necessary to say, by the codes of ml.imaging.facts.
 * @param {{ code: string }[]} facts
 */
export const told = (facts) => facts.map(({ code }) => FACTS[code]?.()).filter(Boolean);

/** @type {Record<string, () => string>} */
const FACTS = {
  own_range: () => gettext("Shown from its darkest to its brightest value"),
  mirrored: () => gettext("By its header a mirror image: compare the side marker"),
};

/** @param {Pane} pane */
const changes = ({ view: { mirrored, turns }, inverted }) => [
  mirrored && gettext("Mirrored"),
  turns > 0 && interpolate(gettext("Turned %(degrees)s°"), { degrees: 90 * turns }),
  inverted && gettext("Inverted"),
];
