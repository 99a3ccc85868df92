// @ts-check
// <button data-copies="ID"> puts the text of the element with that id on the clipboard, and says so in the status beside.
import { byId, findAll } from "./dom.js";
import { gettext } from "./i18n.js";

for (const button of findAll(document, "[data-copies]", HTMLElement))
  button.addEventListener("click", async () => {
    const from = byId(button.dataset.copies ?? "", HTMLElement);
    const told = button.parentElement?.querySelector("[role=status]");
    let sentence = gettext("Copied.");
    try {
      await navigator.clipboard.writeText(from.textContent ?? "");
    } catch {
      // Refused by the browser, or a page without TLS, which has no clipboard.
      getSelection()?.selectAllChildren(from);
      sentence = gettext("It is selected: copy it with Ctrl+C.");
    }
    if (told) told.textContent = sentence;
  });
