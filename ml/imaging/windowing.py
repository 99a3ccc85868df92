"""Stored values -> meaningful values -> grey, by the rules of DICOM PS3.3 C.11.

Nothing here inverts: MONOCHROME1 is turned round last, after the window.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.imaging.facts import Fact
from ml.imaging.image import Pixels
from ml.imaging.role import has_colours
from ml.imaging.tags import Tags
from ml.imaging.visible import is_visible, sample

Values = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# Usual lung window, HU. The classifiers were trained on lung windows and a lung finding
# cannot be seen in the mediastinal window that many CT headers put first.
LUNG_CENTRE, LUNG_WIDTH = -600.0, 1500.0

# Without a usable window: leave out what a collimator edge or a marker lights up; the first that shows the image.
_OWN_RANGES = ((0.5, 99.5), (2, 98), (5, 95))


def _unit(grey: Pixels) -> Pixels:
    np.clip(grey, 0, 1, out=grey)
    return grey


@dataclass(frozen=True, slots=True)
class Window:
    centre: float
    width: float
    function: str = "LINEAR"

    @property
    def usable(self) -> bool:
        return self.width >= 1 if self.function == "LINEAR" else self.width > 0

    def grey(self, values: Values) -> Pixels:
        return self.apply(values)

    def apply(self, values: Values) -> Pixels:
        """PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT)."""
        if self.function == "SIGMOID":
            steepness = np.clip(-4 * (values - self.centre) / self.width, -80, 80)
            return np.asarray(1 / (1 + np.exp(steepness)), np.float32)
        exact = self.function == "LINEAR_EXACT"
        centre, width = (self.centre, self.width) if exact else (self.centre - 0.5, self.width - 1)
        if width == 0:
            return np.asarray(values > centre, np.float32)
        grey = (values - np.float32(centre)) / np.float32(width) + np.float32(0.5)
        return _unit(grey)


@dataclass(frozen=True, slots=True)
class LookUpTable:
    """`entries`: float32 in stored units, of `bits`; `first` is the value that the first one stands for."""

    first: int
    entries: Values
    bits: int

    def apply(self, values: Values) -> Values:
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        return np.asarray(np.take(self.entries, index.astype(np.int32)))

    def grey(self, values: Values) -> Pixels:
        return _unit(self.apply(values) / np.float32((1 << self.bits) - 1))


def _entries(raw: object, count: int) -> Values | None:
    if isinstance(raw, bytes):
        kind = np.uint8 if len(raw) in (count, count + count % 2) else np.dtype("<u2")
        found = np.frombuffer(raw, kind)[:count].astype(np.float32)
    else:
        found = np.asarray(raw if raw is not None else (), np.float32).ravel()[:count]
    return found if found.size == count else None


def read_table(item: Tags) -> LookUpTable | None:
    """One item of a Modality or VOI LUT Sequence; None when it does not hold together."""
    descriptor = item.numbers("LUTDescriptor")
    if len(descriptor) != 3:
        return None
    count, first, bits = (int(number) for number in descriptor)
    count = count % 65536 or 65536  # sixteen bits cannot say 65536: 0 does
    entries = _entries(item.raw("LUTData"), count)
    if entries is None or not 8 <= bits <= 16:
        return None
    return LookUpTable(first, entries, _bits_held(entries))


def _bits_held(entries: Values) -> int:
    """The fewest whole bits (8 to 16) that hold every entry.

    The third value of a descriptor should say it (PS3.3 C.11.2.1.1), but there are devices that state the 16 bits in
    which their 12-bit entries are stored; by the letter all their images would be nearly black.
    """
    return min(max(int(entries.max()).bit_length(), 8), 16)


def _first_table(tags: Tags, keyword: str) -> LookUpTable | None:
    tables = (read_table(item) for item in tags.items(keyword))
    return next((table for table in tables if table), None)


def modality_table(tags: Tags) -> LookUpTable | None:
    return _first_table(tags, "ModalityLUTSequence")


def rescale(tags: Tags) -> tuple[float, float]:
    """(slope, intercept); a slope of 0 would erase the image and counts as 1."""
    return tags.number("RescaleSlope") or 1.0, tags.number("RescaleIntercept") or 0.0


def modality_values(stored: npt.NDArray[np.integer], tags: Tags) -> Values:
    """Stored values after the modality LUT: Hounsfield units for CT."""
    values = stored.astype(np.float32)
    if table := modality_table(tags):
        return table.apply(values)
    slope, intercept = rescale(tags)
    if slope != 1.0:
        values *= np.float32(slope)
    if intercept:
        values += np.float32(intercept)
    return values


def padding_mask(stored: npt.NDArray[np.integer], tags: Tags) -> Mask | None:
    """Where the scanner filled in pixels that were never measured."""
    first = tags.integer("PixelPaddingValue")
    if first is None:
        return None
    last = tags.integer("PixelPaddingRangeLimit")
    low, high = sorted(_as_stored(value, stored) for value in (first, first if last is None else last))
    mask = (stored >= low) & (stored <= high)
    return mask if mask.any() else None


def _as_stored(value: int, stored: npt.NDArray[np.integer]) -> int:
    """A padding value of 16 bits; some files write it without the sign that their pixels have, or with one."""
    kind = np.iinfo(stored.dtype)
    if kind.bits != 16 or kind.min <= value <= kind.max:
        return value
    return value - 2**16 if value > kind.max else value + 2**16


def read_window(tags: Tags) -> Window | None:
    """The first window of the header."""
    centre, width = tags.number("WindowCenter"), tags.number("WindowWidth")
    if centre is None or width is None:
        return None
    function = tags.text("VOILUTFunction").upper() or "LINEAR"
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        return None
    window = Window(centre, width, function)
    return window if window.usable else None


def own_window(values: Values, padding: Mask | None = None) -> Window:
    """From nearly the least to nearly the greatest value that was measured."""
    measured = sample(values, padding)
    windows = [_between(*np.percentile(measured, ends)) for ends in _OWN_RANGES]
    windows.append(_between(measured.min(), measured.max()))
    usable = [window for window in windows if window.usable]
    showing = (window for window in usable if is_visible(window.apply(measured)))
    return next(showing, usable[0] if usable else Window(float(measured[0]), 1.0, "LINEAR_EXACT"))


def _between(low: float, high: float) -> Window:
    return Window((low + high) / 2, float(high - low), "LINEAR_EXACT")


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """`grey` in [0, 1], a larger value brighter, and what made it; `own_range` says why nothing in the file did."""

    grey: Pixels
    by: Window | LookUpTable
    own_range: Fact | None = None


# Three samples of eight bits are ready to be shown; windows are for one (PS3.3 C.11.2).
AS_STORED = Window(127.5, 255.0, "LINEAR_EXACT")


def stated_ways(tags: Tags) -> list[Window | LookUpTable]:
    """How the file asks to be shown, the first first."""
    return [by for by in (_first_table(tags, "VOILUTSequence"), read_window(tags)) if by]


def develop_xray(values: Values, tags: Tags, padding: Mask | None, *, is_turned: bool = False) -> Shown:
    """By the VOI LUT, else the first window, else the image's own range; each only if it shows the image.

    `is_turned` says whether the greys will be turned round: a picture may be too dark, but not too bright.
    """
    stated = [AS_STORED] if has_colours(tags) else stated_ways(tags)
    for by in stated:
        grey = by.grey(values)
        measured = sample(grey, padding)
        if is_visible(1 - measured if is_turned else measured):
            return Shown(grey, by)
    own = own_window(values, padding)
    return Shown(own.apply(values), own, Fact("own_range", {"variant": "unusable" if stated else "unstated"}))


LUNG = Window(LUNG_CENTRE, LUNG_WIDTH, "LINEAR_EXACT")


def lung_grey(hounsfield: Values) -> Pixels:
    return LUNG.apply(hounsfield)
