// @ts-check
// Words typed into the long fields of a form, kept in this window until the server has them: by person, page and form, so
// that nobody is shown what another person typed at the same machine. Never passwords, never files.

const PREFIX = "typed-words:";
const OLDEST = 12 * 3_600_000; // milliseconds; nobody is signed in for longer

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} value
 * @property {string} defaultValue what the page came with
 *
 * @typedef {object} Words
 * @property {Record<string, { value: string, was: string }>} fields by name
 * @property {number} at when they were typed, by this browser's clock
 * @property {boolean} sent and no answer seen yet
 */

export class Typed {
  #store;
  #person;
  #path;

  /**
   * @param {Storage} store
   * @param {string} person the key of who is signed in; empty where nobody is
   * @param {string} path of the page
   */
  constructor(store, person, path) {
    this.#store = store;
    this.#person = person;
    this.#path = path;
  }

  /** @param {string} form */
  #keyOf(form) {
    return `${PREFIX}${this.#person}:${this.#path}:${form}`;
  }

  /**
   * What differs from what the page came with; nothing is kept where nothing does.
   * @param {string} form
   * @param {Field[]} fields
   */
  keep(form, fields) {
    const changed = fields.filter(({ value, defaultValue }) => value !== defaultValue);
    if (!changed.length) return this.#trying(() => this.#store.removeItem(this.#keyOf(form)));
    const kept = changed.map(({ name, value, defaultValue }) => [name, { value, was: defaultValue }]);
    this.#write(this.#keyOf(form), { fields: Object.fromEntries(kept), at: Date.now(), sent: false });
  }

  /**
   * The form is on its way. What becomes of it the next page knows.
   * @param {string} form
   */
  send(form) {
    const words = this.#read(this.#keyOf(form));
    if (words) this.#write(this.#keyOf(form), { ...words, sent: true });
  }

  /** A page of somebody who is signed in: what was sent has arrived, and what others typed is not theirs to see. */
  arrive() {
    for (const key of this.#keys()) {
      const words = this.#read(key);
      const isOwn = key.startsWith(`${PREFIX}${this.#person}:`);
      if (!isOwn || !words || words.sent || Date.now() - words.at > OLDEST)
        this.#trying(() => this.#store.removeItem(key));
    }
  }

  /** The sign-in page: whoever was sent here has sent nothing. */
  turnBack() {
    for (const key of this.#keys()) {
      const words = this.#read(key);
      if (words?.sent) this.#write(key, { ...words, sent: false });
    }
  }

  /** Whoever signs out leaves nothing. */
  forgetAll() {
    for (const key of this.#keys()) this.#trying(() => this.#store.removeItem(key));
  }

  /**
   * Put what is kept into fields that still hold what they held then; returns those that changed, and when it was typed.
   * @template {Field} F
   * @param {string} form
   * @param {F[]} fields
   * @returns {{ changed: F[], at: number }}
   */
  restore(form, fields) {
    const words = this.#read(this.#keyOf(form));
    const changed = fields.filter(({ name, value, defaultValue }) => {
      const kept = words?.fields[name];
      return kept && value === defaultValue && kept.was === defaultValue && kept.value !== value;
    });
    for (const field of changed) field.value = words?.fields[field.name]?.value ?? "";
    return { changed, at: words?.at ?? 0 };
  }

  #keys() {
    /** @type {string[]} */
    let found = [];
    this.#trying(() => {
      const all = Array.from({ length: this.#store.length }, (_, index) => this.#store.key(index) ?? "");
      found = all.filter((key) => key.startsWith(PREFIX));
    });
    return found;
  }

  /**
   * @param {string} key
   * @returns {Words | null}
   */
  #read(key) {
    try {
      return JSON.parse(this.#store.getItem(key) ?? "null");
    } catch {
      return null;
    }
  }

  /** @param {string} key @param {Words} words */
  #write(key, words) {
    this.#trying(() => this.#store.setItem(key, JSON.stringify(words)));
  }

  /** Storage may be switched off or full: then nothing is kept. @param {() => void} work */
  #trying(work) {
    try {
      work();
    } catch (error) {
      console.warn(error);
    }
  }
}
