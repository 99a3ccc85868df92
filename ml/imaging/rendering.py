"""Pixels into a PNG that a browser shows."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.imaging.image import Pixels

# zlib level: radiographs hardly shrink further above it, and it is several times faster
# than the default (docs/manual/imaging.md has the numbers).
COMPRESS_LEVEL = 1


def shrunk_size(width: int, height: int, max_side: int) -> tuple[int, int]:
    """The size in the same shape whose longer side is at most `max_side` pixels."""
    scale = min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _bytes(pixels: Pixels) -> npt.NDArray[np.uint8]:
    scaled = np.multiply(pixels, 255, dtype=np.float32)
    scaled += np.float32(0.5)
    np.fmax(scaled, 0, out=scaled)  # fmax and fmin prefer the number to NaN
    np.fmin(scaled, 255, out=scaled)
    return scaled.astype(np.uint8)


def shrunk(pixels: Pixels, *, max_side: int | None = None) -> npt.NDArray[np.uint8]:
    """`pixels`, float (height, width) in [0, 1], as uint8 of the same shape; shrunk, never enlarged.

    Values outside [0, 1] are clipped and NaN is black.
    """
    greys = _bytes(pixels)
    if max_side is None or max(greys.shape) <= max_side:
        return greys
    picture = Image.fromarray(greys)
    size = shrunk_size(picture.width, picture.height, max_side)
    return np.asarray(picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0))


def as_png(greys: npt.NDArray[np.uint8]) -> bytes:
    """An 8-bit grey PNG of `greys`, (height, width)."""
    out = BytesIO()
    Image.fromarray(greys).save(out, "PNG", compress_level=COMPRESS_LEVEL)
    return out.getvalue()


def render_png(pixels: Pixels, *, max_side: int | None = None) -> bytes:
    """An 8-bit grey PNG of `pixels`, as `shrunk` draws them."""
    return as_png(shrunk(pixels, max_side=max_side))
