// @ts-check
// Menus are <details>: they open and close without this file. It adds what people expect of a menu:
// Escape closes it and gives the focus back, a click elsewhere or leaving it with Tab closes it, one is open at a time.
// Ctrl+K (or ⌘K) puts the cursor into the field marked data-focus-key="k".
"use strict";
(() => {
  /** @returns {NodeListOf<HTMLDetailsElement>} */
  const open = () => document.querySelectorAll("details.menu[open]");

  /** @param {EventTarget | null} target */
  const closeOthers = (target) => {
    for (const menu of open()) if (!(target instanceof Node && menu.contains(target))) menu.open = false;
  };

  document.addEventListener("click", (event) => closeOthers(event.target));
  document.addEventListener("focusin", (event) => closeOthers(event.target));

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of open()) {
        menu.open = false;
        menu.querySelector("summary")?.focus();
      }
    }
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      const field = document.querySelector(`[data-focus-key="${CSS.escape(event.key.toLowerCase())}"]`);
      if (field instanceof HTMLInputElement) {
        event.preventDefault();
        field.focus();
        field.select();
      }
    }
  });
})();
