// <form data-search="ID"> finds while one types: the element with that id gets the fragment, the address follows.
import { fetchFragment, parse, SignedOut } from "./fragment.js";

const WAIT = 180;

const live = (form) => {
  const found = document.getElementById(form.dataset.search);
  let timer, request;

  const address = () => {
    const chosen = [...new FormData(form)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(chosen).toString();
    return query ? `${location.pathname}?${query}` : location.pathname;
  };

  const find = async () => {
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
      if (error.name === "AbortError") return;
      // The plain way still works, and shows the sign-in page where that is the reason.
      if (error instanceof SignedOut) location.assign(url);
      else form.submit();
    }
    found.removeAttribute("aria-busy");
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, WAIT);
  });
  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) find();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    find();
  });
};

document.querySelectorAll("form[data-search]").forEach(live);
