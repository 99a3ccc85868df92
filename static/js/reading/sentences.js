// Suggested sentences: those of the chosen category show, numbered from 5 on (1 to 4 are the categories).
import { gettext, interpolate } from "../i18n.js";

const KEYS = ["5", "6", "7", "8", "9", "0"];

export const showSentences = (form) => {
  const category = form.elements.category.value;
  let shown = 0;
  for (const item of form.querySelectorAll(".sentences > [data-category]")) {
    item.hidden = item.dataset.category !== category;
    if (item.hidden) continue;
    const key = KEYS[shown++];
    const button = item.firstElementChild;
    button.querySelector("kbd").textContent = key ? `⇧${key}` : "";
    if (key) button.dataset.key = `Shift+${key}`;
    button.dataset.keyLabel = interpolate(gettext("Insert: %(sentence)s"), {
      sentence: button.querySelector("span").textContent,
    });
  }
};

// Puts the sentence at the end, or takes it away again where it is already there.
const toggle = (field, sentence) => {
  const text = field.value;
  if (text.includes(sentence)) field.value = text.replace(sentence, "").replace(/ {2,}/g, " ").trim();
  else field.value = text && !/\s$/.test(text) ? `${text} ${sentence}` : text + sentence;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};

export const startSentences = (form) => {
  form.addEventListener("change", (event) => event.target.name === "category" && showSentences(form));
  form.addEventListener("click", (event) => {
    const button = event.target.closest(".sentence");
    if (button) toggle(document.getElementById(button.dataset.into), button.querySelector("span").textContent);
  });
  form.addEventListener("input", () => mark(form));
  const show = () => {
    showSentences(form);
    mark(form);
  };
  form.addEventListener("draft:restored", show);
  show();
};

const mark = (form) => {
  for (const button of form.querySelectorAll(".sentence")) {
    const used = document
      .getElementById(button.dataset.into)
      .value.includes(button.querySelector("span").textContent.trim());
    button.setAttribute("aria-pressed", used);
  }
};
