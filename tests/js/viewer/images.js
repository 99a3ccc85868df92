// Small images, packed as the server packs them (diagnosis/scans/greyscale.py describes the bytes).
import { unpack } from "../../../static/js/viewer/greyscale.js";

/** Differences wrap around at the width of a pixel; 0, -1, 1, -2 … become 0, 1, 2, 3 … */
const code = (difference, bits) => {
  const wrapped = (difference << (32 - bits)) >> (32 - bits);
  return ((wrapped << 1) ^ (wrapped >> 31)) & (2 ** bits - 1);
};

export const pack = (rows, { bytes = 2, ...header } = {}) => {
  const flat = rows.flat();
  const head = {
    width: rows[0].length,
    height: rows.length,
    bytes,
    low: Math.min(...flat),
    high: Math.max(...flat),
    slope: 1,
    intercept: 0,
    unit: "",
    tone: { centre: 0, width: 1 },
    spacing: null,
    ...header,
  };
  const codes = rows.flatMap((row, y) =>
    row.map((value, x) => code(value - (x ? row[x - 1] : y ? rows[y - 1][0] : 0), 8 * bytes)),
  );
  const planes = bytes === 2 ? [...codes.map((one) => one >> 8), ...codes.map((one) => one & 0xff)] : codes;
  const text = new TextEncoder().encode(JSON.stringify(head));
  const out = new Uint8Array(8 + text.length + planes.length);
  const view = new DataView(out.buffer);
  out.set(new TextEncoder().encode("GREY"));
  view.setUint32(4, text.length, true);
  out.set(text, 8);
  out.set(planes, 8 + text.length);
  return out.buffer;
};

export const image = (rows, header) => unpack(pack(rows, header));

/** One row of values in Hounsfield units. */
export const ct = (values) => image([values], { unit: "HU" });

export const xray = (values, tone) => image([values], { tone });
