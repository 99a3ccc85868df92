"""From decoded pixels to network input, the same way in training and in serving.

A recipe has a version id that travels in the spec of every classifier. Once weights
with an id have shipped, the steps behind that id never change; a better idea gets a new id.

The content of the image is stretched to the network's shape without keeping its aspect ratio.
Letterboxing would keep it, but the width of the bars then tells the network which hospital
or journal an image came from; stretching leaves no bars, and training varies the aspect ratio.

A recipe can say how fine the images were that networks learnt it from: a finer one is reduced to that first. Stretched
to the network's shape at once it would be sharper than any of those.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.float32]
Size = tuple[int, int]

PROBE_SIDE = 128
FLAT_DEVIATION = 0.015
# Of greys that were equalised: on their scale all of them together deviate by 1
FLAT_RANKS = 0.1
# In a lung window air is near 0.25 and soft tissue near 0.9
BODY_BRIGHTNESS = 0.4
BODY_SHARE = 0.12
SMALLEST_REGION = 0.4
DARK_PERCENTILE, BRIGHT_PERCENTILE = 1.0, 99.0
SMALLEST_DEVIATION = 1e-3
GREYS = 256
# What numbers spread evenly over [0, 1] are multiplied by to deviate by 1.
EVEN_SPREAD = 12**0.5


@dataclass(frozen=True)
class Region:
    """The part of an image that the network sees, as fractions of its height and width."""

    top: float = 0.0
    left: float = 0.0
    bottom: float = 1.0
    right: float = 1.0


WHOLE = Region()


@dataclass(frozen=True, eq=False)
class View:
    """What a network looks at in an image: a `region`, and how much each place of it counts.

    `lungs` float32 (h, w) in [0, 1], of any shape, lies over the region: a place counts as much of the answer as the
    share of lung in it (ml.pooling). None where every place counts alike.
    """

    region: Region = WHOLE
    lungs: Pixels | None = None


@dataclass(frozen=True, eq=False)
class Prepared:
    """`values` float32 (h, w, 1), on the recipe's scale; `view` says where they lie in the image and what counts."""

    values: Pixels
    view: View

    @property
    def region(self) -> Region:
        """Where they lie in the image."""
        return self.view.region


def require_pixels(pixels: Pixels, reader: str) -> None:
    """Infinite pixels would give a probability that is not one. Raises ValueError, which names who reads."""
    if pixels.ndim != 2 or pixels.dtype != np.float32 or not np.isfinite(pixels).all():
        raise ValueError(f"{reader} reads finite float32 pixels of shape (height, width).")


def prepare(pixels: Pixels, size: Size, recipe: str, view: View | None = None) -> Prepared:
    """Prepare one image for the network.

    `pixels` float32 (h, w) in [0, 1], 0 is air; `size` (h, w) of the network input; `view` what is looked at in them,
    where that is known already. Raises ValueError for pixels of another shape, for an unknown recipe, and without a
    view for a recipe that a network must tell where to look.
    """
    view = view or View(_find_region_alone(pixels, recipe))
    steps = RECIPES[recipe]
    reduced = reduce(pixels, recipe)
    return Prepared(steps.scale(steps.resample(reduced, size, view.region))[..., np.newaxis], view)


def reduce(pixels: Pixels, recipe: str) -> Pixels:
    """An image, float32 (h, w), made no finer than those that networks learnt the recipe from.

    Reducing twice changes nothing more. Raises ValueError for an unknown recipe.
    """
    shortest, wanted = min(pixels.shape), _find_recipe(recipe).shortest_side
    if wanted is None or shortest <= wanted:
        return pixels
    height, width = (round(side * wanted / shortest) for side in pixels.shape)
    return resize(pixels, (height, width))


def _find_region_alone(pixels: Pixels, recipe: str) -> Region:
    """The region of a recipe by which every place in it counts alike. Raises ValueError for another one."""
    if _find_recipe(recipe).weighs_lungs:
        raise ValueError(f"By the recipe {recipe!r} lungs count: give the view that ml.serving.lungs finds.")
    return find_region(pixels, recipe)


