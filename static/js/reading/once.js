// @ts-check
// A form marked `data-once` that is on its way is not sent again: the key pressed twice would take a second case, which
// stays with the reader although no page shows it.
let isOnItsWay = false;

document.addEventListener("submit", (event) => {
  if (!(event.target instanceof HTMLFormElement) || !("once" in event.target.dataset)) return;
  if (isOnItsWay) event.preventDefault();
  isOnItsWay = true;
});

// Whoever comes back to the page may go on.
addEventListener("pageshow", () => {
  isOnItsWay = false;
});
