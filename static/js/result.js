// A scan's page follows its analysis by itself and stops when it has finished; the attention map can be changed in place.
import { SignedOut, fetchFragment, parse, remember, swapParts } from "./fragment.js";
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
    time.textContent = seconds < 60 ? `${seconds} s ago` : `${Math.floor(seconds / 60)} min ago`;
  }
};

holder.addEventListener("click", (event) => {
  const link = event.target.closest("[data-map]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const overlay = document.getElementById("attention");
  overlay.src = link.dataset.map;
  overlay.alt = `Attention map of ${link.textContent}`;
  holder.querySelector("[data-map-name]").textContent = link.textContent;
  const shown = holder.querySelector("[data-map-shown]");
  if (shown) shown.textContent = link.dataset.shown;
  for (const other of link.parentElement.children) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
});

remember(holder);
tick();
if (current().dataset.poll) {
  const clock = setInterval(tick, 1000);
  follow().finally(() => clearInterval(clock));
}
