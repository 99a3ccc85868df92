"""Random variations of an image and its mask, so that the lungs are found wherever and however they are shown.

Hospitals differ in how much of the body an image holds, exports add borders and letters, disease makes lungs as bright
as what is around them. The mask moves with the image and does not care for its greys.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from ml.training.data.augmentation import Grey

Random = np.random.Generator
Masks = NDArray[np.uint8]

MILD_ROTATION, STRONG_ROTATION = 8.0, 25.0
MILD_SCALE, STRONG_SCALE = (0.85, 1.2), (0.4, 1.7)
STRONG_SHARE = 0.3
ASPECT_CHANGE = 0.2
SHIFT = 0.06
GAMMA_RANGE = 0.6
GRADIENT = 0.3
CLIPPED_PERCENT = 12.0
NOISE_DEVIATION = 10.0
OPACITY_SHARE, CLIPPED_SHARE, BLURRED_SHARE, ERASED_SHARE, LETTERED_SHARE = 0.35, 0.2, 0.2, 0.2, 0.3
OPACITY_RADIUS, OPACITY_STRENGTH = (0.04, 0.16), (0.3, 1.0)
ERASED_SIDE = (0.05, 0.25)


@dataclass(frozen=True)
class Placement:
    """Where the image lies in the picture: what Pillow's affine transform takes, from picture to image."""

    matrix: tuple[float, float, float, float, float, float]

    @classmethod
    def drawn(cls, side: int, random: Random) -> "Placement":
        """Turned, scaled, stretched, shifted and mirrored at random. `side` of the square image, in pixels."""
        strong = random.random() < STRONG_SHARE
        low, high = STRONG_SCALE if strong else MILD_SCALE
        limit = STRONG_ROTATION if strong and random.random() < 0.3 else MILD_ROTATION
        angle = math.radians(random.uniform(-limit, limit))
        zoom = math.exp(-random.uniform(math.log(low), math.log(high)))
        stretch = math.exp(random.uniform(-ASPECT_CHANGE, ASPECT_CHANGE) / 2)
        slack = SHIFT + abs(1.0 - zoom) / 2
        centre_x, centre_y = (side * (0.5 + random.uniform(-slack, slack)) for _ in "xy")
        mirrored = -1.0 if random.random() < 0.5 else 1.0
        a, b = mirrored * zoom * stretch * math.cos(angle), -zoom / stretch * math.sin(angle)
        d, e = mirrored * zoom * stretch * math.sin(angle), zoom / stretch * math.cos(angle)
        return cls((a, b, centre_x - (a + b) * side / 2, d, e, centre_y - (d + e) * side / 2))

    def apply(self, image: Grey, resampling: Image.Resampling, outside: int = 0) -> Grey:
        """Move a square uint8 image; what lies outside it becomes `outside`."""
        moved = Image.fromarray(image).transform(
            image.shape[::-1], Image.Transform.AFFINE, self.matrix, resampling, fillcolor=outside
        )
        return np.asarray(moved)


def vary(image: Grey, mask: Masks, random: Random) -> tuple[Grey, Masks]:
    """A random variation of a square grey image uint8 (s, s) and of its mask uint8 (s, s) of 0 and 1."""
    placement = Placement.drawn(len(image), random)
    if random.random() < OPACITY_SHARE:
        image = _with_opacities(image, mask, random)
    outside = int(random.integers(0, 256)) if random.random() < 0.4 else 0
    moved = placement.apply(image, Image.Resampling.BILINEAR, outside)
    lungs = placement.apply(mask * np.uint8(255), Image.Resampling.BILINEAR) > 127
    moved = _change_greys(moved, random)
    if random.random() < BLURRED_SHARE:
        moved = _blurred(moved, random)
    if random.random() < LETTERED_SHARE:
        moved = _lettered(moved, random)
    if random.random() < ERASED_SHARE:
        moved = _erased(moved, random)
    return moved, lungs.astype(np.uint8)


