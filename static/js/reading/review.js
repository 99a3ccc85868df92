// @ts-check
// The page of one reading: holds the case, saves the draft, brings the result when it may be seen, fetches ahead.
import { around, byId, find, findAll } from "../dom.js";
import { gettext } from "../i18n.js";
import { showUnfilled, startBlanks } from "./blanks.js";
import { deliver } from "./deliver.js";
import { Draft, showClocks } from "./draft.js";
import { Lease } from "./lease.js";
import { showMissing, startMissing } from "./missing.js";
import { startSentences } from "./sentences.js";
import { startComparison, startSigning } from "./sign.js";
import { joinViewer } from "./viewing.js";

const form = byId("review", HTMLFormElement);
const stand = byId("stand", HTMLElement);
const saved = byId("saved", HTMLElement);
const DECIDING = "#decide, #decide-and-sign, #decide-and-hand-over";
const { renew = "", leave = "", result = "", impression = "", neighbours = "" } = form.dataset;
const viewer = joinViewer(form);
const RESULT_EVERY = 3000;

const draft = new Draft(form, (text) => {
  saved.textContent = text;
});
const lease = new Lease({
  renew,
  leave,
  seconds: Number(form.dataset.lease),
  idleMinutes: Number(form.dataset.idle),
  body: () => draft.body(),
  lost: (sentence, isSignedOut) => {
    if (!isSignedOut) draft.save();
    showLost(sentence, isSignedOut);
  },
  idle: (isIdle) => {
    byId("idle", HTMLElement).hidden = !isIdle;
  },
  unreachable: () => {
    saved.textContent = gettext("The server cannot be reached. Nothing is lost; try again in a moment.");
  },
});

/**
 * @param {string} sentence
 * @param {boolean} isSignedOut
 */
const showLost = (sentence, isSignedOut) => {
  const notice = byId("lost", HTMLElement);
  find(notice, "[data-sentence]", HTMLElement).textContent = sentence;
  find(notice, "form", HTMLElement).hidden = isSignedOut;
  find(notice, "[data-signed-out]", HTMLElement).hidden = !isSignedOut;
  notice.hidden = false;
  notice.scrollIntoView({ block: "nearest" });
  for (const button of findAll(form, DECIDING, HTMLButtonElement)) button.disabled = true;
};

// --- the result and the reader's stand on it -----------------------------------------------------------------------
/** @param {string} html */
const showStand = (html) => {
  const chosen = new FormData(form);
  stand.innerHTML = html;
  for (const name of ["decision", "override_reason", "override_note", "contradiction_reason"]) {
    const field = form.elements.namedItem(name);
    const value = chosen.get(name);
    if (!field || !value || (field instanceof HTMLInputElement && field.type === "hidden")) continue;
    if ("value" in field) field.value = String(value);
  }
  for (const button of findAll(form, DECIDING, HTMLButtonElement)) {
    button.disabled = Boolean(stand.querySelector("#commit"));
    button.removeAttribute("title");
  }
  follow();
  // The attention maps over the image come with the result.
  viewer?.reveal().catch(() => {});
};

const follow = () => {
  if (stand.querySelector("[data-following-result]")) setTimeout(ask, RESULT_EVERY);
};

const ask = async () => {
  if (document.hidden) return document.addEventListener("visibilitychange", ask, { once: true });
  try {
    const response = await fetch(result, { headers: { "X-Fragment": "1" } });
    const html = await response.text();
    const still = html.includes("data-following-result");
    if (response.ok && !response.redirected && !still) return showStand(html);
  } catch {
    // The server is away for a moment.
  }
  follow();
};

/** @param {Event} event */
const commit = async (event) => {
  event.preventDefault();
  const response = await fetch(impression, {
    method: "POST",
    body: new FormData(form),
    headers: { "X-Fragment": "1" },
  });
  if (response.ok && !response.redirected) return showStand(await response.text());
  const { sentence } = await response.json();
  tell(sentence);
};

/** @param {string} sentence */
const tell = (sentence) => {
  let notice = stand.querySelector(".told");
  if (!notice) {
    notice = Object.assign(document.createElement("p"), { className: "told" });
    notice.setAttribute("role", "alert");
    stand.append(notice);
  }
  notice.textContent = sentence;
};

stand.addEventListener("click", (event) => {
  if (around(event, "#commit"))
    commit(event).catch(() => tell(gettext("The server cannot be reached. Try again in a moment.")));
});

// --- leaving ---------------------------------------------------------------------------------------------------------
// A session may have ended since the page was made: then the form would be refused on a page without its words. So it is
// asked first, and the answer to a sent form is a page in any case.
/** @param {SubmitEvent} event */
const send = async (event) => {
  event.preventDefault();
  if (form.dataset.sent || (!isLeaving(event.submitter) && showMissing(form))) return;
  if (isDelivering(event.submitter) && showUnfilled(form)) return;
  form.dataset.sent = "1";
  if (await lease.isSignedIn()) return submitWith(event.submitter);
  delete form.dataset.sent;
};

/** Whether the button gives the case back, complete or not. @param {HTMLElement | null} button */
const isLeaving = (button) => Boolean(button?.hasAttribute("formnovalidate"));

/** Whether it signs the report or hands it over. @param {HTMLElement | null} button */
const isDelivering = (button) => Boolean(button?.matches("#decide-and-sign, #decide-and-hand-over"));

/** @param {HTMLElement | null} button */
const submitWith = (button) => {
  draft.stop();
  lease.finish();
  const action = button?.getAttribute("formaction");
  if (action) form.action = action;
  form.append(pressed(button));
  form.submit();
};

// A form that is sent by a script does not say by itself which button was pressed.
/** @param {HTMLElement | null} button */
const pressed = (button) => {
  const told = document.createElement("input");
  told.type = "hidden";
  if (button instanceof HTMLButtonElement) Object.assign(told, { name: button.name, value: button.value });
  return told;
};

form.addEventListener("submit", send);
// Back from the browser's own cache: it may be sent once more.
addEventListener("pageshow", () => delete form.dataset.sent);

// --- ahead: the next pictures lie in the browser's cache when their case comes ---------------------------------------
const fetchAhead = async () => {
  try {
    const response = await fetch(neighbours);
    if (response.ok && !response.redirected) viewer?.prefetch((await response.json()).images);
  } catch {
    // Nothing is lost but a moment later.
  }
};

/** @param {() => void} work */
const whenIdle = (work) =>
  typeof requestIdleCallback === "function" ? requestIdleCallback(work) : setTimeout(work, 500);

lease.start();
draft.start();
deliver(form.dataset.draft);
startSentences(form);
startMissing(form);
startBlanks(form);
startSigning(form);
startComparison(form);
showClocks(document);
follow();
(viewer?.ready ?? Promise.resolve()).then(() => whenIdle(fetchAhead));
