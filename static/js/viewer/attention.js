// Attention maps: where a classifier looked. Fetched only when they are switched on.

export class Attention {
  maps = []; // { name, shows, url } of the shown scan
  isOn = false;
  index = 0;

  #bitmaps = new Map(); // url → promise of an ImageBitmap

  get current() {
    return this.maps[this.index] ?? null;
  }

  /** What the colours mean, for the one who sees them. */
  get sentence() {
    if (!this.current) return "";
    const { name, shows } = this.current;
    return `Colour: where ${name} looked${shows && ` for “${shows}”`}, not where disease is`;
  }

  offer(maps) {
    this.maps = maps ?? [];
    if (this.index >= this.maps.length) this.index = 0;
  }

  next() {
    if (this.maps.length) this.index = (this.index + 1) % this.maps.length;
  }

  /** The picture to draw over the image, or null while it is off or has none. */
  async picture() {
    if (!this.isOn || !this.current) return null;
    const { url } = this.current;
    if (!this.#bitmaps.has(url)) this.#bitmaps.set(url, load(url));
    try {
      return await this.#bitmaps.get(url);
    } catch (error) {
      this.#bitmaps.delete(url);
      throw error;
    }
  }
}

async function load(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error("The attention map could not be fetched. Try again in a minute.");
  return createImageBitmap(await response.blob());
}
