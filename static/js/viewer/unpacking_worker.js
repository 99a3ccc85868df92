// @ts-check
// Beside the page's thread: takes { number, buffer }, gives { number, header, steps } or { number, error } back.
import { taken } from "./greyscale.js";

addEventListener("message", ({ data: { number, buffer } }) => {
  try {
    const { header, steps } = taken(buffer);
    postMessage({ number, header, steps }, { transfer: [steps.buffer] });
  } catch (error) {
    postMessage({ number, error: error instanceof Error ? error.message : String(error) });
  }
});

postMessage({});
