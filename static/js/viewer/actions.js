// @ts-check
// Everything one can do in the viewer, once: the keys, the toolbar and the help are all made from this table.
//
// keys      as keys.js reads them; the first one is named in tooltips; `run` is told which was pressed
// title     what it is called now, where that changes; else its label
// show      "icon", "text" or nothing: whether the toolbar has a button for it
// pressed   for switches: whether it is on
// offered   whether it makes sense now; the button is hidden otherwise
// keepsPlace  whether the button is greyed instead of hidden, so that the bar stays as it is

import { gettext, pgettext } from "../i18n.js";

export const GROUPS = {
  tool: gettext("Tool for dragging"),
  window: gettext("Window"),
  place: gettext("Zoom and place"),
  turn: pgettext("viewer", "Turn"),
  series: gettext("Series and their slices"),
  result: gettext("Where the classifiers looked"),
  compare: pgettext("viewer", "Compare"),
  measure: pgettext("viewer", "Measure"),
  other: gettext("Viewer"),
};

/**
 * @param {ToolName} id
 * @param {string} key
 * @param {string} label
 * @returns {Action}
 */
const tool = (id, key, label) => ({
  id,
  keys: [key],
  label,
  group: GROUPS.tool,
  show: "icon",
  icon: id,
  pressed: (viewer) => viewer.tool.name === id,
  run: (viewer) => viewer.tool.take(id),
});

/**
 * @param {number} place
 * @param {string} label
 * @returns {Action}
 */
const preset = (place, label) => ({
  id: `preset-${place + 1}`,
  keys: [`${place + 1}`],
  group: GROUPS.window,
  show: "text",
  label,
  text: (viewer) => viewer.window.presets[place]?.name ?? "",
  title: (viewer) => viewer.window.presets[place]?.title,
  pressed: (viewer) => viewer.panes.active.window?.name === viewer.window.presets[place]?.name,
  offered: (viewer) => viewer.window.presets.length > place,
  run: (viewer) => viewer.window.apply(place),
});

/**
 * @param {string} group
 * @param {string} id
 * @param {string[]} keys
 * @param {string} label
 * @param {Action["run"]} run
 * @param {Partial<Action>} more
 * @returns {Action}
 */
const plain = (group, id, keys, label, run, more = {}) => ({ group, id, keys, label, run, ...more });

/**
 * @param {string} icon
 * @param {Partial<Action>} more
 * @returns {Partial<Action>}
 */
const iconed = (icon, more = {}) => ({ show: "icon", icon, ...more });
/** @type {Partial<Action>} */
const inSeries = { offered: (viewer) => viewer.panes.activeSeries.length > 1 };
/** @type {Partial<Action>} */
const withSeries = { offered: (viewer) => viewer.panes.setsOf(viewer.panes.active).length > 1 };
/** @type {Partial<Action>} */
const withKeyImages = { offered: (viewer) => viewer.keyImages.places.length > 0 };
/** @type {Partial<Action>} */
const withMap = { offered: (viewer) => viewer.attention.maps.length > 0 };
/** @type {Partial<Action>} */
const withPrior = { offered: (viewer) => viewer.panes.hasPrior };
/** @type {Partial<Action>} */
const comparing = { offered: (viewer) => viewer.panes.isComparing };

