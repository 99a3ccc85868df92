// @ts-check
// What chosen files are, by their first bytes: which to send, which to ask about first, and which lie beside the images
// of a disc and are left out. The server looks again; nothing is accepted or refused by what is found here.

const HEAD_BYTES = 16_384;
const SYSTEM_NAMES = ["__macosx", "thumbs.db", "desktop.ini"];
const DISC_INDEX = "1.2.840.10008.1.3.10"; // storage class of a DICOMDIR; stands in the first few hundred bytes

/** @param {Uint8Array} head @param {number} at @param {number[]} bytes */
const stands = (head, at, bytes) => bytes.every((byte, offset) => head[at + offset] === byte);

/** @param {Uint8Array} head */
const text = (head) => String.fromCharCode(...head);

/** @param {Uint8Array} head */
const isPlainText = (head) => head.every((byte) => byte >= 32 || [9, 10, 12, 13, 27].includes(byte));

/** @param {string} path */
const isHidden = (path) =>
  path.split("/").some((part) => (part.startsWith(".") && part !== "..") || SYSTEM_NAMES.includes(part.toLowerCase()));

/** @param {Uint8Array} head @param {string} path @returns {FileKind} */
export const kindOf = (head, path) => {
  if (isHidden(path) || !head.length) return "beside";
  if (stands(head, 128, [0x44, 0x49, 0x43, 0x4d]))
    return text(head.subarray(0, 1024)).includes(DISC_INDEX) ? "beside" : "dicom";
  if (stands(head, 0, [0x89, 0x50, 0x4e, 0x47]) || stands(head, 0, [0xff, 0xd8, 0xff])) return "picture";
  if (stands(head, 0, [0x50, 0x4b, 3, 4]) || stands(head, 0, [0x50, 0x4b, 5, 6])) return "archive";
  // A program, a PDF, a GIF
  const other = ["MZ", "\x7fELF", "%PDF", "GIF8", "BM"].some((mark) => text(head.subarray(0, 4)).startsWith(mark));
  return other || isPlainText(head.subarray(0, 4096)) ? "beside" : "unknown";
};

/**
 * The Study Instance UID (0020,000D), little endian, with or without its type; "" where it is not among these bytes.
 * @param {Uint8Array} head
 */
export const studyOf = (head) => {
  for (let at = 132; at + 8 < head.length; at += 1) {
    if (!stands(head, at, [0x20, 0, 0x0d, 0])) continue;
    const length = stands(head, at + 4, [0x55, 0x49]) ? head[at + 6] : head[at + 4];
    const uid = text(head.subarray(at + 8, at + 8 + length)).replace(/[\0 ]+$/, "");
    if (/^[\d.]{3,64}$/.test(uid)) return uid;
  }
  return "";
};

/** @param {FoundFile} found @returns {Promise<SortedFile>} */
const look = async ({ file, path }) => {
  const head = new Uint8Array(
    await file
      .slice(0, HEAD_BYTES)
      .arrayBuffer()
      .catch(() => new ArrayBuffer(0)),
  );
  const kind = file.size && !head.length ? "unknown" : kindOf(head, path);
  return { file, path, kind, study: kind === "dicom" ? studyOf(head) : "" };
};

/**
 * What to send, in the order of the folder, and what is left out. A single file is sent whatever it is: the server has
 * the better sentence for it; only the index of a disc never is.
 * @param {FoundFile[]} found
 */
export const sort = async (found) => {
  const all = await Promise.all(found.map(look));
  all.sort((one, other) => one.path.localeCompare(other.path, "en", { numeric: true }));
  /** @param {SortedFile} one */
  const isLeftOut = ({ kind, path }) => kind === "beside" && (path.includes("/") || path.toUpperCase() === "DICOMDIR");
  return { wanted: all.filter((one) => !isLeftOut(one)), leftOut: all.filter(isLeftOut) };
};
