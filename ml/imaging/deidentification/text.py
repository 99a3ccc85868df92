"""Lines of text that are drawn into the picture itself, where no header tells of them.

Letters are found by what they look like to an eye that cannot read: small parts of one even grey on a ground that
differs from it, of like height, side by side. It looks in the whole picture and not only near its borders. What it was
measured to find and to miss is in docs/adr/0910; that nothing was found is no promise that there is nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from ml.imaging.image import Pixels
from ml.imaging.rendering import shrunk
from ml.regions import Numbers, find_runs

# Letters are looked for between these heights, in pixels, at every size to which the picture is halved.
LOWEST, HIGHEST = 6, 26
# The picture is halved until its longer side is not above this.
SMALLEST_SIDE = 320
# One whose longer side is not above this is looked at enlarged too, for letters that are thin and touch.
LARGEST_DOUBLED = 1100
# A letter's grey against the mean around it, and how even it is; of 256 greys.
CONTRASTS, MOST_UNEVEN = (51, 102), 25
NEIGHBOURHOOD = 31
# A line of so many letters is text; one or two are a side marker.
FEWEST_LETTERS = 4
# More stretches than these are the picture's own grain.
MOST_RUNS = 60_000

Greys = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class TextBox:
    """In pixels of the picture, `bottom` and `right` behind the last one."""

    top: int
    left: int
    bottom: int
    right: int


def find_text(pixels: Pixels) -> tuple[TextBox, ...]:
    """The lines that look like text in a picture, float32 (h, w) in [0, 1]; the same line may be found at two sizes."""
    picture = Image.fromarray(shrunk(pixels))
    return tuple(box for scale, sized in _sizes(picture) for box in _lines(sized, scale))


def _sizes(picture: Image.Image) -> Iterator[tuple[float, Image.Image]]:
    """Each with the side of its pixel, in pixels of the picture."""
    if max(picture.size) <= LARGEST_DOUBLED:
        yield 0.5, picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.BICUBIC)
    scale = 1.0
    yield scale, picture
    while max(picture.size) > SMALLEST_SIDE:
        scale, picture = scale * 2, picture.reduce(2)
        yield scale, picture


def _lines(picture: Image.Image, scale: float) -> Iterator[TextBox]:
    greys = np.asarray(picture).astype(np.int16)
    difference = greys - np.asarray(picture.filter(ImageFilter.BoxBlur(NEIGHBOURHOOD // 2)))
    for mask in (how * difference > contrast for how in (1, -1) for contrast in CONTRASTS):
        letters = _letters(greys, mask)
        for line in _rows_of(letters):
            top, left = line[:, :2].min(axis=0)
            bottom, right = line[:, 2:4].max(axis=0)
            yield TextBox(*(int(side * scale) for side in (top, left, bottom, right)))


def _letters(greys: Greys, mask: npt.NDArray[np.bool_]) -> Numbers:
    """Boxes (n, 5) of the parts that may be letters."""
    runs = find_runs(mask) if 0 < np.count_nonzero(mask[:, 1:] & ~mask[:, :-1]) <= MOST_RUNS else None
    if runs is None:
        return np.zeros((0, 5), dtype=np.intp)
    boxes = runs.boxes()
    heights, widths = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    fill = boxes[:, 4] / (heights * widths)
    sized = (heights >= LOWEST) & (heights <= HIGHEST) & (widths >= 1) & (widths <= 1.6 * heights)
    found = boxes[sized & (fill > 0.18) & ((fill < 0.9) | (widths < 0.5 * heights))]
    even = [_is_even(greys, mask, box) for box in found]
    return found[np.array(even, dtype=bool)]


def _is_even(greys: Greys, mask: npt.NDArray[np.bool_], box: Numbers) -> bool:
    top, left, bottom, right = box[:4]
    inside = np.sort(greys[top:bottom, left:right][mask[top:bottom, left:right]])
    apart = np.sort(np.abs(inside - inside[len(inside) // 2]))
    # The soft rim of a letter is left out.
    return bool(apart[int(0.6 * (len(apart) - 1))] <= MOST_UNEVEN)


def _rows_of(letters: Numbers) -> Iterator[Numbers]:
    """Groups of FEWEST_LETTERS and more that stand side by side on one line."""
    left = letters[np.argsort(letters[:, 1], kind="stable")]
    taken = np.zeros(len(left), dtype=bool)
    for first in range(len(left)):
        if taken[first]:
            continue
        line = _line_from(left, first, taken)
        if len(line) >= FEWEST_LETTERS:
            taken[line] = True
            yield left[line]


def _line_from(left: Numbers, first: int, taken: npt.NDArray[np.bool_]) -> list[int]:
    line = [first]
    while True:
        here = left[line[-1]]
        after = _next(left, here, line[-1] + 1, taken)
        if after is None:
            return line
        line.append(after)


def _next(left: Numbers, here: Numbers, start: int, taken: npt.NDArray[np.bool_]) -> int | None:
    height = here[2] - here[0]
    for index in range(start, len(left)):
        gap = left[index, 1] - here[3]
        if gap > 1.3 * height:
            return None
        if not taken[index] and gap >= -0.2 * height and _level(here, left[index]):
            return index
    return None


def _level(one: Numbers, other: Numbers) -> bool:
    """Of like height, on one base line or at one top."""
    low, high = sorted((one[2] - one[0], other[2] - other[0]))
    apart = min(abs(one[2] - other[2]), abs(one[0] - other[0]))
    return bool(high <= 1.7 * low and apart <= 0.2 * high)
