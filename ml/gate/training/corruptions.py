"""Ways in which a right image becomes a wrong one. Each takes and gives a grey picture (Pillow, mode L)."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from ml.lungs import lung_mask, otsu_threshold
from ml.spec import Modality

GreyImage = Image.Image
Random = np.random.Generator
Flip = Image.Transpose

TURNS = (Flip.ROTATE_90, Flip.ROTATE_180, Flip.ROTATE_270, Flip.FLIP_TOP_BOTTOM)
GRIDS = ((1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (3, 4))
PART_SIDES = (0.25, 0.5)
BLUR = (0.025, 0.08)
# Radiographers tilt a little, and so do patients.
SLIGHT, TILTED = 6, (10, 45)
# Of a frontal chest X-ray: its upper lateral corner shows a shoulder beside one apex.
SHOULDER_SIDES = (0.28, 0.5)


def turned(picture: GreyImage, random: Random) -> GreyImage:
    """A quarter or half turn, or head down."""
    return picture.transpose(TURNS[random.integers(len(TURNS))])


def tilted(picture: GreyImage, random: Random, degrees: float | None = None) -> GreyImage:
    """Rotated by 10 to 45 degrees either way, or by `degrees`; its corners filled, or cut off."""
    if degrees is None:
        degrees = random.uniform(*TILTED) * random.choice((-1, 1))
    fill = int(random.choice((0, 0, int(np.median(np.asarray(picture)[0])), int(random.integers(256)))))
    rotated = picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=fill)
    return rotated if random.random() < 0.6 else _within(rotated, degrees)


def tilted_whole(picture: GreyImage, degrees: float) -> GreyImage:
    """Rotated with all of it in a larger black frame, as a program does that loses nothing."""
    return picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True)


def _within(rotated: GreyImage, degrees: float) -> GreyImage:
    """The largest frame of the same shape in which nothing was filled, enlarged."""
    angle = math.radians(abs(degrees))
    width, height = rotated.size
    ratio = max(width / height, height / width)
    scale = 1 / (math.cos(angle) + ratio * math.sin(angle))
    left, top = (width * (1 - scale) / 2, height * (1 - scale) / 2)
    return rotated.resize(rotated.size, Image.Resampling.BICUBIC, (left, top, width - left, height - top))


def shoulder(picture: GreyImage, random: Random) -> GreyImage:
    """The upper lateral corner of a frontal chest X-ray, enlarged: shoulder and clavicle, with one apex at most."""
    width, height = (side * random.uniform(*SHOULDER_SIDES) for side in picture.size)
    left, top = picture.width * random.uniform(0, 0.05), picture.height * random.uniform(0, 0.12)
    if random.random() < 0.5:
        left = picture.width - width - left
    return picture.resize(picture.size, Image.Resampling.BICUBIC, (left, top, left + width, top + height))


def enlarged(picture: GreyImage, side: int, resample: Image.Resampling) -> GreyImage:
    """A thumbnail, whose shorter side has `side` pixels, blown up to the picture's size."""
    scale = side / min(picture.size)
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    return small.resize(picture.size, resample)


def inverted(picture: GreyImage, random: Random) -> GreyImage:
    """Air bright and bone dark."""
    return ImageOps.invert(picture)


def part(picture: GreyImage, random: Random) -> GreyImage:
    """A cut-out with a quarter to a half of each side, enlarged."""
    width, height = (round(side * random.uniform(*PART_SIDES)) for side in picture.size)
    left, top = (int(random.integers(free + 1)) for free in (picture.width - width, picture.height - height))
    return picture.resize(picture.size, Image.Resampling.BICUBIC, (left, top, left + width, top + height))


def blurred(picture: GreyImage, random: Random) -> GreyImage:
    """Blurred over 2.5 to 8 % of the shorter side, or made of as few blocks."""
    extent = min(picture.size) * random.uniform(*BLUR)
    if random.random() < 0.7:
        return picture.filter(ImageFilter.GaussianBlur(extent))
    across, down = (max(6, round(side / extent / 2.5)) for side in picture.size)
    return picture.resize((across, down), Image.Resampling.BOX).resize(picture.size, Image.Resampling.NEAREST)


def grid(pictures: Sequence[GreyImage], random: Random) -> GreyImage:
    """Several pictures side by side, in the size of the first."""
    rows, columns = GRIDS[random.integers(len(GRIDS))]
    width, height = pictures[0].size
    gap = int(random.integers(0, max(2, width // 20)))
    sheet = Image.new("L", (width, height), int(random.choice((0, 255, 128))))
    for cell in range(rows * columns):
        across, down = cell % columns, cell // columns
        box = (across * width // columns, down * height // rows)
        size = (max(8, width // columns - gap), max(8, height // rows - gap))
        sheet.paste(pictures[cell % len(pictures)].resize(size), box)
    return sheet


def in_page(picture: GreyImage, page: GreyImage, random: Random) -> GreyImage:
    """A picture that takes a third to six tenths of each side of a page."""
    sheet = page.resize(picture.size)
    width, height = (round(side * random.uniform(0.33, 0.6)) for side in picture.size)
    left, top = (int(random.integers(free + 1)) for free in (sheet.width - width, sheet.height - height))
    sheet.paste(picture.resize((width, height)), (left, top))
    return sheet


def drowned(picture: GreyImage, random: Random) -> GreyImage:
    """Noise in which hardly anything of the picture is left, fine or in clouds."""
    cells = int(random.choice((8, 32, max(picture.size))))
    noise = Image.fromarray(random.integers(0, 256, (cells, cells), dtype=np.uint8))
    noise = noise.resize(picture.size, Image.Resampling.BICUBIC if cells < 64 else Image.Resampling.NEAREST)
    return Image.blend(noise, picture, random.uniform(0.0, 0.15))


def without_lungs(picture: GreyImage, random: Random) -> GreyImage | None:
    """An axial slice whose lungs are filled with tissue, as in the abdomen; None where no lungs are found.

    A stand-in: free collections of abdominal slices were not at hand.
    """
    pixels = np.asarray(picture, dtype=np.float32) / np.float32(255)
    lungs = lung_mask(pixels, Modality.CT)
    if lungs is None:
        return None
    tissue = float(np.median(pixels[pixels > otsu_threshold(pixels)]))
    clouds = random.normal(0, 1, (8, 8)).astype(np.float32) * np.float32(random.uniform(0.0, 0.06))
    filling = tissue + np.asarray(Image.fromarray(clouds).resize(picture.size, Image.Resampling.BICUBIC))
    mask = Image.fromarray(lungs.astype(np.uint8) * np.uint8(255)).filter(ImageFilter.MaxFilter(5))
    filled = Image.composite(_picture(filling), picture, mask.filter(ImageFilter.GaussianBlur(1.5)))
    return _with_gas(filled, random)


def _with_gas(picture: GreyImage, random: Random) -> GreyImage:
    """Up to three dark bubbles, as of stomach, bowel or windpipe."""
    draw = ImageDraw.Draw(picture)
    for _ in range(random.integers(0, 4)):
        x, y = (side * random.uniform(0.25, 0.75) for side in picture.size)
        w, h = (side * random.uniform(0.015, 0.05) for side in picture.size)
        draw.ellipse((x - w, y - h, x + w, y + h), fill=int(random.integers(0, 80)))
    return picture.filter(ImageFilter.GaussianBlur(0.7))


def _picture(pixels: np.ndarray) -> GreyImage:
    return Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
