"""Reads a page in the pseudo-locale as a person and a screen reader would, and lists what is not translated.

Translated text stands in ⟦ ⟧. What is data carries translate="no", or is one of the few things of `UNITS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from playwright.sync_api import Page

# Runs of text by block, because a sentence with a link in it is several text nodes; attributes one by one.
COLLECT = r"""() => {
  const SPOKEN = ["title", "placeholder", "aria-label", "alt", "aria-valuetext", "aria-description",
    "aria-roledescription", "data-label", "data-key-label"];
  const BLOCK = "p,li,div,td,th,dt,dd,h1,h2,h3,h4,h5,h6,label,button,summary,option,legend,figcaption,text,title,"
    + "caption,section,nav,main,header,footer,aside,article,form,fieldset,body,desc";
  const silent = (element) => element.closest("[translate=no],script,style,template,noscript,code,kbd,samp,textarea");
  const where = (element) => {
    const names = element.className?.baseVal ?? element.className;
    const mark = element.id ? "#" + element.id : names ? "." + String(names).split(" ")[0] : "";
    return element.tagName.toLowerCase() + mark;
  };
  const found = [[document.title, "title"]];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let block = null;
  let text = "";
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!parent || silent(parent)) continue;
    const own = parent.closest(BLOCK);
    if (own !== block) {
      if (block) found.push([text, where(block)]);
      [block, text] = [own, ""];
    }
    text += node.data;
  }
  if (block) found.push([text, where(block)]);
  for (const element of document.body.querySelectorAll("*")) {
    if (silent(element)) continue;
    for (const name of SPOKEN) {
      const value = element.getAttribute(name);
      if (value) found.push([value, where(element) + " " + name]);
    }
    if (element.matches("optgroup[label],option[label]")) found.push([element.label, where(element) + " label"]);
    if (element.matches("input[type=submit],input[type=button],input[type=reset]"))
      found.push([element.value, where(element) + " value"]);
  }
  return found;
}"""
TRANSLATED = re.compile(r"⟦[^⟦⟧]*⟧")
WORD = re.compile(r"[^\W\d_]{2,}")
# The same in every language: units, kinds of files, the names of keys.
UNITS = re.compile(
    r"\b(?:mm|cm|px|ms|kB|KB|MB|GB|HU|kVp?|mAs|PNG|JPEG|DICOM|CSV|PDF|CT|API|UTC|SHA|Ctrl|Shift|Alt|Esc|Enter|PgUp|PgDn)\b"
)


def unwrapped(page: Page, *, data: Iterable[str]) -> list[str]:
    """“where: words” for each text of `page` that is neither translated nor one of the names and numbers in `data`."""
    known = sorted(filter(None, data), key=len, reverse=True)
    found = []
    for text, where in page.evaluate(COLLECT):
        if rest := _left_over(str(text), known):
            found.append(f"{where}: {rest}")
    return list(dict.fromkeys(found))


def left_over(text: str, *, data: Iterable[str]) -> str:
    """The words of `text` that are neither translated nor in `data`; empty: none."""
    return _left_over(text, sorted(filter(None, data), key=len, reverse=True))


def _left_over(text: str, known: list[str]) -> str:
    rest = _without(text, known)
    return " ".join(rest.split()) if WORD.search(rest) else ""


def _without(text: str, known: list[str]) -> str:
    """What is left of `text` without translations (the inner ones first) and data."""
    for name in known:
        text = text.replace(name, "")
    before = ""
    while before != text:
        before, text = text, TRANSLATED.sub("", text)
    return UNITS.sub("", text)
