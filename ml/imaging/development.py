"""Stored values into a picture: the lung window for slices in Hounsfield units, else what the file asks for."""

from dataclasses import dataclass, replace

import numpy as np

from ml.imaging.admission import Admission
from ml.imaging.facts import Fact, not_classified
from ml.imaging.frame import Stored
from ml.imaging.image import Pixels, refuse_blank
from ml.imaging.refusal import ImageRefused
from ml.imaging.role import Role, is_mirrored
from ml.imaging.tags import Tags
from ml.imaging.visible import is_visible, sample
from ml.imaging.windowing import (
    LUNG,
    LookUpTable,
    Mask,
    Values,
    Window,
    develop_xray,
    modality_values,
    padding_mask,
)

MIRRORED = Fact("mirrored")
_AIR = -1024.0
# Every chest slice shows air (lung, room) and soft tissue. HU.
_AIR_BELOW, _TISSUE_ABOVE, _LEAST_SHARE = -400.0, -200.0, 0.01
# Metal exceeds the upper bound, but never fills a hundredth of the slice.
_LOWEST, _HIGHEST = -4096.0, 3071.0
_NO_SLICES = frozenset({Role.SCOUT, Role.DERIVED})


@dataclass(frozen=True, slots=True, eq=False)
class Development:
    """`pixels` float32 (rows, columns) in [0, 1], 0 = black = air, made from the modality LUT's `values` by `shown_by`.

    `padding` is where nothing was measured, `in_hounsfield` whether the values are Hounsfield units, `is_turned`
    whether a larger value is darker, `own_range` why the file's own wish was not followed, `is_mirrored` as in
    ml.imaging.role.
    """

    pixels: Pixels
    values: Values
    padding: Mask | None
    shown_by: Window | LookUpTable
    in_hounsfield: bool
    is_turned: bool
    not_classified: Fact | None
    own_range: Fact | None = None
    is_mirrored: bool = False

    @property
    def facts(self) -> tuple[Fact, ...]:
        return (*((self.own_range,) if self.own_range else ()), *((MIRRORED,) if self.is_mirrored else ()))


def develop(stored: Stored, tags: Tags, admission: Admission) -> Development:
    """Raises ImageRefused for a slice whose values have no stated scale."""
    return replace(_developed(stored, tags, admission), is_mirrored=is_mirrored(tags, admission.role))


def _developed(stored: Stored, tags: Tags, admission: Admission) -> Development:
    values, padding = modality_values(stored, tags), padding_mask(stored, tags)
    if not _is_slice(admission):
        return _as_asked_for(values, padding, tags, admission.not_classified)
    if not tags.has("RescaleSlope") or not tags.has("RescaleIntercept"):
        raise ImageRefused("missing-tag", variant="rescale")
    if is_hounsfield(values, padding):
        return _in_lung_window(values, padding, admission.not_classified)
    return _as_asked_for(values, padding, tags, admission.not_classified or not_classified("values"))


def _is_slice(admission: Admission) -> bool:
    return admission.modality.is_tomographic and admission.role not in _NO_SLICES


def _in_lung_window(values: Values, padding: Mask | None, reason: Fact | None) -> Development:
    if padding is not None:
        values[padding] = _AIR
    return Development(LUNG.apply(values), values, padding, LUNG, True, False, reason)


def _as_asked_for(values: Values, padding: Mask | None, tags: Tags, reason: Fact | None) -> Development:
    is_turned = _is_inverted(tags)
    shown = develop_xray(values, tags, padding, is_turned=is_turned)
    grey = shown.grey
    if is_turned:
        np.subtract(1, grey, out=grey)
    if padding is not None:
        grey[padding] = 0
    if reason is None:
        _refuse_without_greys(grey, padding)
    return Development(grey, values, padding, shown.by, False, is_turned, reason, shown.own_range)


def _refuse_without_greys(grey: Pixels, padding: Mask | None) -> None:
    refuse_blank(grey)
    if not is_visible(sample(grey, padding)):
        raise ImageRefused("no-greys")


def is_hounsfield(values: Values, padding: Mask | None) -> bool:
    """Whether the values may be Hounsfield units of a chest slice."""
    sample = (values if padding is None else values[~padding]).ravel()[::4]
    plausible = sample.size and sample.min() >= _LOWEST and np.percentile(sample, 99) <= _HIGHEST
    shares = (np.mean(sample < _AIR_BELOW), np.mean(sample > _TISSUE_ABOVE)) if plausible else (0,)
    return bool(min(shares) >= _LEAST_SHARE)


def _is_inverted(tags: Tags) -> bool:
    """MONOCHROME1 and an INVERSE presentation are two ways to say it once (PS3.3 C.8.11.3.1.2)."""
    inverse = tags.text("PresentationLUTShape").upper() == "INVERSE"
    return inverse or tags.text("PhotometricInterpretation").upper() == "MONOCHROME1"
