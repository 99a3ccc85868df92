// @ts-check
// Whether keys belong to a field that is being typed in.
const TEXT =
  "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=button], [type=submit], [type=range])";

/** @param {EventTarget | null} target */
export const isTyping = (target) => target instanceof Element && target.closest(TEXT) !== null;
