// @ts-check
// Makes the image viewer part of the desk: its keys act on the whole page, its key images are the form's, its keys stand in
// the same dialog.
import { find } from "../dom.js";
import { interpolate, ngettext } from "../i18n.js";
import { groups } from "../viewer/actions.js";
import { spelled } from "../viewer/keys.js";

/** @param {Action} action */
const keysOf = (action) => action.keys.map((key) => spelled(key).join(" ")).join(", ");

// The form keeps what was marked and measured. Its box and the viewer's own button are one switch, for the active image.
/**
 * @param {ScanViewer} viewer
 * @param {HTMLFormElement} form
 */
const shareKeyImages = async (viewer, form) => {
  await customElements.whenDefined(viewer.localName);
  const box = find(form, "[name=is_key_image]", HTMLInputElement);
  const field = find(form, "[name=key_images]", HTMLInputElement);
  const line = find(form, "[data-key-list]", HTMLElement);
  const show = () => {
    box.checked = viewer.isKeyImage;
    line.textContent = summary(read(field.value));
  };
  const restore = () => {
    viewer.kept = read(field.value);
    show();
  };
  box.addEventListener("change", (event) => {
    event.stopPropagation();
    viewer.toggleKeyImage();
  });
  viewer.addEventListener("viewer:key-image", () => {
    field.value = JSON.stringify(viewer.kept);
    show();
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
  for (const name of ["viewer:slice", "viewer:active"]) viewer.addEventListener(name, show);
  form.addEventListener("draft:restored", restore);
  await viewer.ready;
  field.value ||= "[]"; // the server then takes this list, and not the box, which speaks of one image
  restore();
};

/**
 * @param {string} text
 * @returns {MarkedImage[]}
 */
const read = (text) => {
  try {
    return JSON.parse(text || "[]");
  } catch {
    return [];
  }
};

/** What the report will show of it. @param {MarkedImage[]} kept */
const summary = (kept) => {
  const keys = kept.filter(({ key }) => key);
  const measured = keys.reduce((sum, { measurements }) => sum + measurements.length, 0);
  const left = kept.filter(({ key }) => !key).reduce((sum, { measurements }) => sum + measurements.length, 0);
  const told = interpolate(
    ngettext("In the report: %(count)s key image", "In the report: %(count)s key images", keys.length),
    { count: keys.length },
  );
  const with_ = interpolate(ngettext("%(count)s measurement on it", "%(count)s measurements on them", measured), {
    count: measured,
  });
  const without = interpolate(
    ngettext(
      "%(count)s measurement is on no key image and stays out of the report",
      "%(count)s measurements are on no key image and stay out of the report",
      left,
    ),
    { count: left },
  );
  return [keys.length && told, measured && with_, left && without].filter(Boolean).join(" · ");
};

/** @param {HTMLFormElement} form */
export const joinViewer = (form) => {
  const viewer = /** @type {ScanViewer | null} */ (document.querySelector("scan-viewer"));
  if (!viewer) return null;
  viewer.dataset.pageKeys = "";
  shareKeyImages(viewer, form);
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
