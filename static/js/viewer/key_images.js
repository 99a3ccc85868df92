// @ts-check
// Which scans a person marked as key images. The page keeps them: it hears of each change by an event.

export class KeyImages {
  /** @type {Set<string>} */
  #marked = new Set();
  #pane;
  #element;
  #scan = "";

  /**
   * @param {Pane} pane
   * @param {HTMLElement} element takes key images where it has data-key-images; the event comes from it
   */
  constructor(pane, element) {
    this.#pane = pane;
    this.#element = element;
  }

  /** The scan that the page is about now. @param {string} scan */
  about(scan) {
    this.#scan = scan;
  }

  /** Offered for the scan that the page is about, and not for the other slices of its series. */
  get isOffered() {
    return "keyImages" in this.#element.dataset && this.#pane.entry?.id === this.#scan;
  }

  /** Whether the image that was asked for last is one. */
  get isMarked() {
    return this.has(this.#pane.entry?.id);
  }

  /** @param {string | undefined} scan */
  has(scan) {
    return scan !== undefined && this.#marked.has(scan);
  }

  /** Mark or unmark the scan that the page is about, without telling the page. @param {boolean} on */
  mark(on) {
    if (on) this.#marked.add(this.#scan);
    else this.#marked.delete(this.#scan);
    this.#pane.draw();
  }

  toggle() {
    const { entry, window, inverted } = this.#pane;
    if (!entry) return;
    const on = !this.isMarked;
    this.mark(on);
    const detail = { scan: entry.id, instance: entry.instance, on, window: { ...window }, inverted };
    this.#element.dispatchEvent(new CustomEvent("viewer:key-image", { bubbles: true, detail }));
  }
}
