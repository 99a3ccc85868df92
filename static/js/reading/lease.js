// @ts-check
// Holds a case while its page is there: a heartbeat every third of the lease, a farewell when the page goes away.
// A page that nobody touches for a while stops, so that a desk left open does not keep a case from the others.
import { gettext } from "../i18n.js";

const MOVES = ["keydown", "pointermove", "pointerdown", "wheel"];

const SIGNED_OUT = gettext("You are signed out. What you typed is kept in this browser.");

/** @param {Response} response */
const isRefused = (response) => response.redirected || response.status === 403;

export class Lease {
  #urls;
  #every;
  #idleAfter;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** When the lease ends, as the server said last; "" before the first answer, and while it is asked again. */
  #until = "";
  #touched = Date.now();
  #over = false;

  /**
   * @param {object} options
   * @param {string} options.renew an address
   * @param {string} options.leave an address
   * @param {number} options.seconds of the lease
   * @param {number} options.idleMinutes
   * @param {() => FormData} options.body of every request
   * @param {(sentence: string, isSignedOut: boolean) => void} options.lost told once the case is gone
   * @param {(isIdle: boolean) => void} options.idle told when nothing moves any more, and when it moves again
   * @param {() => void} options.unreachable told when the server does not answer before a form is sent
   */
  constructor({ renew, leave, seconds, idleMinutes, body, lost, idle, unreachable }) {
    this.#urls = { renew, leave };
    this.#every = (seconds * 1000) / 3;
    this.#idleAfter = idleMinutes * 60_000;
    this.body = body;
    this.lost = lost;
    this.idle = idle;
    this.unreachable = unreachable;
  }

  start() {
    for (const move of MOVES) document.addEventListener(move, () => this.#move(), { passive: true });
    addEventListener("pagehide", () => this.#farewell());
    // Back from the browser's own cache: the farewell was said, so ask whether the case is still ours.
    addEventListener("pageshow", (event) => event.persisted && this.#beat());
    this.#beat();
  }

  // The page goes on to somewhere that needs no farewell: the decision itself, or giving back.
  finish() {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  #move() {
    const was = this.#isIdle;
    this.#touched = Date.now();
    if (was && !this.#over) {
      this.idle(false);
      this.#beat();
    }
  }

  get #isIdle() {
    return Date.now() - this.#touched > this.#idleAfter;
  }

  async #beat() {
    clearTimeout(this.#timer);
    if (this.#over) return;
    if (this.#isIdle) return this.idle(true);
    this.#timer = setTimeout(() => this.#beat(), this.#every);
    try {
      const response = await this.#renew();
      if (isRefused(response)) return this.#end(SIGNED_OUT, true);
      const { sentence, until } = await response.json();
      if (response.status === 409) this.#end(sentence, false);
      else this.#until = until;
    } catch {
      // The server is away for a moment; the lease outlasts two missed beats.
    }
  }

  #renew() {
    this.#until = "";
    return fetch(this.#urls.renew, { method: "POST", body: this.body() });
  }

  /** Whether a form can be sent now. Where it cannot, the page is told why. A lost case is the form's answer to tell. */
  async isSignedIn() {
    try {
      const response = await this.#renew();
      if (isRefused(response)) this.lost(SIGNED_OUT, true);
      return !isRefused(response);
    } catch {
      this.unreachable();
      return false;
    }
  }

  /**
   * @param {string} sentence
   * @param {boolean} isSignedOut
   */
  #end(sentence, isSignedOut) {
    if (this.#over) return;
    this.finish();
    this.lost(sentence, isSignedOut);
  }

  // It may come after the next page of the case has begun: the server then sees that the lease was renewed since.
  #farewell() {
    clearTimeout(this.#timer);
    if (this.#over) return;
    const body = this.body();
    body.set("until", this.#until);
    navigator.sendBeacon(this.#urls.leave, body);
  }
}
