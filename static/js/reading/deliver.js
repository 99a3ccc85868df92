// @ts-check
// Hands over what pages before this one could not: words typed while the server was away, or just before a crash.
import { findAll } from "../dom.js";
import { copies, forget, forgetOld } from "./copies.js";

/** @typedef {import("./copies.js").Copy} Copy */

/** @param {Copy} copy */
export const bodyOf = ({ content, openedAt, turn }) => {
  const body = new FormData();
  for (const [name, value] of Object.entries(content)) body.set(name, value);
  body.set("page_opened_at", openedAt);
  body.set("turn", String(turn));
  const [token] = findAll(document, "[name=csrfmiddlewaretoken]", HTMLInputElement);
  body.set("csrfmiddlewaretoken", token?.value ?? "");
  return body;
};

// The server has it, has something later of the same reader, or the reader has decided: nothing is left to keep.
/** @param {Response} response */
const isSettled = async (response) => {
  if (response.ok && !response.redirected) return true;
  if (response.status !== 409) return false;
  const { code, own } = await response.json();
  return code === "newer_draft" || (code === "already_read" && own);
};

/** @param {Copy} copy */
const deliverOne = async (copy) => {
  try {
    if (await isSettled(await fetch(copy.draft, { method: "POST", body: bodyOf(copy) }))) forget(copy.draft);
  } catch {
    // The next page tries again.
  }
};

/** All but that of the case in hand, whose own page sees to it. @param {string} [except] its draft's address */
export const deliver = (except = "") =>
  Promise.all(copies().flatMap((copy) => (copy.draft === except ? [] : [deliverOne(copy)])));

forgetOld();
if (!document.getElementById("review")) deliver();
