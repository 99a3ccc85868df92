import assert from "node:assert/strict";
import { test } from "node:test";
import { Series } from "../../../static/js/viewer/series.js";
import { json, serve } from "../server.js";
import { pack } from "./images.js";

/** A pane that shows what it is asked for, or does not. */
class Shower {
  entry = null;
  shown = null;
  answers = true;

  async show(entry) {
    this.entry = entry;
    if (this.answers) this.shown = entry;
    return this.answers;
  }
}

const loaded = async (t, { answers = true, set = "axial", image = (response, bytes) => response.end(bytes) } = {}) => {
  const bytes = Buffer.from(pack([[1, 2]]));
  const { origin, asked } = await serve(t, {
    "/slices": (request, response) =>
      json({
        slices: [1, 2, 3, 4, 5, 6].map((n) => ({
          id: `s${n}`,
          set: "axial",
          greyscale: `http://${request.headers.host}/g${n}`,
        })),
      })(request, response),
    "/scores": json({
      scores: { s2: { probability: 0.9, zone: "", above: 1, total: 1 } },
      key_images: ["s2"],
      unasked: [],
    }),
    ...Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`/g${n}`, (_request, response) => image(response, bytes)])),
  });
  const pane = new Shower();
  pane.answers = answers;
  let changes = 0;
  const series = new Series(pane, () => changes++);
  pane.entry = pane.shown = { id: "s3", set };
  await series.load(`${origin}/slices`);
  return { series, pane, origin, asked, changes: () => changes };
};

test("the slice in sight has its place among the others", async (t) => {
  const { series } = await loaded(t);
  assert.deepEqual([series.length, series.index, series.shown], [6, 2, 2]);
});

test("steps end at the first and the last slice", async (t) => {
  const { series } = await loaded(t);
  await series.go(series.index - 10);
  assert.equal(series.index, 0);
  await series.go(series.index + 1e6);
  assert.equal(series.index, 5);
});

test("the place that was asked for runs ahead of the one that is shown", async (t) => {
  const { series, pane } = await loaded(t);
  pane.answers = false;
  await series.go(3);
  assert.deepEqual([series.index, series.shown], [3, 2]);
});

test("going to where one is changes nothing", async (t) => {
  const { series, changes } = await loaded(t);
  const before = changes();
  await series.go(2);
  assert.equal(changes(), before);
});

/** Images that come when they are let go, one by one; `until(n)` waits for the n-th request. */
const heldBack = () => {
  const held = [];
  const until = async (count) => {
    while (held.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { held, until, image: (response, bytes) => held.push(() => response.end(bytes)) };
};

const imagesOf = (asked) => asked.map(({ url }) => url).filter((url) => url.startsWith("/g"));

test("the nearest slices are fetched ahead first, three at a time", async (t) => {
  const { held, until, image } = heldBack();
  const { asked } = await loaded(t, { image });
  await until(3);
  assert.deepEqual(imagesOf(asked).sort(), ["/g2", "/g3", "/g4"]);
  for (const release of held.slice(0, 3)) release();
  await until(6);
  assert.deepEqual(imagesOf(asked).slice(3).sort(), ["/g1", "/g5", "/g6"]);
  for (const release of held.slice(3)) release();
});

test("the slices of a series that was left meanwhile are not put beside the new one", async (t) => {
  const { series } = await loaded(t, { set: "scout" });
  assert.equal(series.length, 0);
});

test("scores belong to their slices, and go with them", async (t) => {
  const { series, origin } = await loaded(t);
  await series.loadScores(`${origin}/scores`);
  assert.equal(series.scores.get("s2").probability, 0.9);
  assert.deepEqual(series.keyImages, ["s2"]);
  series.leave();
  assert.deepEqual([series.length, series.scores.size], [0, 1]); // those of the whole study
  series.clear();
  assert.deepEqual([series.length, series.scores.size, series.keyImages.length, series.index], [0, 0, 0, -1]);
});

test("where the server refuses, the series stays as it was", async (t) => {
  const { series, origin } = await loaded(t);
  await series.load(`${origin}/nothing`);
  await series.loadScores(`${origin}/nothing`);
  assert.deepEqual([series.length, series.scores.size], [6, 0]);
});

test("slices that could not be loaded are told, and come when they are asked for again", async (t) => {
  t.mock.method(console, "error", () => {});
  let works = false;
  const { origin } = await serve(t, {
    "/slices": (request, response) => {
      if (works)
        return json({ slices: [1, 2].map((n) => ({ id: `s${n}`, set: "axial", greyscale: "/g" })) })(request, response);
      response.statusCode = 503;
      response.end();
    },
  });
  const pane = new Shower();
  pane.entry = pane.shown = { id: "s1", set: "axial" };
  let changes = 0;
  const series = new Series(pane, () => changes++);
  await series.load(`${origin}/slices`);
  assert.deepEqual([series.length, series.missing, changes], [0, `${origin}/slices`, 1]);
  works = true;
  await series.load(series.missing);
  assert.deepEqual([series.length, series.missing], [2, ""]);
});

test("what fails for a series that is left is not told of the next one", async (t) => {
  t.mock.method(console, "error", () => {});
  const { origin } = await serve(t, {
    "/slices": (_request, response) => {
      response.statusCode = 503;
      response.end();
    },
  });
  const pane = new Shower();
  pane.entry = pane.shown = { id: "s1", set: "axial" };
  const series = new Series(pane, () => {});
  const asked = series.load(`${origin}/slices`);
  pane.entry = { id: "other", set: "scout" };
  series.leave();
  await asked;
  assert.equal(series.missing, "");
});
