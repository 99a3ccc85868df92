// @ts-check
// The files in a drop or a choice, folders opened.
import { gettext, interpolate, ngettext, number } from "./i18n.js";

/** @param {FileSystemDirectoryEntry} directory @returns {Promise<FileSystemEntry[]>} */
const read = (directory) =>
  new Promise((resolve, reject) => {
    const reader = directory.createReader();
    /** @type {FileSystemEntry[]} */
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

/** @param {FileSystemEntry} entry @returns {entry is FileSystemFileEntry} */
const isFile = (entry) => entry.isFile;

/** @param {FileSystemEntry} entry @param {string} folder @returns {Promise<FoundFile[]>} */
const within = async (entry, folder) => {
  const path = folder + entry.name;
  if (isFile(entry)) return [{ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path }];
  const entries = await read(/** @type {FileSystemDirectoryEntry} */ (entry));
  return (await Promise.all(entries.map((inner) => within(inner, `${path}/`)))).flat();
};

/** @param {DataTransfer} transfer @returns {Promise<FoundFile[]>} */
export const droppedFiles = async (transfer) => {
  // Both lists are emptied as soon as the event is over.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry?.() ?? []);
  const files = [...transfer.files];
  if (!entries.some((entry) => entry.isDirectory)) return chosenFiles(files);
  return (await Promise.all(entries.map((entry) => within(entry, "")))).flat();
};

/** @param {Iterable<File>} files of an input, which may be one for folders @returns {FoundFile[]} */
export const chosenFiles = (files) => [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

/** @param {number} bytes */
export const sizeText = (bytes) => {
  if (bytes < 1000) return interpolate(ngettext("%(count)s byte", "%(count)s bytes", bytes), { count: bytes });
  if (bytes < 1e6) return interpolate(gettext("%(size)s kB"), { size: number(bytes / 1000) });
  return interpolate(gettext("%(size)s MB"), { size: number(bytes / 1e6, 1) });
};
