"""PNGs of 16 bits per colour channel, of which Pillow keeps the upper eight: little is left of 12 bits in them."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

# How Pillow unpacks such a PNG (upper bytes first), and how to have the lower bytes instead.
_LOWER = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
# ITU-R BT.601 luma in 65536ths, as Pillow's own conversion.
_RED, _GREEN, _BLUE = 19595, 38470, 7471
_HALF = 1 << 7


def deep_grey(data: bytes, upper: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16] | None:
    """The grey of a colour PNG in 16 bits, uint16 (h, w), where its upper bytes alone would waste half of their range.

    `upper` is (h, w, 3 or more) as Pillow read it. None where it is enough as it is, or where there is no more.
    """
    if upper[..., :3].max() >= _HALF:
        return None
    lower = _lower_bytes(data)
    return None if lower is None else _luma(upper[..., :3].astype(np.uint16) * np.uint16(256) + lower)


def _lower_bytes(data: bytes) -> npt.NDArray[np.uint16] | None:
    with Image.open(BytesIO(data), formats=("PNG",)) as picture:
        (tile,) = picture.tile
        if tile.args not in _LOWER:
            return None
        picture.tile = [tile._replace(args=_LOWER[tile.args])]
        return np.asarray(picture)[..., :3].astype(np.uint16)


def _luma(rgb: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    red, green, blue = (rgb[..., channel].astype(np.uint32) for channel in range(3))
    return np.asarray((red * _RED + green * _GREEN + blue * _BLUE) >> 16, np.uint16)
