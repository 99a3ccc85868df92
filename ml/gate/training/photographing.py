"""Chest images as a telephone photographs them: off a light box, off a monitor, against a window, printed on paper.

There are no photographs of films whose export is known too, so they are made: the image lies askew in a frame with what
would be around it, a monitor has its grid of pixels, light falls off to the corners or shines in a spot, the camera has
a curve, a tint, noise and blur of its own, and the file is a JPEG.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from ml.gate.training.corruptions import GreyImage, Random

Values = npt.NDArray[np.float64]
FRAME = 900


@dataclass(frozen=True)
class Setting:
    """What is around the image, the margins around it as shares of the frame, and how far its corners are moved."""

    around: Literal["light", "screen", "window", "table"]
    margins: tuple[float, float]
    askew: float


# Tight ones have hardly an edge of the image in them, or none.
SETTINGS: Mapping[str, Setting] = {
    "light box": Setting("light", (0.06, 0.2), 0.03),
    "light box, tight": Setting("light", (-0.01, 0.05), 0.015),
    "monitor": Setting("screen", (0.06, 0.2), 0.03),
    "monitor, tight": Setting("screen", (-0.12, -0.02), 0.02),
    "window": Setting("window", (0.06, 0.2), 0.03),
    "print": Setting("table", (0.06, 0.2), 0.03),
}


def photograph(picture: GreyImage, setting: Setting, random: Random) -> Image.Image:
    """An RGB picture, FRAME high."""
    image = np.asarray(picture, dtype=np.float64) / 255
    height, width = FRAME, round(FRAME * random.uniform(0.75, 1.0))
    corners = _corners(image.shape, (height, width), setting, random)
    across, down = _places_in(image.shape, corners, (height, width))
    scene = _scene(image, across, down, setting, random)
    return _developed(_lit(scene, random), random)


def homography(sources: Values, targets: Values) -> Values:
    """The 3 x 3 matrix that carries four points (x, y) to four others."""
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(sources, targets, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.append(np.linalg.solve(np.array(rows), targets.reshape(-1)), 1.0).reshape(3, 3)


def rectangle(size: tuple[int, ...]) -> Values:
    """The corners (x, y) of a picture of `size` (h, w), from the upper left one clockwise."""
    height, width = size
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)


def _corners(image: tuple[int, ...], frame: tuple[int, int], setting: Setting, random: Random) -> Values:
    size, margins = np.array(frame[::-1], dtype=np.float64), random.uniform(*setting.margins, 4)
    low, high = margins[:2] * size, size - margins[2:] * size
    if setting.margins[0] > 0:  # all of it is in the frame, in its own shape
        spare = (high - low) - np.array(image[::-1]) * min((high - low) / np.array(image[::-1]))
        low, high = low + spare / 2, high - spare / 2
    flat = rectangle((1, 1)) * (high - low) + low
    turn = np.deg2rad(random.normal(0, 2))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = random.uniform(-setting.askew, setting.askew, (4, 2)) * size
    return (flat - flat.mean(axis=0)) @ turned.T + flat.mean(axis=0) + moved


def _places_in(image: tuple[int, ...], corners: Values, frame: tuple[int, int]) -> tuple[Values, Values]:
    """Which place of the image each pixel of the photograph shows, across and down."""
    down, across = np.mgrid[0 : frame[0], 0 : frame[1]] + 0.5
    x, y, z = np.tensordot(homography(corners, rectangle(image)), np.stack([across, down, np.ones(frame)]), 1)
    return x / z, y / z


def _scene(image: Values, across: Values, down: Values, setting: Setting, random: Random) -> Values:
    height, width = image.shape
    shown = random.uniform(0.01, 0.08) + random.uniform(0.6, 0.95) * _sampled(image, across, down)
    if setting.around == "light":
        shown = shown * 0.85
    if setting.around == "screen":
        grid = random.uniform(900, 1400) / width
        waves = np.cos(2 * np.pi * across * grid) + np.cos(2 * np.pi * down * grid)
        shown = shown * (1 + random.uniform(0.04, 0.18) * waves / 2)
    inside = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    return np.where(inside, shown, _surroundings(image, across, down, setting, random))


def _sampled(image: Values, across: Values, down: Values) -> Values:
    height, width = image.shape
    x, y = np.clip(across - 0.5, 0, width - 1.001), np.clip(down - 0.5, 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    x, y = x - left, y - top
    above = image[top, left] * (1 - x) + image[top, right] * x
    below = image[bottom, left] * (1 - x) + image[bottom, right] * x
    return np.asarray(above * (1 - y) + below * y)


def _surroundings(image: Values, across: Values, down: Values, setting: Setting, random: Random) -> Values:
    frame = across.shape
    if setting.around == "light":
        return random.uniform(0.85, 1.1) * (0.9 + 0.2 * _uneven(frame, 3, random))
    if setting.around == "window":
        return random.uniform(0.4, 0.9) * (0.5 + _uneven(frame, 6, random))
    if setting.around == "table":
        return random.uniform(0.25, 0.8) * (0.8 + 0.4 * _uneven(frame, 40, random))
    height, width = image.shape
    bezel = 0.03 * width
    framed = (across > -bezel) & (across < width + bezel) & (down > -bezel) & (down < height + bezel)
    room = random.uniform(0.05, 0.6) * (0.6 + 0.8 * _uneven(frame, 5, random))
    return np.where(framed, random.uniform(0.01, 0.05), room)


def _uneven(frame: tuple[int, ...], cells: int, random: Random) -> Values:
    height, width = frame
    drawn = Image.fromarray(random.random((cells, cells)).astype(np.float32))
    return np.asarray(drawn.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)


def _lit(scene: Values, random: Random) -> Values:
    height, width = scene.shape
    down, across = np.mgrid[0:height, 0:width]
    away = ((across - width / 2) ** 2 + (down - height / 2) ** 2) / ((width**2 + height**2) / 4)
    lit = scene * (1 - random.uniform(0.05, 0.35) * away)
    if random.random() < 0.5:
        x, y, spread = random.uniform(0, width), random.uniform(0, height), random.uniform(0.05, 0.2) * width
        spot = np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * spread**2))
        lit = lit + random.uniform(0.1, 0.4) * spot
    return np.asarray(lit)


def _developed(scene: Values, random: Random) -> Image.Image:
    curved = np.clip(scene, 0, 1) ** random.uniform(0.8, 1.25)
    tinted = np.clip(curved[..., np.newaxis] * (1 + random.normal(0, 0.03, 3)), 0, 1)
    noisy = tinted + random.normal(0, random.uniform(0.004, 0.015), tinted.shape)
    picture = Image.fromarray((np.clip(noisy, 0, 1) * 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 1.0)))
    file = BytesIO()
    picture.save(file, "JPEG", quality=int(random.integers(60, 93)))
    return Image.open(file).convert("RGB")
