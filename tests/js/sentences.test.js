// Every text that a person reads goes through the catalogue: found in the sources, and seen in a pseudo-language.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const JS = fileURLToPath(new URL("../../static/js/", import.meta.url));

// What follows these is no text for people: selectors, names of classes, and what is wrapped already.
const EXCUSED =
  /\b(?:[np]?gettext|find|findAll|around|querySelector|querySelectorAll|closest|matches|importNode)\($|\bclass(?:Name)?\b"?\s*[:=]\s*$|\bimport\s*$|\bfrom\s*$|\bd:\s*$|#copy\($|\.font = $|const (?:TEXT|TYPED_IN) =\s*$/;
const SHOWN = /(?:textContent|\btitle|\balt|placeholder|"aria-label"|"aria-valuetext")\s*[:=,]\s*$|\bsay\($/;
// Names that browsers, servers and DICOM gave.
const NAMES =
  /^(?:Arrow\w+|Page\w+|Enter|Escape|Home|End|Delete|Backspace|Ctrl|Alt|Shift(?:\+.*)?|use strict|Files|Accept|Content-Type|X-Fragment|If-None-Match|ETag|AbortError|Ctrl\+(?:Shift\+)?Enter)$/;

/** The literals of a source, each with the code before it; comments and regular expressions are passed over. */
function* literals(source) {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|(?<=[(,=:[!&|?{}\n]\s*)\/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\n])+\/\w*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|\$\{(?:[^{}`]|\{[^{}]*\}|`[^`]*`)*\}|[^`\\])*`/g;
  for (const match of source.matchAll(token)) {
    if (/^["'`]/.test(match[0]))
      yield { text: match[0].slice(1, -1), before: source.slice(0, match.index), at: match.index };
  }
}

/** Where a call that excuses its arguments is still open. */
const isWithin = (before) => {
  let depth = 0;
  for (let i = before.length - 1, limit = Math.max(0, i - 400); i >= limit; i--) {
    if (before[i] === ")") depth++;
    if (before[i] === "(" && depth-- === 0) return EXCUSED.test(before.slice(0, i + 1));
  }
  return false;
};

const looksRead = (text) => {
  const words = text.replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "•");
  return (
    /^[A-Z][a-z]{2,}/.test(words) ||
    /[A-Za-z]{2,}[,.;:]? [A-Za-z]{2,}/.test(words) ||
    /• [a-z]{2,}|[a-z]{2,}:? •/.test(words)
  );
};

const unwrapped = (source) =>
  [...literals(source)]
    .filter(({ text, before }) => {
      if (NAMES.test(text) || EXCUSED.test(before) || isWithin(before)) return false;
      if (/new Error\($/.test(before) && /^[a-z$]/.test(text)) return false; // for developers, in the console
      return looksRead(text) || (SHOWN.test(before) && /[A-Za-z]{2,}/.test(text));
    })
    .map(({ text }) => text);

for (const [source, found] of [
  ['note.textContent = "waiting";', ["waiting"]],
  ['make("p", {}, "Loading the image …")', ["Loading the image …"]],
  ['make("button", { title: "Close" })', ["Close"]],
  ["say(`${n} slices`)", ["${n} slices"]],
  ["`Slice ${a} of ${b}`", ["Slice ${a} of ${b}"]],
  ['throw new Error("The image is gone.")', ["The image is gone."]],
  ['throw new Error("no element matches")', []],
  ['note.textContent = gettext("waiting");', []],
  ['ngettext("%(n)s file here", "%(n)s files here", n)', []],
  ['make("div", { class: "sv-button sv-icon" })', []],
  ['find(root, "input[type=text], select", HTMLElement)', []],
  ["// a comment with words\n/* and another one */", []],
  ['element.addEventListener("pointerdown", go)', []],
]) {
  test(`the search itself: ${source}`, () => assert.deepEqual(unwrapped(source), found));
}

const modules = readdirSync(JS, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith(".js"));

test("the modules are found", () => assert.ok(modules.length > 40 && modules.some((name) => name.includes("viewer"))));

for (const name of modules) {
  test(`${name} shows no text that cannot be translated`, () =>
    assert.deepEqual(unwrapped(readFileSync(JS + name, "utf8")), []));
}

test("in a pseudo-language nothing in the viewer's table is left as it was", async (t) => {
  const marked = (text) => `⟦${text}⟧`;
  globalThis.django = { gettext: marked, pgettext: (_context, text) => marked(text), ngettext: marked };
  t.after(() => delete globalThis.django);
  const { ACTIONS, groups } = await import("../../static/js/viewer/actions.js");
  const { presetsOf } = await import("../../static/js/viewer/window.js");
  const presets = presetsOf({ unit: "HU" });
  const texts = [
    ...groups().keys(),
    ...ACTIONS.map(({ label }) => label),
    ...presets.flatMap(({ name, title }) => [name, title]),
  ];
  assert.deepEqual(
    texts.filter((text) => !text.startsWith("⟦")),
    [],
  );
});