def find_region(pixels: Pixels, recipe: str) -> Region:
    """Find the part of the image that carries content, by the rule of the recipe.

    Raises ValueError for pixels of another shape, an unknown recipe, and one whose region only a network can find:
    `ml.serving.lungs.crop` knows that too.
    """
    if pixels.ndim != 2:
        raise ValueError(f"Pixels must have two dimensions, not {pixels.ndim}.")
    content = _find_recipe(recipe).content
    if content is None:
        raise ValueError(f"The recipe {recipe!r} crops to the lungs: give the region that ml.serving.lungs finds.")
    return _bounds(*content(resize(reduce(pixels, recipe), (PROBE_SIDE, PROBE_SIDE))))


def resize(pixels: Pixels, size: Size, region: Region = WHOLE) -> Pixels:
    """Resample a region to `size` (h, w); shrinking averages over the covered area (no aliasing)."""
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR, _box(pixels, region)), dtype=np.float32)


def interpolate(pixels: Pixels, size: Size, region: Region = WHOLE) -> Pixels:
    """Resample a region to `size` (h, w) between four pixels, as OpenCV's INTER_LINEAR; shrinking aliases."""
    return _sample(pixels, size, region, Image.Resampling.BILINEAR)


def pick(pixels: Pixels, size: Size, region: Region = WHOLE) -> Pixels:
    """Resample a region to `size` (h, w) by the nearest pixel, as Keras 2 reads images; shrinking aliases."""
    return _sample(pixels, size, region, Image.Resampling.NEAREST)


def standardise(pixels: Pixels) -> Pixels:
    """Clip to the 1st and 99th percentile, then shift to mean 0 and scale to deviation 1.

    Clipping keeps burnt-in letters and markers from setting the scale. A blank image becomes zeros.
    """
    low, high = np.percentile(pixels, (DARK_PERCENTILE, BRIGHT_PERCENTILE))
    clipped = np.clip(pixels, low, high)
    deviation = max(float(clipped.std()), SMALLEST_DEVIATION)
    return np.asarray((clipped - clipped.mean()) / deviation, dtype=np.float32)


def equalise(pixels: Pixels) -> Pixels:
    """Replace each grey by the share of pixels that are darker, on a scale where even shares have deviation 1.

    `pixels` float32 (h, w) in [0, 1], of which 256 greys are told apart. Equal greys stay equal and count half. Only
    the order of greys is left: no curve of a detector, a window or an export that keeps it tells where an image is
    from. Returns float32 of mean 0, within the square root of 3 of it; a blank image becomes zeros.
    """
    greys = np.rint(np.clip(pixels, 0.0, 1.0) * (GREYS - 1)).astype(np.intp)
    counts = np.bincount(greys.ravel(), minlength=GREYS)
    darker = (np.cumsum(counts) - counts / 2) / greys.size
    return np.asarray(((darker - 0.5) * EVEN_SPREAD).astype(np.float32)[greys])


def keep(pixels: Pixels) -> Pixels:
    """Leave grey values in [0, 1] as they are."""
    return pixels


def place_back(values: Pixels, region: Region, size: Size) -> Pixels:
    """Put a map of the network's view back into the frame of the whole image, zero outside the region.

    `values` float32 (h', w'); `size` (h, w) of the frame. Returns float32 (h, w).
    """
    height, width = size
    top, bottom = round(region.top * height), round(region.bottom * height)
    left, right = round(region.left * width), round(region.right * width)
    frame = np.zeros(size, dtype=np.float32)
    frame[top:bottom, left:right] = resize(values, (bottom - top, right - left))
    return frame


def _find_recipe(name: str) -> "Recipe":
    if name not in RECIPES:
        raise ValueError(f"Unknown preprocessing recipe {name!r}; known: {', '.join(RECIPES)}.")
    return RECIPES[name]


