// @ts-check
// The words over an image: what it is, and what makes it differ from how the scanner sent it.

import { gettext, interpolate } from "../i18n.js";

/**
 * @param {Pane} pane
 * @param {Viewer} viewer
 */
export function caption(pane, { panes, keyImages, attention }) {
  const { length: slices, shown } = panes.seriesOf(pane);
  const name = nameOf(pane, panes);
  pane.caption.textContent = slices > 1 ? `${name} · ${shown + 1} / ${slices}` : name;
  const flags = [keyImages.has(pane.shown?.id) && gettext("Key image"), pane.shown?.note, ...changes(pane)];
  pane.flags.textContent = [...flags, pane.attention && attention.sentence].filter(Boolean).join(" · ");
}

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

/** @param {Pane} pane */
const changes = ({ view: { mirrored, turns }, inverted }) => [
  mirrored && gettext("Mirrored"),
  turns > 0 && interpolate(gettext("Turned %(degrees)s°"), { degrees: 90 * turns }),
  inverted && gettext("Inverted"),
];
