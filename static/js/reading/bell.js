// @ts-check
// The number on the bell follows, quietly: once a minute while the page is looked at.
import { find, findAll } from "../dom.js";
import { gettext, interpolate, ngettext } from "../i18n.js";

const EVERY = 60_000;

/** @param {HTMLElement} bell */
const ask = async (bell) => {
  if (document.hidden) return;
  try {
    const response = await fetch(bell.dataset.unread ?? "", { headers: { Accept: "application/json" } });
    if (!response.ok || response.redirected) return;
    const { unread, shown } = await response.json();
    const number = find(bell, "[data-number]", HTMLElement);
    number.textContent = shown;
    number.hidden = !unread;
    bell.setAttribute(
      "aria-label",
      unread
        ? interpolate(ngettext("Notices, %(count)s new", "Notices, %(count)s new", unread), { count: shown })
        : gettext("Notices"),
    );
  } catch {
    // Asked again in a minute.
  }
};

for (const bell of findAll(document, "[data-unread]", HTMLElement)) setInterval(() => ask(bell), EVERY);
