// @ts-check
// Line drawings on a 24 × 24 grid, in the manner of templates/_icons.

import { svg } from "./elements.js";

/** @type {Record<string, string>} */
const PATHS = {
  window: "M12 3a9 9 0 1 0 0 18z M12 3a9 9 0 0 1 0 18 M12 8h5.5 M12 12h8.8 M12 16h5.5",
  pan: "M12 3v18 M3 12h18 M9.5 5.5 12 3l2.5 2.5 M9.5 18.5 12 21l2.5-2.5 M5.5 9.5 3 12l2.5 2.5 M18.5 9.5 21 12l-2.5 2.5",
  zoom: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z M15.5 15.5 21 21 M10.5 8v5 M8 10.5h5",
  measure: "M3 17 17 3l4 4L7 21z M7 13l2 2 M10 10l2.5 2.5 M13 7l2 2",
  angle: "M4 20 18 5 M4 20h17 M11.5 12.5a8.5 8.5 0 0 1 3 7.5",
  ellipse: "M12 6c5 0 9 2.7 9 6s-4 6-9 6-9-2.7-9-6 4-6 9-6z M8.5 12h7 M12 9.5v5",
  rectangle: "M3 6h18v12H3z M8.5 12h7 M12 9.5v5",
  in: "M12 5v14 M5 12h14",
  out: "M5 12h14",
  fit: "M4 9V4h5 M20 9V4h-5 M4 15v5h5 M20 15v5h-5",
  rotate: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9 M20 4v5h-5",
  mirror: "M12 3v18 M9 7v10H3z M15 7v10h6z",
  invert: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M12 3v18 M12 6.5a5.5 5.5 0 0 1 0 11",
  reset: "M4.5 12a7.5 7.5 0 1 0 2.2-5.3L4 9 M4 4v5h5 M12 8v4l3 2",
  attention: "M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6z M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  compare: "M4 5h7v14H4z M13 5h7v14h-7z M6.5 9h2 M15.5 9h2",
  beside: "M3 5h8v14H3z M13 5h8v14h-8z M7 9v6 M15 9c3 1 3 5 0 6",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7L12 6.3 M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1",
  key: "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9-4.3-4.1 5.9-.8z",
  screen: "M9 4H4v5 M15 4h5v5 M9 20H4v-5 M15 20h5v-5 M4 4l6 6 M20 4l-6 6 M4 20l6-6 M20 20l-6-6",
  help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4 M12 17.5v.01 M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  close: "M6 6l12 12 M18 6 6 18",
};

/** @param {string} name */
export const icon = (name) =>
  svg(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] }),
  );
