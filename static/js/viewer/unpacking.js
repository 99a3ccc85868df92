// @ts-check
// Images are unpacked beside the page's own thread, so that the wheel never waits for those that are fetched ahead. Until
// the helper is there, and where there is none, the page unpacks them itself: the first picture does not wait for it.
import { Greyscale, unpack } from "./greyscale.js";

/** @typedef {{ resolve: (image: Greyscale) => void, reject: (reason: Error) => void }} Waiting */

/** @type {Worker | null} */
let helper = null;
let isReady = false;
let asked = 0;
/** @type {Map<number, Waiting>} */
const waiting = new Map();

/** @param {MessageEvent} event */
const heard = ({ data: { number, header, steps, error } }) => {
  if (number === undefined) {
    isReady = true;
    return;
  }
  const { resolve, reject } = /** @type {Waiting} */ (waiting.get(number));
  waiting.delete(number);
  if (error) reject(new Error(error));
  else resolve(new Greyscale(header, steps));
};

const failed = () => {
  isReady = false;
  for (const { reject } of waiting.values()) reject(new Error("the helper that unpacks images has stopped"));
  waiting.clear();
};

/** @param {string | undefined} address of unpacking_worker.js, which the page knows under the name of its release */
export const startUnpacking = (address) => {
  if (!address || helper || typeof Worker !== "function") return;
  helper = new Worker(address, { type: "module" });
  helper.addEventListener("message", heard);
  helper.addEventListener("error", failed);
};

/**
 * The image in the bytes of the endpoint, already inflated by the browser.
 * @param {ArrayBuffer} buffer
 * @returns {Promise<Greyscale>}
 */
export const unpacked = async (buffer) => {
  if (!helper || !isReady) return unpack(buffer);
  const number = asked++;
  return new Promise((resolve, reject) => {
    waiting.set(number, { resolve, reject });
    helper?.postMessage({ number, buffer }, [buffer]);
  });
};
