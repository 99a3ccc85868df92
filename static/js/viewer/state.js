// @ts-check
// What a viewer shows, in plain values: for the scripts of a page, and for tests.

import { length } from "./measure.js";
import { shapeText } from "./shapes.js";

/** @param {Viewer} viewer */
export function stateOf({ panes, tool, attention }) {
  const { main, series, comparison, isComparing, together } = panes;
  const { image } = main;
  return {
    scan: main.entry?.id,
    window: { ...main.window },
    inverted: main.inverted,
    zoom: image && main.place.zoom,
    view: { ...main.view },
    tool: tool.name,
    slice: { index: series.index, of: series.length },
    attention: { on: attention.isOn, maps: attention.maps.length, opacity: main.opacity },
    set: main.entry?.set,
    sets: panes.sets.length,
    comparing: isComparing,
    beside: isComparing
      ? { scan: comparison.pane.entry?.id, kind: comparison.kind, index: comparison.series.index }
      : null,
    together: together.sentence,
    lines: image ? main.measurements.lines.map(({ a, b }) => ({ a, b, ...length(image, a, b) })) : [],
    shapes: image ? main.measurements.shapes.map((shape) => ({ ...shape, text: shapeText(image, shape) })) : [],
  };
}
