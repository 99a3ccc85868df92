import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

beforeEach(() => {
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
});

const { Pace } = await import("../../static/js/pace.js");

const timed = async (promise) => {
  const start = performance.now();
  await promise;
  return performance.now() - start;
};

test("it asks quickly at first, then ever more slowly, and quickly again after a change", async () => {
  const pace = new Pace();
  const waits = [];
  for (let i = 0; i < 4; i++) waits.push(await timed(pace.next()));
  pace.quicken();
  const after = await timed(pace.next());
  for (const [i, wait] of waits.entries()) assert.ok(wait >= 0.9 * 400 * 1.35 ** i, `${waits}`);
  assert.ok(after < waits[3], `${after} after ${waits}`);
});

test("a hidden tab hardly asks, and asks at once when it is shown", async () => {
  document.hidden = true;
  const waiting = timed(new Pace().next());
  setTimeout(() => {
    document.hidden = false;
    document.dispatchEvent(new Event("visibilitychange"));
  }, 600);
  const waited = await waiting;
  assert.ok(waited >= 590 && waited < 5000, `${waited}`);
});
