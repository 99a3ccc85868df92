// @ts-check
// What a reader typed, kept in this browser until the server has it: by reader and case, so that nobody is shown what
// another person typed at the same machine. Gone once the server answered for it, at sign-out, and after a week.
import { findAll } from "../dom.js";

const PREFIX = "reading-words:";
const OLDEST = 7 * 24 * 3_600_000; // milliseconds

/**
 * @typedef {object} Copy
 * @property {string} draft the address that takes it
 * @property {Record<string, string>} content by the names of the fields
 * @property {string} openedAt when the page was made, by the server's clock
 * @property {number} turn how many times the page had changed
 * @property {number} at when it was typed, by this browser's clock
 */

/** The key of the person who is signed in; empty where nobody is. */
export const reader = () => findAll(document, "[data-copies-of]", HTMLElement)[0]?.dataset.copiesOf ?? "";

/** @param {string} draft */
const keyOf = (draft) => `${PREFIX}${reader()}:${draft}`;

/** Storage may be switched off or full: then the server's copy is the only one. @param {() => void} work */
const trying = (work) => {
  try {
    work();
  } catch (error) {
    console.warn(error);
  }
};

// Whoever is signing out leaves nothing: not what a late answer to a save would have kept once more either.
let isOver = false;

/** @param {Copy} copy */
export const keep = (copy) => {
  if (!isOver) trying(() => localStorage.setItem(keyOf(copy.draft), JSON.stringify(copy)));
};

/** @param {string} draft */
export const forget = (draft) => trying(() => localStorage.removeItem(keyOf(draft)));

/**
 * @param {string} draft
 * @returns {Copy | null}
 */
export const copyOf = (draft) => read(keyOf(draft));

/** Everything that the person who is signed in typed and the server may not have. */
export const copies = () =>
  keys()
    .filter((key) => key.startsWith(keyOf("")))
    .flatMap((key) => read(key) ?? []);

export const forgetAll = () => {
  isOver = true;
  for (const copy of copies()) forget(copy.draft);
};

/** What nobody came back for. */
export const forgetOld = () => {
  for (const key of keys()) if (Date.now() - (read(key)?.at ?? 0) > OLDEST) trying(() => localStorage.removeItem(key));
};

const keys = () => {
  /** @type {string[]} */
  let found = [];
  trying(() => {
    found = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  });
  return found;
};

/**
 * @param {string} key
 * @returns {Copy | null}
 */
const read = (key) => {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
};

/**
 * Whether the copy is of a later page, or a later turn of the same page, than what the server has ("time turn").
 * @param {Copy} copy
 * @param {string} written
 */
export const isLater = (copy, written) => {
  const [openedAt, turn] = written.split(" ");
  // Both in UTC to the microsecond, which dates in scripts do not know.
  return !openedAt || copy.openedAt > openedAt || (copy.openedAt === openedAt && copy.turn > Number(turn));
};
