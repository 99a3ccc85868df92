// @ts-check
// Images that were fetched, the oldest unused ones forgotten; and images fetched ahead, a few at a time. Who turns the
// wheel faster than images come passes slices that are never fetched: of those that wait only the latest counts. What
// is under way comes to its end, or nothing at all would be seen until the wheel stops.

import { gettext } from "../i18n.js";
import { unpacked } from "./unpacking.js";

const LIMIT = 384 * 2 ** 20; // bytes of pixels
const TYPICAL = 0.7 * 2 ** 20; // a CT slice of 512 × 512
const AHEAD_AT_ONCE = 3;
const WANTED_AT_ONCE = 3; // of one pane; a browser opens six connections to a server

/** @typedef {{ image: Promise<Greyscale>, stop: AbortController, wisher: object | null, bytes: number }} Kept */
// `bytes` is 0 until the image is there, `wisher` null once somebody waits for it.

/** @typedef {{ url: string, resolve: (image: Promise<Greyscale>) => void, reject: (reason: Error) => void }} Parked */

class Store {
  /** @type {Map<string, Kept>} */
  #kept = new Map(); // by address, in the order of use
  /** @type {Map<object, string[]>} */
  #wishes = new Map(); // by who made them
  /** @type {Map<object, number>} */
  #underWay = new Map(); // how many are fetched for whom because they are looked at
  /** @type {Map<object, Parked>} */
  #parked = new Map(); // what they ask for next
  #running = 0;

  /**
   * The image behind a greyscale address. An owner who asks for many before the first has come gets some of them and
   * the latest; the promises of the others are rejected.
   * @param {string} url
   * @param {object} [owner] who looks at one image at a time
   * @returns {Promise<Greyscale>}
   */
  get(url, owner) {
    if (owner) this.#drop(owner);
    const found = this.#kept.get(url);
    if (!found && owner && (this.#underWay.get(owner) ?? 0) >= WANTED_AT_ONCE) return this.#park(url, owner);
    const kept = found ?? this.#fetch(url, "high", null);
    kept.wisher = null;
    this.#kept.delete(url);
    this.#kept.set(url, kept); // now the latest used
    if (!found && owner) this.#count(kept.image, owner);
    return kept.image;
  }

  /** How many images like this one may be fetched ahead and none of them forgotten. @param {Greyscale | null} image */
  room(image) {
    return Math.max(20, Math.floor((0.8 * LIMIT) / (image?.byteLength ?? TYPICAL)));
  }

  /** @param {string} url */
  has(url) {
    return Boolean(this.#kept.get(url)?.bytes);
  }

  /** @param {object} owner */
  #drop(owner) {
    this.#parked.get(owner)?.reject(new Error("another image was asked for"));
    this.#parked.delete(owner);
  }

  /**
   * @param {string} url
   * @param {object} owner
   * @returns {Promise<Greyscale>}
   */
  #park(url, owner) {
    return new Promise((resolve, reject) => this.#parked.set(owner, { url, resolve, reject }));
  }

  /**
   * @param {Promise<Greyscale>} image
   * @param {object} owner
   */
  #count(image, owner) {
    this.#underWay.set(owner, (this.#underWay.get(owner) ?? 0) + 1);
    const done = () => {
      this.#underWay.set(owner, (this.#underWay.get(owner) ?? 1) - 1);
      const next = this.#parked.get(owner);
      this.#parked.delete(owner);
      if (next) next.resolve(this.get(next.url, owner));
    };
    image.then(done, done);
  }

  /** @param {string} url */
  #stop(url) {
    this.#kept.get(url)?.stop.abort();
    this.#kept.delete(url);
  }

  /**
   * Fetch these soon, in this order, without getting in the way of what is looked at; what the same owner wished before
   * is dropped, and stopped where it is under way.
   * @param {string[]} urls
   * @param {object} [owner]
   */
  prefetch(urls, owner = this) {
    this.#wishes.set(
      owner,
      urls.filter((url) => url && !this.#kept.has(url)),
    );
    const wished = new Set(urls);
    for (const [url, { bytes, wisher }] of this.#kept)
      if (!bytes && wisher === owner && !wished.has(url)) this.#stop(url);
    this.#continue();
  }

  #continue() {
    while (this.#running < AHEAD_AT_ONCE) {
      const [owner, url] = this.#next();
      if (!url) return;
      this.#running++;
      this.#fetch(url, "low", owner)
        .image.catch(() => {}) // fetching ahead may fail in silence; looking at it will say so
        .finally(() => {
          this.#running--;
          this.#continue();
        });
    }
  }

  /**
   * The next wish that is not there yet, with who made it: owners take turns.
   * @returns {[object, string | undefined]}
   */
  #next() {
    for (const [owner, urls] of this.#wishes) {
      const place = urls.findIndex((url) => !this.#kept.has(url));
      const url = urls[place];
      this.#wishes.delete(owner);
      if (!url) continue;
      this.#wishes.set(owner, urls.slice(place + 1));
      return [owner, url];
    }
    return [this, undefined];
  }

  /**
   * @param {string} url
   * @param {RequestPriority} priority
   * @param {object | null} wisher
   */
  #fetch(url, priority, wisher) {
    const stop = new AbortController();
    const image = load(url, priority, stop.signal);
    /** @type {Kept} */
    const kept = { image, stop, wisher, bytes: 0 };
    this.#kept.set(url, kept);
    image.then(
      ({ byteLength }) => {
        kept.bytes = byteLength;
        this.#forgetOldest(kept);
      },
      () => {
        if (this.#kept.get(url) === kept) this.#kept.delete(url);
      },
    );
    return kept;
  }

  /** @param {Kept} latest */
  #forgetOldest(latest) {
    let total = [...this.#kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const [url, kept] of this.#kept) {
      if (total <= LIMIT) return;
      if (kept === latest || !kept.bytes) continue;
      total -= kept.bytes;
      this.#kept.delete(url);
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
 * @param {RequestInit & { signal: AbortSignal }} options
 */
async function fetched(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (options.signal.aborted) throw error;
    await new Promise((resolve) => setTimeout(resolve, SECOND_TRY));
    return fetch(url, options).catch(() => Promise.reject(new Error(LOST)));
  }
}

/**
 * @param {string} url
 * @param {RequestPriority} priority
 * @param {AbortSignal} signal
 */
async function load(url, priority, signal) {
  const response = await fetched(url, { priority, signal });
  if (response.redirected) throw new Error(gettext("You were signed out. Sign in again, then reload this page."));
  if (!response.ok)
    throw new Error(SENTENCES[response.status] ?? gettext("The image could not be fetched. Reload the page."));
  return unpacked(await response.arrayBuffer());
}

export const store = new Store();
