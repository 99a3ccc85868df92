"""Stored values -> meaningful values -> grey, by the rules of DICOM PS3.3 C.11.

Nothing here inverts: MONOCHROME1 is turned round last, after the window.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.imaging.image import Pixels
from ml.imaging.tags import Tags

Values = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# Usual lung window, HU. The classifiers were trained on lung windows and a lung finding
# cannot be seen in the mediastinal window that many CT headers put first.
LUNG_CENTRE, LUNG_WIDTH = -600.0, 1500.0

# X-rays without a usable window: leave out what a collimator edge or a marker lights up.
_LOW_PERCENTILE, _HIGH_PERCENTILE = 0.5, 99.5
_LEAST_VISIBLE = 0.05  # share of pixels that a window must leave between black and white
_SAMPLE_STEP = 4


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
    """`entries`: float32 in stored units; `first` is the value that the first one stands for."""

    first: int
    entries: Values
    bits: int

    def apply(self, values: Values) -> Values:
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        return np.asarray(np.take(self.entries, index.astype(np.int32)))

    def apply_grey(self, values: Values) -> Pixels:
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
    return LookUpTable(first, entries, bits)


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
    low, high = sorted((first, first if last is None else last))
    mask = (stored >= low) & (stored <= high)
    return mask if mask.any() else None


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


def _robust_window(values: Values, padding: Mask | None) -> Window:
    measured = values if padding is None or padding.all() else values[~padding]
    sample = measured.ravel()[::_SAMPLE_STEP]
    low, high = np.percentile(sample, (_LOW_PERCENTILE, _HIGH_PERCENTILE))
    return Window((low + high) / 2, max(float(high - low), 1.0), "LINEAR_EXACT")


def _shows_something(grey: Pixels) -> bool:
    sample = grey.ravel()[::_SAMPLE_STEP]
    return float(np.mean((sample > 0) & (sample < 1))) >= _LEAST_VISIBLE


def develop_xray(values: Values, tags: Tags, padding: Mask | None) -> tuple[Pixels, Window | LookUpTable]:
    """Grey, and what made it: VOI LUT, else the first window, else a robust range; each only if it shows the image."""
    table, window = _first_table(tags, "VOILUTSequence"), read_window(tags)
    if table and _shows_something(grey := table.apply_grey(values)):
        return grey, table
    if window and _shows_something(grey := window.apply(values)):
        return grey, window
    robust = _robust_window(values, padding)
    return robust.apply(values), robust


LUNG = Window(LUNG_CENTRE, LUNG_WIDTH, "LINEAR_EXACT")


def lung_grey(hounsfield: Values) -> Pixels:
    return LUNG.apply(hounsfield)
