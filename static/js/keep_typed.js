// @ts-check
// Long fields of any form outlive an idle log-off: they are kept while they are typed into, and come back after signing in.
// A form with a draft of its own (data-draft) sees to itself.
import { findAll } from "./dom.js";
import { gettext, interpolate, language, timeZone } from "./i18n.js";
import { reader } from "./reading/copies.js";
import { Typed } from "./typed.js";
import { make } from "./viewer/elements.js";

const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", timeZone });

/** @param {HTMLFormElement} form */
const fieldsOf = (form) => findAll(form, "textarea[name]", HTMLTextAreaElement).filter((field) => !field.readOnly);

/** Of two forms with one address the second is another one. @param {HTMLFormElement[]} forms @param {number} index */
const nameOf = (forms, index) => {
  const address = forms[index]?.getAttribute("action") ?? "";
  const before = forms.slice(0, index).filter((form) => (form.getAttribute("action") ?? "") === address);
  return `${address}#${before.length}`;
};

/**
 * @param {Typed} typed
 * @param {HTMLFormElement} form
 * @param {string} name
 */
const watch = (typed, form, name) => {
  const { changed, at } = typed.restore(name, fieldsOf(form));
  for (const field of changed) {
    field.dispatchEvent(new Event("input", { bubbles: true }));
    for (let fold = field.closest("details"); fold; fold = fold.parentElement?.closest("details") ?? null)
      fold.open = true;
    const sentence = interpolate(gettext("What you typed at %(time)s is restored"), { time: clock.format(at) });
    field.after(make("p", { class: "small muted", role: "status" }, sentence));
  }
  form.addEventListener("input", () => typed.keep(name, fieldsOf(form)));
  form.addEventListener("submit", () => typed.send(name));
};

const start = () => {
  const person = reader();
  const typed = new Typed(sessionStorage, person, location.pathname);
  if (!person) return typed.turnBack();
  typed.arrive();
  const forms = findAll(document, "form[method=post]:not([data-draft])", HTMLFormElement);
  forms.forEach((form, index) => {
    if (form.dataset.copiesOf) form.addEventListener("submit", () => typed.forgetAll());
    else if (fieldsOf(form).length) watch(typed, form, nameOf(forms, index));
  });
};

start();
