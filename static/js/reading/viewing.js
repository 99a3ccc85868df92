// Makes the image viewer part of the desk: its keys act on the whole page, its key image is the form's, its keys stand in
// the same dialog.
import { groups } from "../viewer/actions.js";
import { spelled } from "../viewer/keys.js";

const keysOf = (action) => action.keys.map((key) => spelled(key).join(" ")).join(", ");

export const joinViewer = () => {
  const viewer = document.querySelector("scan-viewer");
  if (!viewer) return null;
  viewer.dataset.pageKeys = "";
  document.addEventListener("keys:collect", (event) => {
    for (const [title, actions] of groups()) event.detail.set(title, actions.map((action) => [keysOf(action), action.label]));
  });
  return viewer;
};
