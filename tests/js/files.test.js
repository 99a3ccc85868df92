import assert from "node:assert/strict";
import { test } from "node:test";
import { droppedFiles, sizeText } from "../../static/js/files.js";

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
    "1.dcm",
    "2.dcm",
    "3.dcm",
    "notes.png",
    "a.png",
  ]);
});

test("hidden files of a folder are left out", async () => {
  assert.deepEqual(await dropped([folder("study", [file(".DS_Store"), file("1.dcm")])]), ["1.dcm"]);
});

test("without a folder the files are taken as they are", async () => {
  assert.deepEqual(await dropped([file("a.png")], ["the very file"]), ["the very file"]);
});
