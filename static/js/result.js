// @ts-check
// A scan's page follows its analysis by itself and stops when it has finished; the rows of the classifiers change
// the attention map in place.

import { around, byId, find, findAll } from "./dom.js";
import { fetchFragment, parse, remember, SignedOut, swapParts } from "./fragment.js";
import { gettext, interpolate } from "./i18n.js";
import { Pace } from "./pace.js";

const holder = byId("result", HTMLElement);
const announce = byId("announce", HTMLElement);
const current = () => find(holder, "[data-result]", HTMLElement);

const follow = async () => {
  const pace = new Pace();
  for (let poll = current().dataset.poll; poll; poll = current().dataset.poll) {
    await pace.next();
    try {
      const fresh = find(parse(await fetchFragment(poll)), "[data-result]", HTMLElement);
      if (show(fresh)) pace.quicken();
    } catch (error) {
      if (error instanceof SignedOut) return location.reload();
    }
  }
};

/** @param {HTMLElement} fresh */
const show = (fresh) => {
  const old = current();
  const moved = old.dataset.status !== fresh.dataset.status;
  swapParts(old, fresh);
  Object.assign(old.dataset, { status: fresh.dataset.status, said: fresh.dataset.said });
  if (fresh.dataset.poll) old.dataset.poll = fresh.dataset.poll;
  else delete old.dataset.poll;
  if (moved) announce.textContent = fresh.dataset.said ?? "";
  return moved;
};

// "Asked for 12 s ago" says more than a time of day, and keeps moving.
const tick = () => {
  for (const time of findAll(holder, "time[data-since]", HTMLTimeElement)) {
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time.dateTime)) / 1000));
    time.textContent =
      seconds < 60
        ? interpolate(gettext("%(seconds)s s ago"), { seconds })
        : interpolate(gettext("%(minutes)s min ago"), { minutes: Math.floor(seconds / 60) });
  }
};

// The map of the row under the pointer or with the focus lies over the image; else that of the row opened last.
/** @type {HTMLElement | null} */
let looked = null;

/** @param {HTMLElement | null} row */
const lay = (row) => {
  const overlay = document.getElementById("attention");
  if (!row || !(overlay instanceof HTMLImageElement)) return;
  const { map = "", name = "", shown = "" } = row.dataset;
  if (overlay.getAttribute("src") !== map) overlay.src = map;
  overlay.alt = interpolate(gettext("Attention map of %(name)s"), { name });
  find(holder, "[data-map-name]", HTMLElement).textContent = name;
  const shownFor = holder.querySelector("[data-map-shown]");
  if (shownFor) shownFor.textContent = shown;
  for (const one of findAll(holder, "[data-looked]", HTMLElement)) delete one.dataset.looked;
  row.dataset.looked = "";
};

/** @param {Event} event */
const rowOf = (event) => around(event, "summary[data-map]");
/** @param {Event} event */
const layOwn = (event) => {
  const row = rowOf(event);
  if (row) lay(row);
};

holder.addEventListener("pointerover", layOwn);
holder.addEventListener("focusin", layOwn);
holder.addEventListener("click", (event) => {
  looked = rowOf(event) ?? looked;
});
holder.addEventListener("pointerout", (event) => {
  const left = around(event, "[data-answers]");
  const isInside = event.relatedTarget instanceof Node && left?.contains(event.relatedTarget);
  if (left && !isInside && looked?.isConnected) lay(looked);
});

remember(holder);
[looked = null] = findAll(holder, "summary[data-looked]", HTMLElement);
tick();
if (current().dataset.poll) {
  const clock = setInterval(tick, 1000);
  follow().finally(() => clearInterval(clock));
}
