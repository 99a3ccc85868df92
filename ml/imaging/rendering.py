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


def render_png(pixels: Pixels, *, max_side: int | None = None) -> bytes:
    """An 8-bit grey PNG of `pixels`, float (height, width) in [0, 1]; shrunk, never enlarged.

    Values outside [0, 1] are clipped and NaN is black.
    """
    picture = Image.fromarray(_bytes(pixels))
    if max_side is not None:
        size = shrunk_size(picture.width, picture.height, max_side)
        picture = picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    out = BytesIO()
    picture.save(out, "PNG", compress_level=COMPRESS_LEVEL)
    return out.getvalue()