def without_lungs(side: int, random: Random) -> Grey:
    """A picture that shows no chest: clouds of one grain, blocks and letters. Uint8 (side, side)."""
    cells = int(random.integers(2, side // 2))
    grain = Image.fromarray(random.integers(0, 256, (cells, cells), dtype=np.uint8))
    picture: NDArray[np.floating] = np.array(grain.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32)
    picture = picture * random.uniform(0.1, 1.0) + random.standard_normal((side, side)) * random.uniform(0, 30)
    drawn = np.clip(picture, 0, 255).astype(np.uint8)
    for _ in range(int(random.integers(0, 6))):
        drawn = _erased(drawn, random)
    return _lettered(drawn, random)


def _with_opacities(image: Grey, mask: Masks, random: Random) -> Grey:
    """Some of the lung as bright as the brightest tenth of the image, with soft rims, as dense disease is."""
    rows, columns = np.nonzero(mask)
    if rows.size == 0:
        return image
    side = len(image)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    dense = np.zeros((side, side), dtype=np.float32)
    for _ in range(int(random.integers(1, 6))):
        which = int(random.integers(rows.size))
        across, down = random.uniform(*OPACITY_RADIUS, 2) * side
        distance = ((x - columns[which]) / across) ** 2 + ((y - rows[which]) / down) ** 2
        dense = np.maximum(dense, np.exp(-distance) * random.uniform(*OPACITY_STRENGTH))
    bright = float(np.percentile(image, random.uniform(70, 95)))
    lung = mask if random.random() < 0.7 else np.ones_like(mask)
    return np.asarray(image + dense * lung * np.maximum(bright - image, 0), dtype=np.float32).astype(np.uint8)


def _change_greys(image: Grey, random: Random) -> Grey:
    """Another gamma, light that falls from one side, lost greys at both ends, noise."""
    values = (image / np.float32(255)) ** np.float32(math.exp(random.uniform(-GAMMA_RANGE, GAMMA_RANGE)))
    across, down = (np.linspace(-1, 1, side, dtype=np.float32) for side in image.shape[::-1])
    slope_x, slope_y = random.uniform(-GRADIENT, GRADIENT, 2).astype(np.float32)
    values = values * (1 + slope_x * across[np.newaxis] + slope_y * down[:, np.newaxis])
    if random.random() < CLIPPED_SHARE:
        low, high = np.percentile(
            values, (random.uniform(0, CLIPPED_PERCENT), 100 - random.uniform(0, CLIPPED_PERCENT))
        )
        values = (values - low) / max(float(high - low), 0.05)
    noise = random.standard_normal(image.shape, dtype=np.float32) * np.float32(NOISE_DEVIATION * random.random() ** 2)
    return np.clip(values * 255 + noise, 0, 255).astype(np.uint8)


def _blurred(image: Grey, random: Random) -> Grey:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(random.uniform(0.3, 2.0))))


def _lettered(image: Grey, random: Random) -> Grey:
    """Words and lines in one grey, as viewers and scanners write them."""
    picture = Image.fromarray(image)
    pen, side = ImageDraw.Draw(picture), len(image)
    for _ in range(int(random.integers(1, 6))):
        grey = int(random.choice(np.array([0, 255, random.integers(256)])))
        left, top = random.integers(0, side, 2).tolist()
        if random.random() < 0.7:
            word = "".join(chr(random.integers(48, 91)) for _ in range(int(random.integers(1, 9))))
            pen.text((left, top), word, fill=grey)
        else:
            pen.line((left, top, *random.integers(0, side, 2).tolist()), fill=grey)
    return np.asarray(picture)


def _erased(image: Grey, random: Random) -> Grey:
    """One patch, or a strip along a rim, covered with one grey."""
    side = len(image)
    tall, wide = (random.uniform(*ERASED_SIDE, 2) * side).astype(int)
    top, left = (int(random.integers(0, side - length + 1)) for length in (tall, wide))
    erased = image.copy()
    rows, columns = slice(top, top + tall), slice(left, left + wide)
    if random.random() < 0.3:
        # A strip along a rim, as the bar of a screenshot; across the middle it would hide too much.
        upright = random.random() < 0.5
        broad = int(random.integers(1, max(2, side // 6)))
        strip = slice(0, broad) if random.random() < 0.5 else slice(side - broad, side)
        rows, columns = (slice(None), strip) if upright else (strip, slice(None))
    erased[rows, columns] = random.integers(0, 256)
    return erased
