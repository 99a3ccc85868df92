// @ts-check
// Makes the image viewer part of the desk: its keys act on the whole page, its key image is the form's, its keys stand in
// the same dialog.
import { find } from "../dom.js";
import { groups } from "../viewer/actions.js";
import { spelled } from "../viewer/keys.js";

/** @param {Action} action */
const keysOf = (action) => action.keys.map((key) => spelled(key).join(" ")).join(", ");

// The form keeps whether the scan is a key image; the viewer's own button and the box of the form are one switch.
/**
 * @param {ScanViewer} viewer
 * @param {HTMLFormElement} form
 */
const shareKeyImage = async (viewer, form) => {
  await customElements.whenDefined(viewer.localName);
  const box = find(form, "[name=is_key_image]", HTMLInputElement);
  const mark = () => viewer.markKeyImage(box.checked);
  box.addEventListener("change", mark);
  form.addEventListener("draft:restored", mark);
  viewer.addEventListener("viewer:key-image", (event) => {
    box.checked = /** @type {CustomEvent} */ (event).detail.on;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  });
  mark();
};

/** @param {HTMLFormElement} form */
export const joinViewer = (form) => {
  const viewer = /** @type {ScanViewer | null} */ (document.querySelector("scan-viewer"));
  if (!viewer) return null;
  viewer.dataset.pageKeys = "";
  shareKeyImage(viewer, form);
  document.addEventListener("keys:collect", (event) => {
    const { detail } = /** @type {CustomEvent<Map<string, string[][]>>} */ (event);
    for (const [title, actions] of groups())
      detail.set(
        title,
        actions.map((action) => [keysOf(action), action.label]),
      );
  });
  return viewer;
};
