"""Whether three channels hold a colour picture or a grey one, and whether the grey has a tint."""

import numpy as np
import numpy.typing as npt

# A pixel counts as coloured when its channels differ by more than this (of 255), and a
# picture as a colour picture when more than this share of its pixels is coloured: five times
# what coloured arrows and letters reached on the published chest images measured (0.9 %).
COLOURED_SPREAD = 32
COLOURED_SHARE = 0.05
# A grey that no file of a machine has: a lamp, a screen or a sensor gave it a tint. JPEG leaves less than this
# between the channels of a grey picture, and coloured marks on published images cover at most 1.3 % of them.
TINTED_SPREAD = 8
TINTED_SHARE = 0.2


def is_coloured(rgb: npt.NDArray[np.uint8]) -> bool:
    """Of uint8 (h, w, 3 or more)."""
    return bool(np.mean(_spread(rgb) > COLOURED_SPREAD) > COLOURED_SHARE)


def is_tinted(rgb: npt.NDArray[np.uint8]) -> bool:
    """Of uint8 (h, w, 3 or more)."""
    return bool(np.mean(_spread(rgb) > TINTED_SPREAD) > TINTED_SHARE)


def _spread(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    return np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
