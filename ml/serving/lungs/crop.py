"""What a classifier looks at in an image, by any recipe: above all `cxr-3`, an X-ray cropped to its lungs, and `cxr-5`,
whose answer is that of the lungs.
"""

from dataclasses import dataclass

import numpy as np

from ml import preprocessing
from ml.preprocessing import RECIPES, Pixels, Prepared, Region, Size, View, place_back, resize
from ml.regions import Mask
from ml.serving.lungs.convention import Convention
from ml.serving.lungs.finder import PROBABLE, LungFinder, LungMap
from ml.spec import Modality

RECIPE = "cxr-3"
# The network whose crop the recipe means. Another version would crop otherwise: it needs a recipe of its own.
VERSION = "1.0.0"
# Of the height and the width of the box around both lungs, added on each side.
MARGIN = 0.08
# A narrower or flatter box, as a share of what carries content, is widened to it: lungs that fill less are unlikely,
# and lungs that were found in part would be cut.
SMALLEST_SIDE = 0.35
# Of an image and of what a network looks at in it, where lungs are said to be: finer than the places that count.
FRAME: Size = (256, 256)
LUNGS: Size = (56, 56)


@dataclass(frozen=True)
class LungRegion:
    """The part of an image to look at; `found` is False where it is the crop of `cxr-2` for want of lungs."""

    region: Region
    found: bool


@dataclass(frozen=True)
class Cropped:
    """An image prepared by `cxr-3`; `lungs_found` as in LungRegion."""

    prepared: Prepared
    lungs_found: bool


def find_region(pixels: Pixels, recipe: str) -> Region:
    """Find the part of an image that a classifier looks at, by the rule of any recipe.

    `pixels` float32 (h, w) in [0, 1], 0 is air. Raises ValueError for other pixels and an unknown recipe, and
    BundleRefused where the recipe needs a network that cannot be used.
    """
    if recipe != RECIPE:
        return preprocessing.find_region(pixels, recipe)
    return lung_region(LungFinder.load(version=VERSION), pixels).region


def find_view(pixels: Pixels, recipe: str) -> View:
    """Find what a classifier looks at in an image, and what counts there, by the rule of any recipe.

    It is found in the image as the recipe reduces it. `pixels` and errors as for `find_region`.
    """
    reduced = preprocessing.reduce(pixels, recipe)
    region = find_region(reduced, recipe)
    if not RECIPES[recipe].weighs_lungs:
        return View(region)
    return View(region, lungs_within(LungFinder.load(version=VERSION), reduced, region))


def prepare(pixels: Pixels, size: Size, recipe: str) -> Prepared:
    """Prepare an image for a network by any recipe: float32 (h, w) in [0, 1] at `size` (h, w).

    Raises as `find_region`.
    """
    return preprocessing.prepare(pixels, size, recipe, find_view(pixels, recipe))


def make_ready(recipe: str) -> None:
    """Load now what a recipe needs, and not when the first image comes. Raises BundleRefused."""
    if recipe == RECIPE or RECIPES[recipe].weighs_lungs:
        LungFinder.load(version=VERSION)


def lungs_within(finder: LungFinder, pixels: Pixels, region: Region) -> Pixels:
    """Where lung is in a region of an X-ray, by either convention: 0 or 1, float32 of the shape LUNGS.

    Nothing behind heart or diaphragm is left out. `pixels` float32 (h, w) in [0, 1], 0 is air. Raises ValueError for
    other pixels.
    """
    maps = finder.maps(pixels)
    probable = np.maximum.reduce([place_back(found.probabilities, found.region, FRAME) for found in maps.values()])
    return (resize(probable, LUNGS, region) >= PROBABLE).astype(np.float32)


def lung_region(finder: LungFinder, pixels: Pixels) -> LungRegion:
    """The box around both lungs of an X-ray, with a margin, within what carries content.

    What counts as lung is lung by either convention, so that nothing behind heart or diaphragm is cut. `pixels` float32
    (h, w) in [0, 1], 0 is air. Raises ValueError for other pixels.
    """
    maps = finder.maps(pixels)
    fields = maps[Convention.FIELDS]
    if not fields.is_believed(finder.spec.limits[Modality.CXR]):
        return LungRegion(fields.region, found=False)
    return LungRegion(_within(_box(_either(maps)), fields.region), found=True)


def crop_to_lungs(finder: LungFinder, pixels: Pixels, size: Size) -> Cropped:
    """Prepare an X-ray for a network that reads `cxr-3`: float32 (h, w) in [0, 1] at `size` (h, w).

    Raises ValueError for other pixels.
    """
    found = lung_region(finder, pixels)
    return Cropped(preprocessing.prepare(pixels, size, RECIPE, View(found.region)), found.found)


def _either(maps: dict[Convention, LungMap]) -> Mask:
    return np.logical_or.reduce([found.mask for found in maps.values()])


def _box(mask: Mask) -> Region:
    """The box around a mask that is not empty, with its margin, in shares of the mask's height and width."""
    (top, bottom), (left, right) = (_extent(np.asarray(mask.any(axis=axis))) for axis in (1, 0))
    return Region(top, left, bottom, right)


def _extent(lines: np.ndarray) -> tuple[float, float]:
    covered = np.flatnonzero(lines)
    first, end = covered[0] / lines.size, (covered[-1] + 1) / lines.size
    length = max((end - first) * (1 + 2 * MARGIN), SMALLEST_SIDE)
    middle = (first + end) / 2
    return max(0.0, float(middle - length / 2)), min(1.0, float(middle + length / 2))


def _within(box: Region, outer: Region) -> Region:
    """A box in shares of `outer`, in shares of the whole image."""
    height, width = outer.bottom - outer.top, outer.right - outer.left
    return Region(
        outer.top + box.top * height,
        outer.left + box.left * width,
        outer.top + box.bottom * height,
        outer.left + box.right * width,
    )
