// @ts-check
// <input type="range" min="0" max="100" data-opacity-for="ID"> sets the opacity of the element with that id.
// The value also appears in the <output> inside the same label.
"use strict";
(() => {
  /** @param {HTMLInputElement} slider */
  const apply = (slider) => {
    const target = document.getElementById(slider.dataset.opacityFor ?? "");
    if (target) target.style.opacity = String(slider.valueAsNumber / 100);
    const output = slider.parentElement?.querySelector("output");
    if (output) output.value = `${slider.value} %`;
  };

  /** @param {EventTarget | null} root */
  const applyAll = (root) => {
    if (!(root instanceof Element || root instanceof Document)) return;
    /** @type {NodeListOf<HTMLInputElement>} */
    const sliders = root.querySelectorAll("input[data-opacity-for]");
    for (const slider of sliders) apply(slider);
  };

  document.addEventListener("input", (event) => {
    const { target } = event;
    if (target instanceof HTMLInputElement && target.dataset.opacityFor) apply(target);
  });
  document.addEventListener("DOMContentLoaded", () => applyAll(document));
  // Fragments that arrive later announce themselves with this event.
  document.addEventListener("fragment:ready", (event) => applyAll(event.target));
})();
