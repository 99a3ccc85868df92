// @ts-check
// Follows open analyses: every element with data-following="<scan>" is asked about in one request for all, and shows the
// answer, until its analysis has finished.

import { announcer } from "./announce.js";
import { find, findAll } from "./dom.js";
import { gettext, interpolate } from "./i18n.js";
import { Pace } from "./pace.js";

/** @typedef {{ id: string, status: string, html: string, finished: boolean, sentence: string }} Progress */

const AT_ONCE = 100;

class Following {
  #pace = new Pace();
  #running = false;
  #announce;

  // `announce(text)` is told what finished, for people who do not see it happen.
  /** @param {(text: string) => void} announce */
  constructor(announce) {
    this.#announce = announce;
  }

  // Call it again whenever further elements have come.
  async start() {
    this.#pace.quicken();
    if (this.#running) return;
    this.#running = true;
    while (this.#open().length) {
      await this.#pace.next();
      await this.#ask();
    }
    this.#running = false;
  }

  #open() {
    return findAll(document, "[data-following]", HTMLElement);
  }

  async #ask() {
    const ids = [...new Set(this.#open().map((element) => element.dataset.following))].slice(0, AT_ONCE);
    if (!ids.length) return;
    const url = find(document, 'meta[name="scan-progress"]', HTMLMetaElement).content;
    const address = `${url}?${ids.map((id) => `id=${id}`).join("&")}`;
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" } });
      if (!response.ok || response.redirected) return;
      for (const scan of (await response.json()).scans) this.#show(scan);
    } catch {
      // The server is away for a moment; the next question comes anyway.
    }
  }

  /** @param {Progress} scan */
  #show(scan) {
    for (const element of findAll(document, `[data-following="${scan.id}"]`, HTMLElement)) {
      if (element.dataset.status !== scan.status) {
        element.dataset.status = scan.status;
        element.innerHTML = scan.html;
        this.#pace.quicken();
      }
      if (!scan.finished) continue;
      delete element.dataset.following;
      this.#announce(
        interpolate(gettext("%(name)s: %(sentence)s"), { name: element.dataset.name ?? "", sentence: scan.sentence }),
      );
      element.dispatchEvent(new CustomEvent("analysis:finished", { bubbles: true, detail: scan }));
    }
  }
}

// One for the whole page, whoever asks.
export const following = new Following(announcer());
