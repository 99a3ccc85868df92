// @ts-check
// Which slices are fetched before they are asked for: those that lie where the wheel is going, and a few behind it.

const BEHIND = 10;

/**
 * Places from 0 in the order in which they are to be fetched.
 * @param {number} length of the series
 * @param {number} place of the slice in sight
 * @param {number} direction 1 towards the last slice, -1 towards the first, 0 not known: both ways alike
 * @param {number} most how many there is room for
 */
export function ahead(length, place, direction, most) {
  const before = Array.from({ length: place }, (_, i) => place - 1 - i);
  const after = Array.from({ length: length - 1 - place }, (_, i) => place + 1 + i);
  if (!direction) return [place, ...alternating(after, before)].slice(0, most);
  const [on, back] = direction > 0 ? [after, before] : [before, after];
  return [place, ...on.slice(0, most - BEHIND - 1), ...back].slice(0, most);
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
