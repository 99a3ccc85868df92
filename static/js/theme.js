// @ts-check
// The theme, before the first paint. Shares its key ("theme": auto, light, dark) with the admin pages, so that one
// choice holds everywhere. Loaded without defer, in <head>, on purpose: a page must not flash in the other theme.
"use strict";
(() => {
  const KEY = "theme";
  const root = document.documentElement;

  const stored = () => {
    try {
      return localStorage.getItem(KEY) || "auto";
    } catch {
      return "auto"; // storage is switched off: follow the system
    }
  };

  /** @param {string} theme */
  const show = (theme) => {
    root.dataset.theme = theme;
    /** @type {NodeListOf<HTMLElement>} */
    const buttons = document.querySelectorAll("[data-theme-choice]");
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
    }
  };

  /** @param {string} theme */
  const choose = (theme) => {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // The choice then lasts for this page.
    }
    show(theme);
  };

  root.classList.add("js");
  show(stored());

  document.addEventListener("DOMContentLoaded", () => show(stored()));
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("[data-theme-choice]");
    if (button instanceof HTMLElement) choose(button.dataset.themeChoice ?? "auto");
  });
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) show(stored());
  });
})();
