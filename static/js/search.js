// @ts-check
// <form data-search="ID"> finds while one types: the element with that id gets the fragment, the address follows.
import { byId, findAll } from "./dom.js";
import { fetchFragment, parse, SignedOut } from "./fragment.js";

const WAIT = 180;

/** @param {HTMLFormElement} form */
const live = (form) => {
  const found = byId(form.dataset.search ?? "", HTMLElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {AbortController | undefined} */
  let request;

  const address = () => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string" && value) query.append(name, value);
    const text = query.toString();
    return text ? `${location.pathname}?${text}` : location.pathname;
  };

  const search = async () => {
    clearTimeout(timer);
    request?.abort();
    request = new AbortController();
    const url = address();
    found.setAttribute("aria-busy", "true");
    try {
      const html = await fetchFragment(url, { signal: request.signal });
      found.replaceChildren(...parse(html).childNodes);
      history.replaceState(null, "", url);
      found.dispatchEvent(new Event("fragment:ready", { bubbles: true }));
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      // The plain way still works, and shows the sign-in page where that is the reason.
      if (error instanceof SignedOut) location.assign(url);
      else form.submit();
    }
    found.removeAttribute("aria-busy");
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, WAIT);
  });
  form.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement) search();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
};

for (const form of findAll(document, "form[data-search]", HTMLFormElement)) live(form);
