// @ts-check
// The words over an image: what it is, and what makes it differ from how the scanner sent it.

import { gettext, interpolate } from "../i18n.js";

/**
 * @param {Pane} pane
 * @param {Viewer} viewer
 */
export function caption(pane, { panes, keyImages, attention }) {
  const { length: slices, shown } = panes.seriesOf(pane);
  const name = nameOf(pane, pane !== panes.main && !panes.comparison.isChosen);
  pane.caption.textContent = slices > 1 ? `${name} · ${shown + 1} / ${slices}` : name;
  const flags = [keyImages.has(pane.shown?.id) && gettext("Key image"), ...changes(pane)];
  pane.flags.textContent = [...flags, pane.attention && attention.sentence].filter(Boolean).join(" · ");
}

/**
 * @param {Pane} pane
 * @param {boolean} isPrevious
 */
const nameOf = (pane, isPrevious) => {
  const title = (pane.shown ?? pane.entry)?.title ?? "";
  return isPrevious ? interpolate(gettext("Previous: %(study)s"), { study: title }) : title;
};

/** @param {Pane} pane */
const changes = ({ view: { mirrored, turns }, inverted }) => [
  mirrored && gettext("Mirrored"),
  turns > 0 && interpolate(gettext("Turned %(degrees)s°"), { degrees: 90 * turns }),
  inverted && gettext("Inverted"),
];
