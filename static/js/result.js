// A scan's page follows its analysis by itself and stops when it has finished; the rows of the classifiers change
// the attention map in place.

import { fetchFragment, parse, remember, SignedOut, swapParts } from "./fragment.js";
import { gettext, interpolate } from "./i18n.js";
import { Pace } from "./pace.js";

const holder = document.getElementById("result");
const announce = document.getElementById("announce");
const current = () => holder.querySelector("[data-result]");

const follow = async () => {
  const pace = new Pace();
  while (current().dataset.poll) {
    await pace.next();
    try {
      const fresh = parse(await fetchFragment(current().dataset.poll)).querySelector("[data-result]");
      if (show(fresh)) pace.quicken();
    } catch (error) {
      if (error instanceof SignedOut) return location.reload();
    }
  }
};

const show = (fresh) => {
  const old = current();
  const moved = old.dataset.status !== fresh.dataset.status;
  swapParts(old, fresh);
  Object.assign(old.dataset, { status: fresh.dataset.status, said: fresh.dataset.said });
  if (fresh.dataset.poll) old.dataset.poll = fresh.dataset.poll;
  else delete old.dataset.poll;
  if (moved) announce.textContent = fresh.dataset.said;
  return moved;
};

// "Asked for 12 s ago" says more than a time of day, and keeps moving.
const tick = () => {
  for (const time of holder.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() - new Date(time.dateTime)) / 1000));
    time.textContent =
      seconds < 60
        ? interpolate(gettext("%(seconds)s s ago"), { seconds })
        : interpolate(gettext("%(minutes)s min ago"), { minutes: Math.floor(seconds / 60) });
  }
};

// The map of the row under the pointer or with the focus lies over the image; else that of the row opened last.
let looked = null;

const lay = (row) => {
  const overlay = document.getElementById("attention");
  if (!row || !overlay) return;
  const { map, name, shown, alarm } = row.dataset;
  if (overlay.getAttribute("src") !== map) overlay.src = map;
  overlay.alt = interpolate(gettext("Attention map of %(name)s"), { name });
  holder.querySelector("[data-map-name]").textContent = name;
  const shownFor = holder.querySelector("[data-map-shown]");
  if (shownFor) shownFor.textContent = shown;
  const said = holder.querySelector("[data-map-alarm]");
  said.hidden = !alarm;
  said.querySelector("span").textContent = alarm && `${alarm}.`;
  for (const one of holder.querySelectorAll("[data-looked]")) delete one.dataset.looked;
  row.dataset.looked = "";
};

const rowOf = (event) => event.target.closest("summary[data-map]");
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
  const left = event.target.closest("[data-answers]");
  if (left && !left.contains(event.relatedTarget) && looked?.isConnected) lay(looked);
});

remember(holder);
looked = holder.querySelector("summary[data-looked]");
tick();
if (current().dataset.poll) {
  const clock = setInterval(tick, 1000);
  follow().finally(() => clearInterval(clock));
}
