// Everything one can do in the viewer, once: the keys, the toolbar and the help are all made from this table.
//
// keys      as keys.js reads them; the first one is named in tooltips; `run` is told which was pressed
// title     what it is called now, where that changes; else its label
// show      "icon", "text" or nothing: whether the toolbar has a button for it
// pressed   for switches: whether it is on
// offered   whether it makes sense now; the button is hidden otherwise

import { gettext, pgettext } from "../i18n.js";

export const GROUPS = {
  tool: gettext("Tool for dragging"),
  window: gettext("Window"),
  place: gettext("Zoom and place"),
  turn: pgettext("viewer", "Turn"),
  slices: gettext("Slices of a CT series"),
  result: gettext("Where the classifiers looked"),
  compare: pgettext("viewer", "Compare"),
  measure: pgettext("viewer", "Measure"),
  other: gettext("Viewer"),
};

const tool = (id, key, label) => ({
  id,
  keys: [key],
  label,
  group: GROUPS.tool,
  show: "icon",
  icon: id,
  pressed: (viewer) => viewer.tool === id,
  run: (viewer) => viewer.setTool(id),
});

const preset = (place, label) => ({
  id: `preset-${place + 1}`,
  keys: [`${place + 1}`],
  group: GROUPS.window,
  show: "text",
  label,
  text: (viewer) => viewer.presets[place]?.name ?? "",
  title: (viewer) => viewer.presets[place]?.title,
  pressed: (viewer) => viewer.active.window?.name === viewer.presets[place]?.name,
  offered: (viewer) => viewer.presets.length > place,
  run: (viewer) => viewer.applyPreset(place),
});

const plain = (group, id, keys, label, run, more = {}) => ({ group, id, keys, label, run, ...more });

