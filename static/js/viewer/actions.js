// Everything one can do in the viewer, once: the keys, the toolbar and the help are all made from this table.
//
// keys      as keys.js reads them; the first one is named in tooltips; `run` is told which was pressed
// show      "icon", "text" or nothing: whether the toolbar has a button for it
// pressed   for switches: whether it is on
// offered   whether it makes sense now; the button is hidden otherwise

const tool = (id, key, label) => ({
  id,
  keys: [key],
  label,
  group: "Tool for dragging",
  show: "icon",
  icon: id,
  pressed: (viewer) => viewer.tool === id,
  run: (viewer) => viewer.setTool(id),
});

const preset = (place, label) => ({
  id: `preset-${place + 1}`,
  keys: [`${place + 1}`],
  group: "Window",
  show: "text",
  label,
  text: (viewer) => viewer.presets[place]?.name ?? "",
  pressed: (viewer) => viewer.active.window?.name === viewer.presets[place]?.name,
  offered: (viewer) => viewer.presets.length > place,
  run: (viewer) => viewer.applyPreset(place),
});

const plain = (group, id, keys, label, run, more = {}) => ({ group, id, keys, label, run, ...more });

const WINDOW = "Window";
const PLACE = "Zoom and place";
const TURN = "Turn";
const SLICES = "Slices of a CT series";
const RESULT = "Where the classifiers looked";
const COMPARE = "Compare";
const MEASURE = "Measure";
const OTHER = "Viewer";

