"""The colours of an attention map: equal steps of attention are equal steps of lightness.

The ramp is a straight line in lightness through OKLab (Björn Ottosson, "A perceptual color space for image processing",
2020), from dark violet over orange to pale yellow, so it keeps its order in grey print and for colour-blind readers.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STEPS = 256
LIGHTNESS = (0.32, 0.93)
HUE_DEGREES = (305.0, 460.0)  # violet → red → orange → yellow
CHROMA = 0.155
# Below the first share the image stays untouched; from the second on the colour is as opaque as the reader asks.
CLEAR_BELOW, FULL_FROM = 0.15, 0.75
# Raise it when the same map would get other colours.
RECIPE = 2

_LMS_FROM_LAB = np.array(
    [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]]
)
_RGB_FROM_LMS = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


@cache
def ramp() -> NDArray[np.uint8]:
    """RGBA, uint8 (256, 4), for attention 0 to 1."""
    t = np.linspace(0.0, 1.0, STEPS)
    alpha = np.interp(t, (CLEAR_BELOW, FULL_FROM), (0, 1))
    return np.column_stack([_srgb(_lab(t)), np.rint(255 * alpha)]).astype(np.uint8)


def _lab(t: NDArray[np.float64]) -> NDArray[np.float64]:
    lightness = np.interp(t, (0, 1), LIGHTNESS)
    hue = np.radians(np.interp(t, (0, 1), HUE_DEGREES))
    return np.column_stack([lightness, CHROMA * np.cos(hue), CHROMA * np.sin(hue)])


def _srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.clip((lab @ _LMS_FROM_LAB.T) ** 3 @ _RGB_FROM_LMS.T, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * encoded)


def tint(grey_png: bytes) -> bytes:
    """The RGBA PNG of an 8-bit grey attention map in our own storage."""
    with Image.open(BytesIO(grey_png), formats=["PNG"]) as grey:
        values = np.asarray(grey.convert("L"))
    return _png(ramp()[values])


@cache
def legend() -> str:
    """The opaque ramp, low to high from left to right, as a data: address."""
    opaque = ramp().copy()
    opaque[:, 3] = 255
    return "data:image/png;base64," + b64encode(_png(opaque[np.newaxis])).decode()


def _png(rgba: NDArray[np.uint8]) -> bytes:
    out = BytesIO()
    Image.fromarray(rgba, "RGBA").save(out, "PNG")
    return out.getvalue()
