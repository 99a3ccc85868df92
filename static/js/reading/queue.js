// @ts-check
// The queue follows itself: the changing part is asked for again and again, and comes only when it changed (ETag). Nothing
// is asked while the page is hidden. "Back in 40 s" counts in the page.

import { byId, findAll } from "../dom.js";
import { parse, remember, swapParts } from "../fragment.js";
import { gettext, interpolate, pgettext } from "../i18n.js";

const EVERY = 4000;
const queue = byId("queue", HTMLElement);
let tag = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

const count = () => {
  for (const time of findAll(queue, "time[data-countdown]", HTMLTimeElement)) {
    const seconds = Math.round((Date.parse(time.dateTime) - Date.now()) / 1000);
    time.textContent =
      seconds > 0 ? interpolate(gettext("%(seconds)s s"), { seconds }) : pgettext("back in", "a moment");
  }
};

const ask = async () => {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const headers = { "X-Fragment": "1", ...(tag ? { "If-None-Match": tag } : {}) };
    const response = await fetch(location.href, { headers, cache: "no-store" });
    if (response.redirected) return location.reload();
    if (response.ok) {
      tag = response.headers.get("ETag") ?? "";
      swapParts(queue, parse(await response.text()));
      count();
    }
  } catch {
    // The server is away for a moment; the next question comes anyway.
  }
  timer = setTimeout(ask, EVERY);
};

remember(queue);
count();
setInterval(count, 1000);
timer = setTimeout(ask, EVERY);
document.addEventListener("visibilitychange", ask);

for (const form of findAll(document, "form[data-autosubmit]", HTMLFormElement)) {
  form.addEventListener("change", () => form.requestSubmit());
  // Empty choices would only lengthen the address.
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });
}