const iconed = (icon, more = {}) => ({ show: "icon", icon, ...more });
const inSeries = { offered: (viewer) => viewer.activeSeries.length > 1 };
const withMap = { offered: (viewer) => viewer.attention.maps.length > 0 };
const withPrior = { offered: (viewer) => viewer.hasPrior };
const comparing = { offered: (viewer) => viewer.isComparing };

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export const ACTIONS = [
  tool("window", "w", gettext("Window: drag right for wider, up for brighter")),
  tool("pan", "p", gettext("Move")),
  tool("zoom", "z", gettext("Zoom: drag up to enlarge")),
  tool("measure", "m", gettext("Measure a length")),

  preset(0, gettext("Lung window of CT; as the X-ray's file asks")),
  preset(1, gettext("Mediastinum of CT; soft X-ray")),
  preset(2, gettext("Bone of CT; high contrast X-ray")),
  preset(3, gettext("X-ray from its darkest to its brightest tissue")),
  plain(GROUPS.window, "brighter", ["b"], gettext("Brighter"), (viewer) => viewer.shiftWindow(0, -0.06)),
  plain(GROUPS.window, "darker", ["Shift+b"], gettext("Darker"), (viewer) => viewer.shiftWindow(0, 0.06)),
  plain(GROUPS.window, "more-contrast", ["c"], gettext("More contrast"), (viewer) => viewer.shiftWindow(-0.06, 0)),
  plain(GROUPS.window, "less-contrast", ["Shift+c"], gettext("Less contrast"), (viewer) => viewer.shiftWindow(0.06, 0)),
  plain(
    GROUPS.window,
    "invert",
    ["i"],
    gettext("Invert black and white"),
    (viewer) => viewer.invert(),
    iconed("invert", { pressed: (viewer) => viewer.active.inverted }),
  ),

  plain(GROUPS.place, "zoom-in", ["+", "="], gettext("Zoom in"), (viewer) => viewer.zoomBy(1.25), iconed("in")),
  plain(GROUPS.place, "zoom-out", ["-"], gettext("Zoom out"), (viewer) => viewer.zoomBy(0.8), iconed("out")),
  plain(GROUPS.place, "fit", ["f"], gettext("Fit the whole image"), (viewer) => viewer.fit(), iconed("fit")),
  plain(
    GROUPS.place,
    "pixels",
    ["o"],
    gettext("One image pixel on one screen pixel"),
    (viewer) => viewer.zoomToPixels(),
    {
      show: "text",
      text: () => "1:1",
    },
  ),
  plain(GROUPS.place, "pan", Object.keys(DIRECTIONS), gettext("Look further in that direction"), (viewer, key) =>
    viewer.nudge(...DIRECTIONS[key]),
  ),

  plain(
    GROUPS.turn,
    "rotate",
    ["r"],
    gettext("Rotate a quarter clockwise"),
    (viewer) => viewer.turn(1),
    iconed("rotate"),
  ),
  plain(GROUPS.turn, "rotate-back", ["Shift+r"], gettext("Rotate a quarter anticlockwise"), (viewer) =>
    viewer.turn(-1),
  ),
  plain(
    GROUPS.turn,
    "mirror",
    ["h"],
    gettext("Mirror left and right"),
    (viewer) => viewer.mirror(),
    iconed("mirror", { pressed: (viewer) => viewer.active.view.mirrored }),
  ),
  plain(
    GROUPS.turn,
    "reset",
    ["0"],
    gettext("Reset window, place and turns"),
    (viewer) => viewer.reset(),
    iconed("reset"),
  ),

  plain(
    GROUPS.slices,
    "previous-slice",
    ["PageUp", ","],
    gettext("Previous slice"),
    (viewer) => viewer.stepSlice(viewer.active, -1),
    inSeries,
  ),
  plain(
    GROUPS.slices,
    "next-slice",
    ["PageDown", "."],
    gettext("Next slice"),
    (viewer) => viewer.stepSlice(viewer.active, 1),
    inSeries,
  ),
  plain(
    GROUPS.slices,
    "first-slice",
    ["Home"],
    gettext("First slice"),
    (viewer) => viewer.stepSlice(viewer.active, -1e6),
    inSeries,
  ),
  plain(
    GROUPS.slices,
    "last-slice",
    ["End"],
    gettext("Last slice"),
    (viewer) => viewer.stepSlice(viewer.active, 1e6),
    inSeries,
  ),

  plain(
    GROUPS.result,
    "attention",
    ["a"],
    gettext("Attention map"),
    (viewer) => viewer.attention.toggle(),
    iconed("attention", { ...withMap, pressed: (viewer) => viewer.attention.isOn }),
  ),
  plain(
    GROUPS.result,
    "next-map",
    ["Shift+a"],
    gettext("Attention map of the next classifier"),
    (viewer) => viewer.attention.next(),
    withMap,
  ),
  plain(
    GROUPS.result,
    "more-opaque",
    ["t"],
    gettext("Attention map stronger"),
    (viewer) => viewer.attention.strengthen(0.1),
    withMap,
  ),
  plain(
    GROUPS.result,
    "less-opaque",
    ["Shift+t"],
    gettext("Attention map weaker"),
    (viewer) => viewer.attention.strengthen(-0.1),
    withMap,
  ),

  plain(
    GROUPS.compare,
    "compare",
    ["v"],
    gettext("Previous or chosen scan beside it"),
    (viewer) => viewer.toggleCompare(),
    iconed("compare", { ...withPrior, pressed: (viewer) => viewer.isComparing }),
  ),
  plain(
    GROUPS.compare,
    "link",
    ["l"],
    gettext("Zoom and move both together"),
    (viewer) => viewer.toggleLink(),
    iconed("link", { ...comparing, pressed: (viewer) => viewer.isLinked }),
  ),
  plain(
    GROUPS.compare,
    "other-pane",
    ["x"],
    gettext("Keys act on the other image"),
    (viewer) => viewer.activateOther(),
    comparing,
  ),

  plain(
    GROUPS.measure,
    "point",
    ["Enter"],
    gettext("With the measuring tool: cross-hair, then set a point (arrows move it)"),
    (viewer) => viewer.ruler.set(),
    { offered: (viewer) => viewer.tool === "measure" },
  ),
  plain(
    GROUPS.measure,
    "remove-length",
    ["Delete", "Backspace"],
    gettext("Remove the last measurement"),
    (viewer) => viewer.ruler.removeLast(),
    { offered: (viewer) => viewer.active.measurements.lines.length > 0 },
  ),
  plain(GROUPS.measure, "leave", ["Escape"], gettext("Back to windowing"), (viewer) => viewer.leaveTool(), {
    offered: (viewer) => viewer.tool !== "window",
  }),

  plain(
    GROUPS.other,
    "key-image",
    ["k"],
    gettext("Key image"),
    (viewer) => viewer.toggleKeyImage(),
    iconed("key", { offered: (viewer) => viewer.takesKeyImages, pressed: (viewer) => viewer.isKeyImage }),
  ),
  plain(
    GROUPS.other,
    "screen",
    ["g"],
    gettext("Whole screen"),
    (viewer) => viewer.toggleScreen(),
    iconed("screen", { offered: () => document.fullscreenEnabled }),
  ),
  plain(GROUPS.other, "help", ["?"], gettext("Keys"), (viewer) => viewer.help(), iconed("help")),
];

/** Group name → its actions, in the table's order. */
export function groups() {
  const found = new Map();
  for (const action of ACTIONS) found.set(action.group, [...(found.get(action.group) ?? []), action]);
  return found;
}

export const isOffered = (action, viewer) => action.offered?.(viewer) ?? true;
