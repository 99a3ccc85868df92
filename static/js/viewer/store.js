// @ts-check
// Images that were fetched, the oldest unused ones forgotten; and images fetched ahead, one after the other.

import { gettext } from "../i18n.js";
import { unpack } from "./greyscale.js";

const LIMIT = 384 * 2 ** 20; // bytes of pixels
const AHEAD_AT_ONCE = 2;

class Store {
  /** @type {Map<string, Promise<Greyscale>>} */
  #kept = new Map(); // url → promise, in the order of use
  /** @type {Map<string, number>} */
  #sizes = new Map();
  /** @type {string[]} */
  #ahead = [];
  #running = 0;

  /** The image behind a greyscale address. @param {string} url */
  get(url) {
    const found = this.#kept.get(url) ?? this.#fetch(url, "high");
    this.#kept.delete(url);
    this.#kept.set(url, found); // now the latest used
    return found;
  }

  /** @param {string} url */
  has(url) {
    return this.#sizes.has(url);
  }

  /** Fetch these soon, without getting in the way of what is looked at; earlier wishes are dropped. @param {string[]} urls */
  prefetch(urls) {
    this.#ahead = urls.filter((url) => url && !this.#kept.has(url));
    this.#continue();
  }

  #continue() {
    while (this.#running < AHEAD_AT_ONCE && this.#ahead.length) {
      const url = this.#ahead.shift();
      if (!url || this.#kept.has(url)) continue;
      this.#running++;
      this.#fetch(url, "low")
        .catch(() => {}) // fetching ahead may fail in silence; looking at it will say so
        .finally(() => {
          this.#running--;
          this.#continue();
        });
    }
  }

  /**
   * @param {string} url
   * @param {RequestPriority} priority
   */
  #fetch(url, priority) {
    const promise = load(url, priority);
    this.#kept.set(url, promise);
    promise.then(
      (image) => this.#note(url, image.byteLength),
      () => this.#kept.delete(url),
    );
    return promise;
  }

  /**
   * @param {string} url
   * @param {number} size
   */
  #note(url, size) {
    this.#sizes.set(url, size);
    let total = [...this.#sizes.values()].reduce((sum, one) => sum + one, 0);
    for (const oldest of [...this.#kept.keys()]) {
      if (total <= LIMIT) break;
      const freed = this.#sizes.get(oldest);
      if (oldest === url || freed === undefined) continue;
      total -= freed;
      this.#sizes.delete(oldest);
      this.#kept.delete(oldest);
    }
  }
}

/** @type {Record<number, string>} */
const SENTENCES = {
  403: gettext("You may not see this image. Ask an administrator of the clinic for the right to view patients."),
  404: gettext("This image is not available. It may have been moved; go back to the patient and open it from there."),
  503: gettext("The portal cannot open images at the moment. Try again in a minute."),
};

const LOST = gettext("The connection to the portal was lost. Check the network, then reload the page.");
const SECOND_TRY = 500; // milliseconds; a laptop that changes its network loses one request, not two

/**
 * @param {string} url
 * @param {RequestInit} options
 */
async function fetched(url, options) {
  try {
    return await fetch(url, options);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, SECOND_TRY));
    return fetch(url, options).catch(() => Promise.reject(new Error(LOST)));
  }
}

/**
 * @param {string} url
 * @param {RequestPriority} priority
 */
async function load(url, priority) {
  const response = await fetched(url, { priority });
  if (response.redirected) throw new Error(gettext("You were signed out. Sign in again, then reload this page."));
  if (!response.ok)
    throw new Error(SENTENCES[response.status] ?? gettext("The image could not be fetched. Reload the page."));
  return unpack(await response.arrayBuffer());
}

export const store = new Store();
