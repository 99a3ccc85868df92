// @ts-check
// Tells the server, at most once a minute, that the person acts; warns before the server signs them out, and leaves the
// page once it has. The server decides: other pages of the same session, and uploads, count too.
import { find } from "./dom.js";
import { gettext, interpolate, ngettext } from "./i18n.js";
import { make } from "./viewer/elements.js";

const MOVES = ["keydown", "pointermove", "pointerdown", "wheel", "touchmove", "scroll", "sending"];

export class Idle {
  #address;
  #signIn;
  #body;
  #limit;
  #lead;
  #acted = false;
  #toldAt = Date.now();
  #ends;
  #asking = false;
  /** @type {HTMLDialogElement | undefined} */
  #dialog;

  /**
   * @param {object} options
   * @param {string} options.address that takes signs of life
   * @param {string} options.signIn address
   * @param {number} options.seconds after which nothing having been done signs the person out
   * @param {() => FormData} options.body of a sign of life
   */
  constructor({ address, signIn, seconds, body }) {
    this.#address = address;
    this.#signIn = signIn;
    this.#body = body;
    this.#limit = seconds * 1000;
    this.#lead = Math.min(60_000, this.#limit / 2);
    this.#ends = Date.now() + this.#limit;
  }

  start() {
    for (const move of MOVES) document.addEventListener(move, () => this.#move(), { capture: true, passive: true });
    document.addEventListener("visibilitychange", () => this.#tick());
    setInterval(() => this.#tick(), 1000);
  }

  #move() {
    if (!this.#dialog?.open) this.#acted = true;
  }

  async #tick() {
    if (this.#asking) return;
    if (this.#acted && Date.now() - this.#toldAt >= this.#lead) return this.#ask("POST");
    if (Date.now() < this.#ends - this.#lead) return;
    if (!this.#dialog?.open || Date.now() >= this.#ends || this.#secondsLeft % 5 === 0) await this.#ask("GET");
    this.#show();
  }

  get #secondsLeft() {
    return Math.max(0, Math.round((this.#ends - Date.now()) / 1000));
  }

  /** @param {"GET" | "POST"} method */
  async #ask(method) {
    this.#asking = true;
    if (method === "POST") {
      this.#acted = false;
      this.#toldAt = Date.now();
    }
    try {
      const response = await fetch(this.#address, { method, body: method === "POST" ? this.#body() : undefined });
      const { seconds } = await response.json();
      this.#ends = Date.now() + seconds * 1000;
      if (!seconds) this.#leave();
    } catch {
      // The server is away for a moment; it is asked again.
    } finally {
      this.#asking = false;
    }
  }

  // What was typed is kept: a reading by its draft, on the server and in this browser, other long fields by keep_typed.js.
  #leave() {
    const here = location.pathname + location.search;
    location.assign(`${this.#signIn}?next=${encodeURIComponent(here)}`);
  }

  #show() {
    if (Date.now() < this.#ends - this.#lead) return this.#dialog?.close();
    this.#dialog ??= this.#build();
    if (!this.#dialog.open) this.#dialog.showModal();
    const n = this.#secondsLeft;
    const sentence = ngettext(
      "Nothing was done here for a while. In %(n)s second you are signed out.",
      "Nothing was done here for a while. In %(n)s seconds you are signed out.",
      n,
    );
    find(this.#dialog, "p", HTMLElement).textContent = interpolate(sentence, { n });
  }

  #build() {
    const stay = make("button", { class: "button button-primary" }, gettext("Stay signed in"));
    const title = make("h2", { id: "idle-title" }, gettext("Are you still there?"));
    const dialog = make("dialog", { class: "dialog", "aria-labelledby": "idle-title" }, title, make("p"), stay);
    stay.addEventListener("click", () => this.#stay());
    dialog.addEventListener("cancel", () => this.#stay());
    document.body.append(dialog);
    return dialog;
  }

  async #stay() {
    await this.#ask("POST");
    this.#dialog?.close();
  }
}

const told = document.body?.dataset.idle;
if (told) {
  const { alive = "", signIn = "" } = document.body.dataset;
  const form = () => find(document, "form[data-copies-of]", HTMLFormElement);
  new Idle({ address: alive, signIn, seconds: Number(told), body: () => new FormData(form()) }).start();
}
