// @ts-check
// Signing out leaves nothing of what was typed in this browser: it goes to the server first, while there is a session.
import { findAll } from "../dom.js";
import { copies, forgetAll } from "./copies.js";

const PATIENCE = 3000; // milliseconds; a server that does not answer keeps nobody signed in

/** @param {HTMLFormElement} form */
const leave = async (form) => {
  const { deliver } = await import("./deliver.js");
  await Promise.race([deliver(), new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  forgetAll();
  form.submit();
};

for (const form of findAll(document, "form[data-copies-of]", HTMLFormElement))
  form.addEventListener("submit", (event) => {
    if (!copies().length) return forgetAll();
    event.preventDefault();
    leave(form);
  });
