// @ts-check
// How often to ask: quickly at first and after each change, then ever more slowly; hardly at all in a hidden tab.
const FIRST = 400,
  SLOWER = 1.35,
  SLOWEST = 5000,
  HIDDEN = 15000;

export class Pace {
  #wait = FIRST;

  quicken() {
    this.#wait = FIRST;
  }

  // Resolves when it is time to ask again; at once when a hidden tab is shown.
  async next() {
    const wait = document.hidden ? HIDDEN : this.#wait;
    this.#wait = Math.min(this.#wait * SLOWER, SLOWEST);
    await new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      const done = () => {
        clearTimeout(timer);
        document.removeEventListener("visibilitychange", done);
        resolve();
      };
      const timer = setTimeout(done, wait);
      document.addEventListener("visibilitychange", done);
    });
  }
}
