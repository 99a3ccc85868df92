// Words of long fields, kept in a window while somebody is signed out: whose, until when, and what comes back.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Typed } from "../../static/js/typed.js";

const storage = () => {
  const kept = new Map();
  return {
    get length() {
      return kept.size;
    },
    key: (index) => [...kept.keys()][index] ?? null,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
};

const field = (value, defaultValue = "") => ({ name: "reason", value, defaultValue });
const FORM = "/patients/1/delete/#0";

test("what was typed comes back after signing in again, to the same person on the same page", () => {
  const store = storage();
  const at = (person, path = "/patients/1/") => new Typed(store, person, path);
  at("ada").keep(FORM, [field("The wrong patient")]);
  at("").turnBack();
  at("ada").arrive();
  const empty = field("");
  assert.deepEqual(at("ada").restore(FORM, [empty]).changed, [empty]);
  assert.equal(empty.value, "The wrong patient");
  assert.deepEqual(at("ada", "/patients/2/").restore(FORM, [field("")]).changed, []);
  assert.deepEqual(at("ada").restore("/elsewhere/#0", [field("")]).changed, []);
  assert.deepEqual(at("ben").restore(FORM, [field("")]).changed, []);
});

test("what the page says by now, or somebody has typed anew, stands", () => {
  const typed = new Typed(storage(), "ada", "/");
  typed.keep(FORM, [field("mine", "as it was")]);
  assert.deepEqual(typed.restore(FORM, [field("changed meanwhile", "changed meanwhile")]).changed, []);
  assert.deepEqual(typed.restore(FORM, [field("typing", "as it was")]).changed, []);
  assert.equal(typed.restore(FORM, [field("as it was", "as it was")]).changed.length, 1);
});

test("what was sent is gone with the next page, unless that was the sign-in", () => {
  const store = storage();
  const typed = new Typed(store, "ada", "/");
  typed.keep(FORM, [field("sent")]);
  typed.send(FORM);
  new Typed(store, "", "/sign-in/").turnBack();
  typed.arrive();
  assert.equal(store.length, 1);
  typed.send(FORM);
  typed.arrive();
  assert.equal(store.length, 0);
});

test("nobody else's words stay, none after half a day, none that are the page's own, and none at sign-out", (t) => {
  const store = storage();
  new Typed(store, "ada", "/").keep(FORM, [field("of Ada")]);
  new Typed(store, "ben", "/").arrive();
  assert.equal(store.length, 0);
  const typed = new Typed(store, "ada", "/");
  t.mock.timers.enable({ apis: ["Date"] });
  typed.keep(FORM, [field("old")]);
  t.mock.timers.tick(12 * 3_600_000 + 1);
  typed.arrive();
  assert.equal(store.length, 0);
  typed.keep(FORM, [field("typed")]);
  typed.keep(FORM, [field("")]);
  assert.equal(store.length, 0);
  typed.keep(FORM, [field("typed")]);
  store.setItem("another's", "entry");
  typed.forgetAll();
  assert.deepEqual([store.length, store.key(0)], [1, "another's"]);
});

test("a browser that keeps nothing breaks no page", () => {
  const refuse = () => {
    throw new Error("no storage");
  };
  const broken = { length: 1, key: refuse, getItem: refuse, setItem: refuse, removeItem: refuse };
  const typed = new Typed(broken, "ada", "/");
  typed.keep(FORM, [field("typed")]);
  typed.arrive();
  assert.deepEqual(typed.restore(FORM, [field("")]).changed, []);
});