/** @type {Record<string, [number, number]>} */
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @type {Action[]} */
export const ACTIONS = [
  tool("window", "w", gettext("Window: drag right for wider, up for brighter")),
  tool("pan", "p", gettext("Move")),
  tool("zoom", "z", gettext("Zoom: drag up to enlarge")),
  tool("measure", "m", gettext("Measure a length")),
  tool("angle", "n", gettext("Measure an angle: draw one arm, then set the other")),
  tool("ellipse", "e", gettext("Mean and spread of the values in an ellipse")),
  tool("rectangle", "u", gettext("Mean and spread of the values in a rectangle")),

  preset(0, gettext("Lung window of CT; as the X-ray's file asks")),
  preset(1, gettext("Mediastinum of CT; soft X-ray")),
  preset(2, gettext("Bone of CT; high contrast X-ray")),
  preset(3, gettext("X-ray from its darkest to its brightest tissue")),
  plain(GROUPS.window, "brighter", ["b"], gettext("Brighter"), (viewer) => viewer.window.shift(0, -0.06)),
  plain(GROUPS.window, "darker", ["Shift+b"], gettext("Darker"), (viewer) => viewer.window.shift(0, 0.06)),
  plain(GROUPS.window, "more-contrast", ["c"], gettext("More contrast"), (viewer) => viewer.window.shift(-0.06, 0)),
  plain(GROUPS.window, "less-contrast", ["Shift+c"], gettext("Less contrast"), (viewer) =>
    viewer.window.shift(0.06, 0),
  ),
  plain(
    GROUPS.window,
    "invert",
    ["i"],
    gettext("Invert black and white"),
    (viewer) => viewer.window.invert(),
    iconed("invert", { pressed: (viewer) => viewer.panes.active.inverted }),
  ),

  plain(GROUPS.place, "zoom-in", ["+", "="], gettext("Zoom in"), (viewer) => viewer.place.zoomBy(1.25), iconed("in")),
  plain(GROUPS.place, "zoom-out", ["-"], gettext("Zoom out"), (viewer) => viewer.place.zoomBy(0.8), iconed("out")),
  plain(GROUPS.place, "fit", ["f"], gettext("Fit the whole image"), (viewer) => viewer.place.fit(), iconed("fit")),
  plain(
    GROUPS.place,
    "pixels",
    ["o"],
    gettext("One image pixel on one screen pixel"),
    (viewer) => viewer.place.zoomToPixels(),
    {
      show: "text",
      text: () => "1:1",
    },
  ),
  plain(GROUPS.place, "pan", Object.keys(DIRECTIONS), gettext("Look further in that direction"), (viewer, key) =>
    viewer.place.nudge(...DIRECTIONS[key]),
  ),

  plain(
    GROUPS.turn,
    "rotate",
    ["r"],
    gettext("Rotate a quarter clockwise"),
    (viewer) => viewer.place.turn(1),
    iconed("rotate"),
  ),
  plain(GROUPS.turn, "rotate-back", ["Shift+r"], gettext("Rotate a quarter anticlockwise"), (viewer) =>
    viewer.place.turn(-1),
  ),
  plain(
    GROUPS.turn,
    "mirror",
    ["h"],
    gettext("Mirror left and right"),
    (viewer) => viewer.place.mirror(),
    iconed("mirror", { pressed: (viewer) => viewer.panes.active.view.mirrored }),
  ),
  plain(
    GROUPS.turn,
    "reset",
    ["0"],
    gettext("Reset window, place and turns"),
    (viewer) => viewer.place.reset(),
    iconed("reset"),
  ),

  plain(
    GROUPS.series,
    "previous-slice",
    ["PageUp", ","],
    gettext("Previous slice"),
    (viewer) => viewer.panes.step(-1),
    inSeries,
  ),
  plain(
    GROUPS.series,
    "next-slice",
    ["PageDown", "."],
    gettext("Next slice"),
    (viewer) => viewer.panes.step(1),
    inSeries,
  ),
  plain(GROUPS.series, "first-slice", ["Home"], gettext("First slice"), (viewer) => viewer.panes.step(-1e6), inSeries),
  plain(GROUPS.series, "last-slice", ["End"], gettext("Last slice"), (viewer) => viewer.panes.step(1e6), inSeries),
  plain(
    GROUPS.series,
    "next-key-image",
    ["j"],
    gettext("Next key image of the series"),
    (viewer) => viewer.keyImages.go(1),
    withKeyImages,
  ),
  plain(
    GROUPS.series,
    "previous-key-image",
    ["Shift+j"],
    gettext("Previous key image of the series"),
    (viewer) => viewer.keyImages.go(-1),
    withKeyImages,
  ),
  plain(GROUPS.series, "next-series", ["s"], gettext("Next series"), (viewer) => viewer.panes.stepSet(1), withSeries),
  plain(
    GROUPS.series,
    "previous-series",
    ["q"],
    gettext("Previous series"),
    (viewer) => viewer.panes.stepSet(-1),
    withSeries,
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
    (viewer) => viewer.panes.toggleCompare(),
    iconed("compare", { ...withPrior, pressed: (viewer) => viewer.panes.comparison.isOtherStudy }),
  ),
  plain(
    GROUPS.compare,
    "beside",
    ["d"],
    gettext("Two views side by side"),
    (viewer) => viewer.panes.toggleBeside(),
    iconed("beside", {
      offered: (viewer) => Boolean(viewer.panes.beside),
      pressed: (viewer) => viewer.panes.isComparing && !viewer.panes.comparison.isOtherStudy,
    }),
  ),
  plain(
    GROUPS.compare,
    "link",
    ["l"],
    gettext("Zoom, move and scroll both together"),
    (viewer) => viewer.panes.toggleLink(),
    iconed("link", {
      ...comparing,
      keepsPlace: (viewer) => viewer.panes.hasPrior || Boolean(viewer.panes.beside),
      pressed: (viewer) => viewer.panes.isComparing && viewer.panes.isLinked,
    }),
  ),
  plain(
    GROUPS.compare,
    "other-pane",
    ["x"],
    gettext("Keys act on the other image"),
    (viewer) => viewer.panes.activateOther(),
    comparing,
  ),

  plain(
    GROUPS.measure,
    "point",
    ["Enter"],
    gettext("With a measuring tool: cross-hair, then set a point (arrows move it)"),
    (viewer) => viewer.ruler.set(viewer.tool.draws ?? "length"),
    { offered: (viewer) => viewer.tool.draws !== null },
  ),
  plain(
    GROUPS.measure,
    "remove-length",
    ["Delete", "Backspace"],
    gettext("Remove the last measurement"),
    (viewer) => viewer.ruler.removeLast(),
    { offered: (viewer) => viewer.panes.active.measurements.shapes.length > 0 },
  ),
  plain(GROUPS.measure, "leave", ["Escape"], gettext("Back to windowing"), (viewer) => viewer.tool.leave(), {
    offered: (viewer) => viewer.tool.name !== "window",
  }),

  plain(
    GROUPS.other,
    "key-image",
    ["k"],
    gettext("Key image"),
    (viewer) => viewer.keyImages.toggle(),
    iconed("key", { offered: (viewer) => viewer.keyImages.isOffered, pressed: (viewer) => viewer.keyImages.isMarked }),
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

/**
 * Group name → its actions, in the table's order.
 * @returns {Map<string, Action[]>}
 */
export function groups() {
  const found = new Map();
  for (const action of ACTIONS) found.set(action.group, [...(found.get(action.group) ?? []), action]);
  return found;
}

/**
 * @param {Action} action
 * @param {Viewer} viewer
 */
export const isOffered = (action, viewer) => action.offered?.(viewer) ?? true;
