import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenFiles, droppedFiles, sizeText } from "../../static/js/files.js";

for (const [bytes, text] of [
  [1, "1 byte"],
  [999, "999 bytes"],
  [1000, "1 kB"],
  [64_400, "64 kB"],
  [1_000_000, "1.0 MB"],
  [12_340_000, "12.3 MB"],
]) {
  test(`${bytes} bytes are written ${text}`, () => assert.equal(sizeText(bytes), text));
}

const file = (name) => ({ isFile: true, name, file: (resolve) => resolve(name) });

/** A folder whose reader gives `at` entries at a time, as browsers do. */
const folder = (name, entries, at = 100) => ({
  isDirectory: true,
  name,
  createReader: () => {
    const left = [...entries];
    return { readEntries: (resolve) => resolve(left.splice(0, at)) };
  },
});

const dropped = (entries, files = []) =>
  droppedFiles({ items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })), files });

test("folders are opened, however deep and however their entries come", async () => {
  const series = folder("series", [file("1.dcm"), file("2.dcm"), file("3.dcm")], 2);
  assert.deepEqual(await dropped([folder("study", [series, file("notes.png")]), file("a.png")]), [
    { file: "1.dcm", path: "study/series/1.dcm" },
    { file: "2.dcm", path: "study/series/2.dcm" },
    { file: "3.dcm", path: "study/series/3.dcm" },
    { file: "notes.png", path: "study/notes.png" },
    { file: "a.png", path: "a.png" },
  ]);
});

test("hidden files of a folder are found too, so that they can be named as left out", async () => {
  assert.deepEqual(await dropped([folder("study", [file(".DS_Store")])]), [
    { file: ".DS_Store", path: "study/.DS_Store" },
  ]);
});

test("without a folder the files are taken as they are", async () => {
  const only = { name: "the very file" };
  assert.deepEqual(await dropped([file("a.png")], [only]), [{ file: only, path: "the very file" }]);
});

test("an input for folders says where its files lie", () => {
  assert.deepEqual(
    chosenFiles([
      { name: "1.dcm", webkitRelativePath: "study/1.dcm" },
      { name: "a.png", webkitRelativePath: "" },
    ]).map(({ path }) => path),
    ["study/1.dcm", "a.png"],
  );
});
