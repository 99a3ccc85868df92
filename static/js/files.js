// The files in a drop, folders opened.
import { gettext, interpolate, ngettext, number } from "./i18n.js";

const read = (directory) =>
  new Promise((resolve, reject) => {
    const reader = directory.createReader();
    const entries = [];
    // A reader gives at most a hundred entries at a time, and an empty list at the end.
    const more = () =>
      reader.readEntries((some) => {
        if (!some.length) return resolve(entries);
        entries.push(...some);
        more();
      }, reject);
    more();
  });

const within = async (entry) => {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const entries = (await read(entry)).filter((inner) => !inner.name.startsWith("."));
  return (await Promise.all(entries.map(within))).flat();
};

export const droppedFiles = async (transfer) => {
  // Both lists are emptied as soon as the event is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [...transfer.files];
  if (!entries.some((entry) => entry.isDirectory)) return files;
  return (await Promise.all(entries.map(within))).flat();
};

export const sizeText = (bytes) => {
  if (bytes < 1000) return interpolate(ngettext("%(count)s byte", "%(count)s bytes", bytes), { count: bytes });
  if (bytes < 1e6) return interpolate(gettext("%(size)s kB"), { size: number(bytes / 1000) });
  return interpolate(gettext("%(size)s MB"), { size: number(bytes / 1e6, 1) });
};
