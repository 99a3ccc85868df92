"""Which series of a CT study speaks for it: one, chosen by a stated rule, and the choice is shown."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Generic

from ml.study.reasons import Key, LeftOut, Reason

# Millimetres. Chest CT for the lungs is reconstructed at 0.5 to 3, for the mediastinum mostly at 5.
THIN = 3.0
# Siemens numbers its kernels by sharpness (B60f, I50f, Bl57d, Br64); lungs are read from 50 on.
_SIEMENS = re.compile(r"\b[BHI][A-Z]?(\d\d)[A-Z]?\b")
_SHARP = 50
# GE: LUNG; Canon: FC50 to FC56 and FC80 to FC86; Philips: L, YA, YB, YC
_LUNG_KERNELS = re.compile(r"\bLUNG|\bFC[58][0-6]\b|^(L|YA|YB|YC)$")
# Lung, Lunge, pulmonary, pulmão, pulmón, poumon, polmone, лёгкие, 肺
_LUNG_WORDS = re.compile(r"LUNG|PULM|POUMON|POLMON|ЛЕГК|ЛЁГК|肺")


@dataclass(frozen=True, slots=True)
class SeriesFacts(Generic[Key]):
    """What is known of one series before anything is classified.

    `slices` are its axial images that may be classified; `thickness` (0018,0050) and `spacing`, from the middle of
    one slice to the next, are millimetres or None; `kernel` (0018,1210), `description` (0008,103E), '' where the
    files leave them out; `derived` says that its images were computed from others. `key` breaks the last tie, by its
    text.
    """

    key: Key
    slices: int
    thickness: float | None = None
    spacing: float | None = None
    kernel: str = ""
    description: str = ""
    derived: bool = False

    @property
    def millimetres(self) -> float | None:
        """How thick its slices are; their distance where that is not stated."""
        return self.spacing if self.thickness is None else self.thickness

    @property
    def is_for_lungs(self) -> bool:
        """Whether kernel or description say that it was reconstructed for the lungs."""
        kernel = self.kernel.upper().strip()
        siemens = _SIEMENS.search(kernel)
        sharp = siemens is not None and int(siemens[1]) >= _SHARP
        return sharp or bool(_LUNG_KERNELS.search(kernel) or _LUNG_WORDS.search(self.description.upper()))


@dataclass(frozen=True, slots=True)
class ChosenSeries(Generic[Key]):
    """`key` of the series that speaks for the study, why, and why each of the others does not."""

    key: Key
    reason: Reason
    left_out: tuple[LeftOut[Key], ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    """`rank` sorts the better series first; `won` says why one was chosen by it, `lost` why another was not."""

    rank: Callable[[SeriesFacts[Any]], float]
    won: str
    lost: str


def _thickness(facts: SeriesFacts[Any]) -> float:
    return float("inf") if facts.millimetres is None else round(facts.millimetres, 2)


# In this order: a thick series for the lungs misses small opacities, a thin one for soft tissue only blurs them.
RULES = (
    _Rule(lambda facts: _thickness(facts) > THIN, "thin_slices", "thicker"),
    _Rule(lambda facts: not facts.is_for_lungs, "lung_kernel", "no_lung_kernel"),
    _Rule(_thickness, "thinnest_slices", "thicker"),
    _Rule(lambda facts: -facts.slices, "most_slices", "fewer_slices"),
)


def choose_series(series: Iterable[SeriesFacts[Key]]) -> ChosenSeries[Key] | None:
    """The series that speaks for a study; None where none has an axial slice that is not derived.

    Thin slices (up to 3 mm) come first, then a reconstruction for the lungs, then the thinner slices, then more of
    them. The order of `series` does not matter.
    """
    told = sorted(series, key=lambda facts: str(facts.key))
    unfit = [LeftOut(facts.key, Reason(code)) for facts in told if (code := _unfit(facts))]
    ranked = sorted(
        (facts for facts in told if not _unfit(facts)), key=lambda facts: [rule.rank(facts) for rule in RULES]
    )
    if not ranked:
        return None
    chosen, *others = ranked
    beaten = [LeftOut(other.key, Reason(_lost(chosen, other))) for other in others]
    return ChosenSeries(chosen.key, Reason(_won(ranked)), (*beaten, *unfit))


def slice_spacing(positions: Sequence[float]) -> float | None:
    """The usual distance between neighbouring slices in millimetres; None of fewer than two places.

    `positions` in millimetres along the axis, in any order.
    """
    places = sorted(set(positions))
    return median(high - low for low, high in pairwise(places)) if len(places) > 1 else None


def _unfit(facts: SeriesFacts[Any]) -> str | None:
    if facts.derived:
        return "derived"
    return None if facts.slices else "not_axial"


def _won(ranked: Sequence[SeriesFacts[Any]]) -> str:
    """By the rule that parted the chosen series from the next one."""
    if len(ranked) == 1:
        return "only_series"
    rule = _parting(ranked[0], ranked[1])
    return rule.won if rule else "first_of_equals"


def _lost(chosen: SeriesFacts[Any], other: SeriesFacts[Any]) -> str:
    rule = _parting(chosen, other)
    if rule and rule.lost == "thicker" and other.millimetres is None:
        return "thickness_unknown"
    return rule.lost if rule else "equal_series"


def _parting(one: SeriesFacts[Any], other: SeriesFacts[Any]) -> _Rule | None:
    """The first rule by which two series differ."""
    return next((rule for rule in RULES if rule.rank(one) != rule.rank(other)), None)