const iconed = (icon, more = {}) => ({ show: "icon", icon, ...more });
const inSeries = { offered: (viewer) => viewer.activeSeries.length > 1 };
const withMap = { offered: (viewer) => viewer.attention.maps.length > 0 };
const withPrior = { offered: (viewer) => viewer.hasPrior };
const comparing = { offered: (viewer) => viewer.isComparing };

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export const ACTIONS = [
  tool("window", "w", "Window: drag right for wider, up for brighter"),
  tool("pan", "p", "Move"),
  tool("zoom", "z", "Zoom: drag up to enlarge"),
  tool("measure", "m", "Measure a length"),

  preset(0, "Lung window of CT; as the X-ray's file asks"),
  preset(1, "Mediastinum of CT; soft X-ray"),
  preset(2, "Bone of CT; high contrast X-ray"),
  preset(3, "X-ray from its darkest to its brightest tissue"),
  plain(WINDOW, "brighter", ["b"], "Brighter", (viewer) => viewer.shiftWindow(0, -0.06)),
  plain(WINDOW, "darker", ["Shift+b"], "Darker", (viewer) => viewer.shiftWindow(0, 0.06)),
  plain(WINDOW, "more-contrast", ["c"], "More contrast", (viewer) => viewer.shiftWindow(-0.06, 0)),
  plain(WINDOW, "less-contrast", ["Shift+c"], "Less contrast", (viewer) => viewer.shiftWindow(0.06, 0)),
  plain(
    WINDOW,
    "invert",
    ["i"],
    "Invert black and white",
    (viewer) => viewer.invert(),
    iconed("invert", { pressed: (viewer) => viewer.active.inverted }),
  ),

  plain(PLACE, "zoom-in", ["+", "="], "Zoom in", (viewer) => viewer.zoomBy(1.25), iconed("in")),
  plain(PLACE, "zoom-out", ["-"], "Zoom out", (viewer) => viewer.zoomBy(0.8), iconed("out")),
  plain(PLACE, "fit", ["f"], "Fit the whole image", (viewer) => viewer.fit(), iconed("fit")),
  plain(PLACE, "pixels", ["o"], "One image pixel on one screen pixel", (viewer) => viewer.zoomToPixels(), {
    show: "text",
    text: () => "1:1",
  }),
  plain(PLACE, "pan", Object.keys(DIRECTIONS), "Look further in that direction", (viewer, key) =>
    viewer.nudge(...DIRECTIONS[key]),
  ),

  plain(TURN, "rotate", ["r"], "Rotate a quarter clockwise", (viewer) => viewer.turn(1), iconed("rotate")),
  plain(TURN, "rotate-back", ["Shift+r"], "Rotate a quarter anticlockwise", (viewer) => viewer.turn(-1)),
  plain(
    TURN,
    "mirror",
    ["h"],
    "Mirror left and right",
    (viewer) => viewer.mirror(),
    iconed("mirror", { pressed: (viewer) => viewer.active.view.mirrored }),
  ),
  plain(TURN, "reset", ["0"], "Reset window, place and turns", (viewer) => viewer.reset(), iconed("reset")),

  plain(
    SLICES,
    "previous-slice",
    ["PageUp", ","],
    "Previous slice",
    (viewer) => viewer.stepSlice(viewer.active, -1),
    inSeries,
  ),
  plain(
    SLICES,
    "next-slice",
    ["PageDown", "."],
    "Next slice",
    (viewer) => viewer.stepSlice(viewer.active, 1),
    inSeries,
  ),
  plain(SLICES, "first-slice", ["Home"], "First slice", (viewer) => viewer.stepSlice(viewer.active, -1e6), inSeries),
  plain(SLICES, "last-slice", ["End"], "Last slice", (viewer) => viewer.stepSlice(viewer.active, 1e6), inSeries),

  plain(
    RESULT,
    "attention",
    ["a"],
    "Attention map",
    (viewer) => viewer.attention.toggle(),
    iconed("attention", { ...withMap, pressed: (viewer) => viewer.attention.isOn }),
  ),
  plain(
    RESULT,
    "next-map",
    ["Shift+a"],
    "Attention map of the next classifier",
    (viewer) => viewer.attention.next(),
    withMap,
  ),
  plain(RESULT, "more-opaque", ["t"], "Attention map stronger", (viewer) => viewer.attention.strengthen(0.1), withMap),
  plain(
    RESULT,
    "less-opaque",
    ["Shift+t"],
    "Attention map weaker",
    (viewer) => viewer.attention.strengthen(-0.1),
    withMap,
  ),

  plain(
    COMPARE,
    "compare",
    ["v"],
    "Previous or chosen scan beside it",
    (viewer) => viewer.toggleCompare(),
    iconed("compare", { ...withPrior, pressed: (viewer) => viewer.isComparing }),
  ),
  plain(
    COMPARE,
    "link",
    ["l"],
    "Zoom and move both together",
    (viewer) => viewer.toggleLink(),
    iconed("link", { ...comparing, pressed: (viewer) => viewer.isLinked }),
  ),
  plain(COMPARE, "other-pane", ["x"], "Keys act on the other image", (viewer) => viewer.activateOther(), comparing),

  plain(
    MEASURE,
    "point",
    ["Enter"],
    "With the measuring tool: cross-hair, then set a point (arrows move it)",
    (viewer) => viewer.ruler.set(),
    { offered: (viewer) => viewer.tool === "measure" },
  ),
  plain(
    MEASURE,
    "remove-length",
    ["Delete", "Backspace"],
    "Remove the last measurement",
    (viewer) => viewer.ruler.removeLast(),
    { offered: (viewer) => viewer.active.measurements.lines.length > 0 },
  ),
  plain(MEASURE, "leave", ["Escape"], "Back to windowing", (viewer) => viewer.leaveTool(), {
    offered: (viewer) => viewer.tool !== "window",
  }),

  plain(
    OTHER,
    "key-image",
    ["k"],
    "Key image",
    (viewer) => viewer.toggleKeyImage(),
    iconed("key", { offered: (viewer) => viewer.takesKeyImages, pressed: (viewer) => viewer.isKeyImage }),
  ),
  plain(
    OTHER,
    "screen",
    ["g"],
    "Whole screen",
    (viewer) => viewer.toggleScreen(),
    iconed("screen", { offered: () => document.fullscreenEnabled }),
  ),
  plain(OTHER, "help", ["?"], "Keys", (viewer) => viewer.help(), iconed("help")),
];

/** Group name → its actions, in the table's order. */
export function groups() {
  const found = new Map();
  for (const action of ACTIONS) found.set(action.group, [...(found.get(action.group) ?? []), action]);
  return found;
}

export const isOffered = (action, viewer) => action.offered?.(viewer) ?? true;
