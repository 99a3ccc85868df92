// @ts-check
// The sentences of the modules in the language of the page. base.html loads the catalogue (Django's JavaScriptCatalog)
// before every module; where there is none, as in the tests of single modules, sentences stay as they are written.

const page = globalThis.document?.documentElement;

/** The language of the page, for Intl: numbers, times of day. */
export const language = page?.lang || "en-GB";

/** The time zone of clinic or person where the page names one, else the browser's. */
export const timeZone = page?.dataset.timeZone || undefined;

/** @param {string} text */
export const gettext = (text) => globalThis.django?.gettext?.(text) ?? text;

/**
 * The same words may need two translations: `context` says which.
 * @param {string} context
 * @param {string} text
 */
export const pgettext = (context, text) => globalThis.django?.pgettext?.(context, text) ?? text;

/**
 * @param {string} one
 * @param {string} many
 * @param {number} count
 */
export const ngettext = (one, many, count) =>
  globalThis.django?.ngettext?.(one, many, count) ?? (count === 1 ? one : many);

/**
 * interpolate("%(done)s of %(total)s uploaded", { done: 1, total: 3 }); "%%" is a percent sign.
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
export const interpolate = (text, values) =>
  text.replace(/%%|%\((\w+)\)s/g, (whole, name) => (whole === "%%" ? "%" : String(values[name])));

/**
 * @param {number} value
 * @param {number} digits after the point
 */
export const number = (value, digits = 0) =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** 0.634 → "63 %". @param {number} part */
export const percent = (part) => interpolate(gettext("%(number)s %%"), { number: number(100 * part) });

/** "one, two, three", as the language lists things. @param {string[]} parts */
export const listed = (parts) => new Intl.ListFormat(language, { type: "unit", style: "long" }).format(parts);
