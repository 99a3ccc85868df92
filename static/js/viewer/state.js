// What a viewer shows, in plain values: for the scripts of a page, and for tests.

import { length } from "./measure.js";

export function stateOf({ main, tool, series, attention, isComparing }) {
  const lines = main.measurements.lines.map(({ a, b }) => ({ a, b, ...length(main.image, a, b) }));
  return {
    scan: main.entry?.id,
    window: { ...main.window },
    inverted: main.inverted,
    zoom: main.image && main.place.zoom,
    view: { ...main.view },
    tool,
    slice: { index: series.index, of: series.length },
    attention: { on: attention.isOn, maps: attention.maps.length, opacity: main.opacity },
    comparing: isComparing,
    lines,
  };
}