def _varied_lines(probe: Pixels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows and columns that are not one flat grey: what scanners and journals pad around a radiograph."""
    return probe.std(axis=1) > FLAT_DEVIATION, probe.std(axis=0) > FLAT_DEVIATION


def _lines_of_varied_ranks(probe: Pixels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The same, judged by the order of greys alone: a curve that keeps it, such as brightness, moves no border."""
    ranks = equalise(probe)
    return ranks.std(axis=1) > FLAT_RANKS, ranks.std(axis=0) > FLAT_RANKS


def _body_lines(probe: Pixels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows and columns that cross the body: air around it, and the thin table under it, are left out."""
    body = probe > BODY_BRIGHTNESS
    return body.mean(axis=1) > BODY_SHARE, body.mean(axis=0) > BODY_SHARE


def _bounds(rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> Region:
    """The box from the first to the last line that counts; an axis that would shrink too far stays whole."""
    (top, bottom), (left, right) = _extent(rows), _extent(columns)
    return Region(top, left, bottom, right)


def _extent(lines: NDArray[np.bool_]) -> tuple[float, float]:
    kept = np.flatnonzero(lines)
    if kept.size == 0 or kept[-1] + 1 - kept[0] < SMALLEST_REGION * lines.size:
        return 0.0, 1.0
    return float(kept[0] / lines.size), float((kept[-1] + 1) / lines.size)


def _every_line(probe: Pixels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The whole image counts as content."""
    height, width = probe.shape
    return np.ones(height, dtype=np.bool_), np.ones(width, dtype=np.bool_)


def _box(pixels: Pixels, region: Region) -> tuple[float, float, float, float]:
    """The region in pixels: left, top, right, bottom."""
    height, width = pixels.shape
    return region.left * width, region.top * height, region.right * width, region.bottom * height


def _sample(pixels: Pixels, size: Size, region: Region, by: Image.Resampling) -> Pixels:
    """Look up the centre of every output pixel in the image; what lies between the centres is not seen."""
    left, top, right, bottom = _box(pixels, region)
    height, width = size
    steps = ((right - left) / width, 0.0, left, 0.0, (bottom - top) / height, top)
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    return np.asarray(image.transform((width, height), Image.Transform.AFFINE, steps, by), dtype=np.float32)


@dataclass(frozen=True)
class Recipe:
    """The steps behind one id: which lines carry content, how a region is resampled, the scale of the input's values.

    `content` takes the image as float32 (128, 128), or is None where a network must say where the content is;
    `resample` gives `size` (h, w); `scale` takes and gives float32. `shortest_side`, in pixels, is that of the images
    which networks learnt the recipe from; None leaves every image as fine as it is. `weighs_lungs` says that places
    count by the share of lung in them, which a network must find.
    """

    content: Callable[[Pixels], tuple[NDArray[np.bool_], NDArray[np.bool_]]] | None
    resample: Callable[[Pixels, Size, Region], Pixels]
    scale: Callable[[Pixels], Pixels]
    shortest_side: int | None = None
    weighs_lungs: bool = False


RECIPES: dict[str, Recipe] = {
    "cxr-1": Recipe(_varied_lines, resize, standardise),
    # For networks that learn from several hospitals, some of which publish equalised greys. See ADR 0216.
    "cxr-2": Recipe(_varied_lines, resize, equalise),
    # Its region is that of ml.serving.lungs.crop. See ADR 0217.
    "cxr-3": Recipe(None, resize, equalise),
    # cxr-1, but brightness does not decide what is cut off. See ADR 0223.
    "cxr-4": Recipe(_lines_of_varied_ranks, resize, standardise),
    # cxr-4 of images as fine as those that the networks learnt from, whose answer is that of the lungs. See ADR 0235.
    "cxr-5": Recipe(_lines_of_varied_ranks, resize, standardise, shortest_side=299, weighs_lungs=True),
    "ct-1": Recipe(_body_lines, resize, standardise),
    # What networks saw that were trained elsewhere: the whole image, stretched, its greys as they are. See ADR 0207.
    "plain-linear-1": Recipe(_every_line, interpolate, keep),
    "plain-nearest-1": Recipe(_every_line, pick, keep),
}
