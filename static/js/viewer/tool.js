// @ts-check
// The tool in hand: what dragging over an image does.

import { DRAWN_BY } from "./shapes.js";

/** @typedef {"window" | "pan" | "zoom" | "measure" | "angle" | "rectangle" | "ellipse"} ToolName */

export class Tool {
  /** @type {ToolName} */
  name = "window";

  #stage;
  #ruler;
  #changed;

  /**
   * @param {HTMLElement} stage shows the tool's cursor by its data-tool
   * @param {Ruler} ruler
   * @param {() => void} changed
   */
  constructor(stage, ruler, changed) {
    this.#stage = stage;
    this.#ruler = ruler;
    this.#changed = changed;
  }

  /** @param {ToolName} name */
  take(name) {
    this.leave();
    this.#put(name);
    this.#changed();
  }

  /** Back to windowing; what is half measured is dropped. */
  leave() {
    this.#ruler.leave();
    this.#put("window");
  }

  /** What dragging draws; nothing while another kind of tool is in hand. */
  get draws() {
    return DRAWN_BY[this.name] ?? null;
  }

  /** @param {ToolName} name */
  #put(name) {
    this.name = name;
    this.#stage.dataset.tool = name;
  }
}
