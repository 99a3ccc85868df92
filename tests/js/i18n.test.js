import assert from "node:assert/strict";
import { test } from "node:test";

const MODULE = "../../static/js/i18n.js";

test("without a catalogue sentences stay as they are written", async () => {
  const { gettext, ngettext, pgettext, percent, listed } = await import(`${MODULE}?plain`);
  assert.equal(gettext("Retry"), "Retry");
  assert.equal(pgettext("window", "Soft"), "Soft");
  assert.deepEqual(
    [0, 1, 2].map((n) => ngettext("one", "many", n)),
    ["many", "one", "many"],
  );
  assert.equal(percent(0.634), "63 %");
  assert.equal(listed(["2 uploaded", "1 to go", "1 not uploaded"]), "2 uploaded, 1 to go, 1 not uploaded");
});

test("places are filled by name, in whatever order a translation has them", async () => {
  const { interpolate } = await import(`${MODULE}?plain`);
  assert.equal(interpolate("%(total)s, %(done)s: 100 %%", { done: 1, total: 3 }), "3, 1: 100 %");
  assert.equal(interpolate("%(name)s", { name: "%(name)s $& %s" }), "%(name)s $& %s");
});

test("with a catalogue they are in the language of the page, and so are numbers", async (t) => {
  globalThis.django = {
    gettext: (text) => ({ Retry: "Erneut versuchen" })[text] ?? text,
    pgettext: (context, text) => `${context}:${text}`,
    ngettext: (_one, many) => `viele ${many}`,
  };
  globalThis.document = { documentElement: { lang: "de", dataset: { timeZone: "Europe/Berlin" } } };
  t.after(() => {
    delete globalThis.django;
    delete globalThis.document;
  });
  const { gettext, ngettext, pgettext, number, language, timeZone } = await import(`${MODULE}?german`);
  assert.equal(gettext("Retry"), "Erneut versuchen");
  assert.equal(pgettext("window", "Soft"), "window:Soft");
  assert.equal(ngettext("file", "files", 1), "viele files");
  assert.deepEqual([number(1234.5, 1), language, timeZone], ["1.234,5", "de", "Europe/Berlin"]);
});
