// @ts-check
// The button of a passkey's form: the browser asks for one, and what it answers goes to the server in the form.
import { byId, find, findAll } from "./dom.js";
import { gettext } from "./i18n.js";

const json = /** @type {{ webauthnJSON: Record<string, (options: unknown) => Promise<unknown>> }} */ (
  /** @type {unknown} */ (window)
);

/** @param {HTMLFormElement} form */
const prepare = (form) => {
  const said = find(form, "[data-said]", HTMLElement);
  const button = find(form, "button", HTMLButtonElement);
  if (!window.PublicKeyCredential) {
    button.disabled = true;
    said.textContent = gettext("Passkeys work only over https, in a browser that knows them.");
    return;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.textContent = gettext("Follow what your browser asks.");
    try {
      find(form, "[name=credential]", HTMLInputElement).value = JSON.stringify(await answer(form));
      form.submit();
    } catch {
      said.textContent = gettext("Nothing was confirmed. Try again, or choose another way.");
    }
  });
};

/** @param {HTMLFormElement} form */
const answer = (form) => {
  const told = JSON.parse(byId("passkey-options", HTMLScriptElement).textContent ?? "{}");
  const creates = form.dataset.passkey === "create";
  return creates ? json.webauthnJSON.create(told.creation_options) : json.webauthnJSON.get(told.request_options);
};

for (const form of findAll(document, "form[data-passkey]", HTMLFormElement)) prepare(form);
