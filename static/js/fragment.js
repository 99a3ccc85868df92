// @ts-check
// Fetching a changing part of a page, and putting it in place of the old one without losing the reader's place.
import { findAll } from "./dom.js";

export class SignedOut extends Error {}

// The text of a fragment. Throws SignedOut when the answer is the sign-in page, and Error for anything but success.
/**
 * @param {string} url
 * @param {RequestInit} options
 */
export const fetchFragment = async (url, options = {}) => {
  const response = await fetch(url, { ...options, headers: { "X-Fragment": "1" } });
  if (response.redirected) throw new SignedOut();
  if (!response.ok) throw new Error(`${response.status}`);
  return response.text();
};

/** @param {string} html */
export const parse = (html) => new DOMParser().parseFromString(html, "text/html").body;

// Swaps each [data-part] of `root` whose markup differs in `fresh`. Open <details> and the focus stay.
/**
 * @param {ParentNode} root
 * @param {ParentNode} fresh
 */
export const swapParts = (root, fresh) => {
  let changed = false;
  for (const part of findAll(fresh, "[data-part]", HTMLElement)) {
    const [old] = findAll(root, `[data-part="${part.dataset.part}"]`, HTMLElement);
    if (!old || source(old) === part.innerHTML) continue;
    const focused = old.contains(document.activeElement);
    old.innerHTML = part.innerHTML;
    sources.set(old, part.innerHTML);
    if (focused) old.focus({ preventScroll: true });
    old.dispatchEvent(new Event("fragment:ready", { bubbles: true }));
    changed = true;
  }
  return changed;
};

// What a part looked like when it arrived: sliders and scripts change the live markup afterwards.
/** @type {WeakMap<Element, string>} */
const sources = new WeakMap();
/** @param {ParentNode} root */
export const remember = (root) => {
  for (const part of root.querySelectorAll("[data-part]")) sources.set(part, part.innerHTML);
};
/** @param {Element} part */
const source = (part) => sources.get(part) ?? part.innerHTML;
