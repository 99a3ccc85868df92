import assert from "node:assert/strict";
import { test } from "node:test";
import { kindOf, sort, studyOf } from "../../static/js/sorting.js";

const bytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const dicom = (elements = "") => bytes(`${"\0".repeat(128)}DICM${elements}`);
const png = bytes("\x89PNG\r\n\x1a\n");

for (const [head, path, kind] of [
  [dicom(), "IM0001", "dicom"],
  [dicom("\x02\0\x02\0UI\x14\x001.2.840.10008.1.3.10"), "DICOMDIR", "beside"],
  [png, "a.png", "picture"],
  [bytes("\xff\xd8\xff\xe0"), "a", "picture"],
  [bytes("PK\x03\x04"), "disc.zip", "archive"],
  [bytes("Read me first.\r\n"), "README", "beside"],
  [bytes("MZ\x90\0"), "VIEWER.EXE", "beside"],
  [bytes("%PDF-1.4\0"), "report.pdf", "beside"],
  [bytes(""), "nothing", "beside"],
  [bytes("\x08\0\x05\0CS"), "without a preamble", "unknown"],
  [png, "study/.thumbnails/a.png", "beside"],
  [png, "__MACOSX/a.png", "beside"],
  [png, "study/Thumbs.db", "beside"],
  [png, "../a.png", "picture"],
]) {
  test(`${path} is ${kind}`, () => assert.equal(kindOf(head, path), kind));
}

test("the study is read with and without types, and nothing else is taken for it", () => {
  assert.equal(studyOf(dicom("\x20\0\x0d\0UI\x06\x001.2.34")), "1.2.34");
  assert.equal(studyOf(dicom("\x20\0\x0d\0UI\x06\x001.2.3\0")), "1.2.3");
  assert.equal(studyOf(dicom("\x20\0\x0d\0\x06\0\0\x001.2.34")), "1.2.34");
  assert.equal(studyOf(dicom("\x20\0\x0d\0pixels, by chance")), "");
  assert.equal(studyOf(dicom()), "");
});

const found = (path, content) => ({ path, file: new File([content], path.split("/").at(-1)) });
const paths = (list) => list.map(({ path }) => path);

test("a disc is sorted: images in their order, everything else left out", async () => {
  const { wanted, leftOut } = await sort([
    found("disc/IM10", dicom()),
    found("disc/IM9", dicom("\x20\0\x0d\0UI\x06\x001.2.34")),
    found("disc/README.TXT", "Read me"),
    found("disc/.DS_Store", "\0"),
  ]);
  assert.deepEqual(paths(wanted), ["disc/IM9", "disc/IM10"]);
  assert.equal(wanted[0].study, "1.2.34");
  assert.deepEqual(paths(leftOut), ["disc/.DS_Store", "disc/README.TXT"]);
});

test("a single file is sent whatever it is: the server says what is wrong with it", async () => {
  const { wanted, leftOut } = await sort([
    found("minutes.png", "Minutes"),
    found("empty.png", ""),
    found("DICOMDIR", ""),
  ]);
  assert.deepEqual(paths(wanted), ["empty.png", "minutes.png"]);
  assert.deepEqual(paths(leftOut), ["DICOMDIR"]);
});
