import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

const { setTimeout, clearTimeout } = globalThis;
/** @type {{ due: number, done: () => void }[]} */
let timers = [];
let now = 0;

beforeEach(() => {
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
  timers = [];
  const set = (/** @type {() => void} */ done, /** @type {number} */ wait) => {
    const timer = { due: now + wait, done };
    timers.push(timer);
    return timer;
  };
  const clear = (/** @type {object} */ timer) => (timers = timers.filter((each) => each !== timer));
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
});
afterEach(() => Object.assign(globalThis, { setTimeout, clearTimeout }));

/** @param {number} milliseconds */
const pass = (milliseconds) => {
  now += milliseconds;
  for (const timer of timers.filter(({ due }) => due <= now)) timer.done();
};

const { Pace } = await import("../../static/js/pace.js");

/** What waits for the promise has its turn. @param {Promise<void>} promise */
const watched = (promise) => {
  const seen = { isOver: false };
  promise.then(() => (seen.isOver = true));
  return seen;
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** That the next time to ask comes after so many milliseconds, and not before. @param {Pace} pace @param {number} wait */
const comesAfter = async (pace, wait) => {
  const next = watched(pace.next());
  pass(wait - 1);
  await turn();
  assert.equal(next.isOver, false, `before ${wait} ms`);
  pass(1);
  await turn();
  assert.equal(next.isOver, true, `after ${wait} ms`);
};

test("it asks quickly at first, then ever more slowly, and quickly again after a change", async () => {
  const pace = new Pace();
  for (const wait of [400, 540, 729]) await comesAfter(pace, wait);
  pace.quicken();
  await comesAfter(pace, 400);
});

test("it never waits longer than five seconds", async () => {
  const pace = new Pace();
  for (let asked = 0; asked < 20; asked++) {
    const next = watched(pace.next());
    pass(5000);
    await turn();
    assert.equal(next.isOver, true);
  }
  await comesAfter(pace, 5000);
});

test("a hidden tab hardly asks, and asks at once when it is shown", async () => {
  document.hidden = true;
  const next = watched(new Pace().next());
  pass(14_999);
  await turn();
  assert.equal(next.isOver, false);
  document.hidden = false;
  document.dispatchEvent(new Event("visibilitychange"));
  await turn();
  assert.equal(next.isOver, true);
});
