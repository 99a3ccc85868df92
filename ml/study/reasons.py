"""Why something of a study has no part in its result, why a series was chosen, and what to know of a result.

Codes with parameters, so that they can be stored; their sentences are translated by whoever shows them.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ml.messages import Params, fill
from ml.messages import gettext_noop as _

Key = TypeVar("Key", bound=Hashable)

BETWEEN_SLICES = "between_slices"
SENTENCES = {
    # Slices without a part in the result
    "lungs_not_found": _("Not part of the result: no lungs were found in this slice with confidence."),
    "little_lung": _(
        "Not part of the result: this slice shows only %(percent)d %% of the lung area of the fullest slice, "
        "as at the top or the base of the lungs, where scores are not to be relied on."
    ),
    # Slices that were not asked about
    BETWEEN_SLICES: _(
        "Not asked: another slice within %(millimetres)d mm of it was, and slices so close together show nearly the "
        "same."
    ),
    # Series that were not chosen
    "derived": _("Not used: the images of this series were computed from another one."),
    "not_axial": _("Not used: this series has no axial slices."),
    "thicker": _("Not used: the slices of this series are thicker than those of the series that was chosen."),
    "thickness_unknown": _(
        "Not used: the thickness of these slices is not stated, and another series states that it has thin ones."
    ),
    "no_lung_kernel": _(
        "Not used: this series was not reconstructed for the lungs, and the series that was chosen was."
    ),
    "fewer_slices": _("Not used: this series has fewer slices than the series that was chosen."),
    "equal_series": _("Not used: this series is equal to the one that was chosen by every rule."),
    # Why a series was chosen
    "only_series": _("Chosen as the only series with axial slices."),
    "thin_slices": _("Chosen for its thin slices."),
    "lung_kernel": _("Chosen because it was reconstructed for the lungs."),
    "thinnest_slices": _("Chosen for the thinnest slices."),
    "most_slices": _("Chosen for the most slices."),
    "first_of_equals": _("Chosen as the first of several series that are equal by every rule."),
    # What to know of a result
    "slice_bounds": _(
        "The bounds of the zones were chosen for single slices. How often the result of a whole examination is right "
        "has not been measured."
    ),
    "lungs_unknown": _(
        "No lungs were found in any slice with confidence, so every slice counts the same, whatever it shows."
    ),
    "positions_unknown": _(
        "Not all slices state their position, so nothing is said of where along the lungs the scores are high."
    ),
    "thinned": _(
        "Of this series one slice in every %(millimetres)d mm was classified: %(classified)d of %(slices)d. "
        "What shows only between two of them can be missed."
    ),
    "frontals_differ": _(
        "The frontal images of this study were answered differently, one in the positive and one in the negative zone."
    ),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of SENTENCES and what fills its template. Raises KeyError for an unknown code or a missing value."""

    code: str
    params: Params = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        fill(SENTENCES, self.code, self.params)

    @property
    def sentence(self) -> str:
        """In English."""
        return fill(SENTENCES, self.code, self.params)


@dataclass(frozen=True, slots=True)
class LeftOut(Generic[Key]):
    """A slice or a series without a part in the result, by its key, and why."""

    key: Key
    reason: Reason
