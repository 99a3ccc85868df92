// <input type="range" min="0" max="100" data-opacity-for="ID"> sets the opacity of the element with that id.
// The value also appears in the <output> inside the same label.
"use strict";
(() => {
  const apply = (slider) => {
    const target = document.getElementById(slider.dataset.opacityFor);
    if (target) target.style.opacity = String(slider.valueAsNumber / 100);
    const output = slider.parentElement.querySelector("output");
    if (output) output.value = `${slider.value} %`;
  };

  const applyAll = (root) => root.querySelectorAll("input[data-opacity-for]").forEach(apply);

  document.addEventListener("input", (event) => {
    if (event.target.matches?.("input[data-opacity-for]")) apply(event.target);
  });
  document.addEventListener("DOMContentLoaded", () => applyAll(document));
  // Fragments that arrive later announce themselves with this event.
  document.addEventListener("fragment:ready", (event) => applyAll(event.target));
})();
