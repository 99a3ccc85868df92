// @ts-check
// Which slice of one series belongs beside a slice of another. By millimetres along the patient's axis where all slices
// of both say where they lie, else by their share of the way through. Both count from a pair of slices that belong
// together: the middles, or what stood side by side when a person linked the two. The zero of a scanner's axis is
// another at each examination, so millimetres can only be compared as distances.

import { within } from "./view.js";

/** @typedef {Pick<Entry, "position">} Placed */
/** @typedef {{ from: number, to: number }} Pair places in two series, from 0; halves lie between two slices */

/** @param {Placed[]} slices */
const isPlaced = (slices) => slices.every(({ position }) => position !== null);

/**
 * Whether the two can be compared by millimetres.
 * @param {Placed[]} from
 * @param {Placed[]} to
 */
export const byPosition = (from, to) => isPlaced(from) && isPlaced(to);

/**
 * @param {Placed[]} from
 * @param {Placed[]} to
 * @returns {Pair}
 */
export const middles = (from, to) => ({ from: (from.length - 1) / 2, to: (to.length - 1) / 2 });

/**
 * The place in `to` that belongs to `place` in `from`.
 * @param {Placed[]} from
 * @param {Placed[]} to
 * @param {number} place
 * @param {Pair} pair
 */
export function partner(from, to, place, pair) {
  const last = to.length - 1;
  if (byPosition(from, to)) return nearest(to, at(to, pair.to) + at(from, place) - at(from, pair.from));
  const step = from.length > 1 ? last / (from.length - 1) : 0;
  return within(Math.round(pair.to + (place - pair.from) * step), 0, last);
}

/**
 * Millimetres of a place that may lie between two slices.
 * @param {Placed[]} slices
 * @param {number} place
 */
function at(slices, place) {
  const [low, high] = [slices[Math.floor(place)], slices[Math.ceil(place)]];
  return (Number(low.position) + Number(high.position)) / 2;
}

/**
 * @param {Placed[]} slices
 * @param {number} millimetres
 */
function nearest(slices, millimetres) {
  const away = slices.map(({ position }) => Math.abs(Number(position) - millimetres));
  return away.indexOf(Math.min(...away));
}
