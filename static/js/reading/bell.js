// The number on the bell follows, quietly: once a minute while the page is looked at.
import { gettext, interpolate, ngettext } from "../i18n.js";

const EVERY = 60_000;
const bell = document.querySelector("[data-unread]");

const ask = async () => {
  if (document.hidden) return;
  try {
    const response = await fetch(bell.dataset.unread, { headers: { Accept: "application/json" } });
    if (!response.ok || response.redirected) return;
    const { unread } = await response.json();
    const number = bell.querySelector("[data-number]");
    number.textContent = unread;
    number.hidden = !unread;
    bell.setAttribute(
      "aria-label",
      unread
        ? interpolate(ngettext("Notices, %(count)s new", "Notices, %(count)s new", unread), { count: unread })
        : gettext("Notices"),
    );
  } catch {
    // Asked again in a minute.
  }
};

if (bell) setInterval(ask, EVERY);
