// @ts-check
// Which slices are fetched before they are asked for: those that lie where the wheel is going, and a few behind it.

const AHEAD = 150; // slices; about half a megabyte each
const BEHIND = 10;

/**
 * Places from 0 in the order in which they are to be fetched.
 * @param {number} length of the series
 * @param {number} place of the slice in sight
 * @param {number} direction 1 towards the last slice, -1 towards the first, 0 not known: both ways alike
 */
export function ahead(length, place, direction) {
  const before = Array.from({ length: place }, (_, i) => place - 1 - i);
  const after = Array.from({ length: length - 1 - place }, (_, i) => place + 1 + i);
  if (!direction) return [place, ...alternating(after, before)].slice(0, AHEAD + 1);
  const [on, back] = direction > 0 ? [after, before] : [before, after];
  return [place, ...on.slice(0, AHEAD), ...back.slice(0, BEHIND)];
}

/**
 * @param {number[]} one
 * @param {number[]} other
 */
function alternating(one, other) {
  const longer = Math.max(one.length, other.length);
  const mixed = Array.from({ length: longer }, (_, i) => [one[i], other[i]]);
  return mixed.flat().filter((place) => place !== undefined);
}
