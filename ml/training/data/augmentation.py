"""Random variations of a training image, chosen against shortcuts as much as for variety.

Crops, erased patches and painted borders take away letters, markers and frames, which tell the source of an
image; grey-value changes and blur take away the signature of a scanner or of a journal's JPEG.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Grey = NDArray[np.uint8]

ROTATION_DEGREES = 8.0
SMALLEST_ZOOM, LARGEST_ZOOM = 0.84, 1.05
ASPECT_CHANGE = 0.12
SHIFT = 0.04
GAMMA_RANGE = 0.25
CONTRAST_CHANGE = 0.2
BRIGHTNESS_CHANGE = 0.1
NOISE_DEVIATION = 4.0
LARGEST_BORDER = 0.1
ERASED_SIDE = (0.08, 0.25)
BLURRED_SHARE, BORDERED_SHARE, ERASED_SHARE = 0.15, 0.2, 0.2


def augment(image: Grey, random: np.random.Generator) -> Grey:
    """Return a random variation of a grey image, uint8 (h, w), same shape."""
    varied = _warp(image, random)
    varied = _change_greys(varied, random)
    if random.random() < BLURRED_SHARE:
        varied = _blur(varied, random)
    if random.random() < BORDERED_SHARE:
        varied = _paint_border(varied, random)
    if random.random() < ERASED_SHARE:
        varied = _erase(varied, random)
    return varied


def _warp(image: Grey, random: np.random.Generator) -> Grey:
    """Rotate, zoom, stretch, shift and flip in one resampling."""
    height, width = image.shape
    angle = math.radians(random.uniform(-ROTATION_DEGREES, ROTATION_DEGREES))
    zoom = random.uniform(SMALLEST_ZOOM, LARGEST_ZOOM)
    stretch = math.exp(random.uniform(-ASPECT_CHANGE, ASPECT_CHANGE) / 2)
    across, down = zoom * stretch, zoom / stretch
    slack = SHIFT + max(0.0, 1.0 - zoom) / 2
    centre_x = width * (0.5 + random.uniform(-slack, slack))
    centre_y = height * (0.5 + random.uniform(-slack, slack))
    flip = -1.0 if random.random() < 0.5 else 1.0
    a, b = flip * across * math.cos(angle), -down * math.sin(angle)
    d, e = flip * across * math.sin(angle), down * math.cos(angle)
    offset_x = centre_x - a * width / 2 - b * height / 2
    offset_y = centre_y - d * width / 2 - e * height / 2
    matrix = (a, b, offset_x, d, e, offset_y)
    warped = Image.fromarray(image).transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return np.asarray(warped)


def _change_greys(image: Grey, random: np.random.Generator) -> Grey:
    """Change gamma, contrast and brightness by a table, and add noise."""
    gamma = math.exp(random.uniform(-GAMMA_RANGE, GAMMA_RANGE))
    contrast = 1.0 + random.uniform(-CONTRAST_CHANGE, CONTRAST_CHANGE)
    brightness = random.uniform(-BRIGHTNESS_CHANGE, BRIGHTNESS_CHANGE)
    table = (np.linspace(0.0, 1.0, 256) ** gamma - 0.5) * contrast + 0.5 + brightness
    noise = random.standard_normal(image.shape, dtype=np.float32) * (NOISE_DEVIATION * random.random())
    return np.clip(table.astype(np.float32)[image] * 255.0 + noise, 0, 255).astype(np.uint8)


def _blur(image: Grey, random: np.random.Generator) -> Grey:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2))))


def _paint_border(image: Grey, random: np.random.Generator) -> Grey:
    """Cover the outer border with one grey, of another width on each side."""
    height, width = image.shape
    top, bottom = (random.uniform(0, LARGEST_BORDER, 2) * height).astype(int)
    left, right = (random.uniform(0, LARGEST_BORDER, 2) * width).astype(int)
    painted = np.full_like(image, random.integers(0, 256) if random.random() < 0.3 else 0)
    inside = np.s_[top : height - bottom, left : width - right]
    painted[inside] = image[inside]
    return painted


def _erase(image: Grey, random: np.random.Generator) -> Grey:
    """Cover one patch with one grey."""
    height, width = image.shape
    tall, wide = (random.uniform(*ERASED_SIDE, 2) * (height, width)).astype(int)
    top, left = random.integers(0, height - tall + 1), random.integers(0, width - wide + 1)
    erased = image.copy()
    erased[top : top + tall, left : left + wide] = random.integers(0, 256)
    return erased
