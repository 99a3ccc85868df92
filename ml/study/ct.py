"""From the slices of one CT series to a result of the study, by a named method of a stated version.

The method, what it was compared with and what was not measured: docs/adr/0212.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic

from ml.spec import OperatingPoint, Zone
from ml.study.reasons import Key, LeftOut, Reason

# Since 1.1.0 it is given one slice in every 5 mm (ml.study.thinning); it combines them as before.
METHOD, VERSION = "lung-top-third", "1.1.0"
# The score is that of the third of the lung area that scores highest.
TOP_SHARE = 1 / 3
# Slices with less lung than this share of the fullest slice are left out: top and base of the lungs.
LEAST_LUNG = 0.25
KEY_SLICES = 5
# Key slices lie at least a tenth of the slices apart, and never side by side.
KEY_DISTANCE, LEAST_KEY_DISTANCE = 0.1, 2


class Level(StrEnum):
    """A third of the way from the highest to the lowest slice that counts."""

    UPPER = "upper"
    MIDDLE = "middle"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class Slice(Generic[Key]):
    """One slice that was classified.

    `probability` of the positive label, in [0, 1]; `lung_area` in any unit that all slices share, None where no lungs
    were found; `position` in millimetres along the patient's axis, towards the head, None where the file does not
    say; `number` the instance number, which orders slices without positions.
    """

    key: Key
    probability: float
    lung_area: float | None
    position: float | None = None
    number: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"{self.probability} is no probability.")


@dataclass(frozen=True, slots=True)
class Share:
    """How much reaches a bound: the share of slices and the share of the lung area in slices that do, in [0, 1]."""

    slices: float
    lung_area: float


@dataclass(frozen=True, slots=True)
class Third:
    """A third of the way along the axis: how many slices, their mean weighted by lung area, and the shares."""

    level: Level
    slices: int
    mean: float
    at_threshold: Share
    clearly_positive: Share


@dataclass(frozen=True, slots=True)
class SeriesResult(Generic[Key]):
    """What the slices of a series say together.

    `score` in [0, 1] is on the scale of one slice's probability, that of a study with one slice being its
    probability; `zone` is where it lies between the bounds *of single slices*. `slices` counted; `at_threshold` and
    `clearly_positive` are what reaches the two bounds. `thirds` from upper to lower, without those that hold no
    slice; empty where positions are not known. `key_slices`, at most 5, lie apart from each other and are where the
    score is highest together with its neighbours; from head to foot. `left_out` has every slice without a part, and
    `notes` what to know of the result.
    """

    method: str
    version: str
    score: float
    zone: Zone
    slices: int
    at_threshold: Share
    clearly_positive: Share
    thirds: tuple[Third, ...]
    key_slices: tuple[Key, ...]
    left_out: tuple[LeftOut[Key], ...]
    notes: tuple[Reason, ...]


def combine_slices(slices: Iterable[Slice[Key]], point: OperatingPoint) -> SeriesResult[Key] | None:
    """The result of a series, None where it has no slice; the order of `slices` does not matter.

    `point` holds the bounds of whoever gave the probabilities, a classifier or an ensemble. Slices without lungs, or
    with less than a quarter of the lung area of the fullest one, are left out. Where no slice has lungs, all count
    the same. The score is the mean, weighted by lung area, over the third of the lung area that scores highest.
    """
    ordered = _ordered(slices)
    if not ordered:
        return None
    kept, left_out = counted_slices(ordered)
    placed = all(one.position is not None for one in kept)
    score = top_mean(kept, TOP_SHARE)
    return SeriesResult(
        METHOD,
        VERSION,
        score,
        point.zone(score),
        len(kept),
        _share(kept, point.threshold),
        _share(kept, point.positive_from),
        _thirds(kept, point) if placed else (),
        key_slices(kept),
        left_out,
        _notes(kept, placed),
    )


def counted_slices(slices: Sequence[Slice[Key]]) -> tuple[list[Slice[Key]], tuple[LeftOut[Key], ...]]:
    """The slices that count, in their order, and those that show too little lung, with why.

    All count where none shows lungs.
    """
    fullest = max((one.lung_area or 0.0 for one in slices), default=0.0)
    if fullest == 0.0:
        return list(slices), ()
    judged = [(one, _missing(one, fullest)) for one in slices]
    kept = [one for one, reason in judged if reason is None]
    return kept, tuple(LeftOut(one.key, reason) for one, reason in judged if reason is not None)


def top_mean(slices: Sequence[Slice[Key]], share: float) -> float:
    """The mean probability over the `share` in (0, 1] of the lung area that scores highest.

    A slice that lies across the border counts in part, so that neither the number of slices nor their thickness
    changes the score. Raises ValueError without slices.
    """
    if not slices:
        raise ValueError("There is no slice to combine.")
    left = most = share * sum(map(_weight, slices))
    total = 0.0
    for one in sorted(slices, key=lambda one: -one.probability):
        taken = min(left, _weight(one))
        total += taken * one.probability
        left -= taken
    lowest, highest = min(one.probability for one in slices), max(one.probability for one in slices)
    return min(highest, max(lowest, total / (most - left)))


def key_slices(ordered: Sequence[Slice[Key]]) -> tuple[Key, ...]:
    """The keys of the slices to open first, from head to foot; `ordered` likewise."""
    apart = max(LEAST_KEY_DISTANCE, math.ceil(KEY_DISTANCE * len(ordered)))
    chosen: list[int] = []
    for place in sorted(range(len(ordered)), key=lambda place: (-_with_neighbours(ordered, place), place)):
        if len(chosen) < KEY_SLICES and all(abs(place - other) >= apart for other in chosen):
            chosen.append(place)
    return tuple(ordered[place].key for place in sorted(chosen))


def _ordered(slices: Iterable[Slice[Key]]) -> list[Slice[Key]]:
    """From head to foot where every slice says where it lies, else by instance number."""
    told = sorted(slices, key=lambda one: (one.number, str(one.key)))
    places = {one.key: one.position for one in told if one.position is not None}
    return sorted(told, key=lambda one: -places[one.key]) if len(places) == len(told) else told


def _missing(one: Slice[Key], fullest: float) -> Reason | None:
    if not one.lung_area:
        return Reason("lungs_not_found")
    share = one.lung_area / fullest
    return Reason("little_lung", {"percent": math.floor(100 * share)}) if share < LEAST_LUNG else None


def _weight(one: Slice[Key]) -> float:
    """Only where no slice has lungs does one count that has none."""
    return one.lung_area or 1.0


def _share(slices: Sequence[Slice[Key]], bound: float) -> Share:
    reached = [one for one in slices if one.probability >= bound]
    return Share(len(reached) / len(slices), sum(map(_weight, reached)) / sum(map(_weight, slices)))


def _thirds(ordered: Sequence[Slice[Key]], point: OperatingPoint) -> tuple[Third, ...]:
    places = [one.position or 0.0 for one in ordered]
    top, length = max(places), max(places) - min(places)
    held: dict[Level, list[Slice[Key]]] = {level: [] for level in Level}
    for one, place in zip(ordered, places, strict=True):
        held[_level((top - place) / length if length else 0.5)].append(one)
    return tuple(_third(level, found, point) for level, found in held.items() if found)


def _level(depth: float) -> Level:
    """`depth` from 0, at the highest slice, to 1."""
    return list(Level)[min(2, int(3 * depth))]


def _third(level: Level, found: Sequence[Slice[Key]], point: OperatingPoint) -> Third:
    return Third(
        level, len(found), top_mean(found, 1.0), _share(found, point.threshold), _share(found, point.positive_from)
    )


def _with_neighbours(ordered: Sequence[Slice[Key]], place: int) -> float:
    """The mean over a slice and those beside it: one bright spot among dark slices is mostly noise."""
    around = ordered[max(0, place - 1) : place + 2]
    return sum(one.probability for one in around) / len(around)


def _notes(kept: Sequence[Slice[Key]], placed: bool) -> tuple[Reason, ...]:
    several = len(kept) > 1
    held = {
        "slice_bounds": several,
        "lungs_unknown": not any(one.lung_area for one in kept),
        "positions_unknown": several and not placed,
    }
    return tuple(Reason(code) for code, holds in held.items() if holds)
