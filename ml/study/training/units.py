"""What is compared: images that belong together, with their scores by each method."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.imaging import decode
from ml.lungs import lung_share
from ml.spec import Modality, OperatingPoint
from ml.study.ct import TOP_SHARE, Slice, counted_slices, top_mean
from ml.training.metrics import area_under_curve
from ml.training.scored_images import ScoredImages

Slices = Sequence[Slice[str]]
Method = Callable[[Slices], float]
CHOSEN = "top third"


@dataclass(frozen=True)
class Unit:
    """The images of one patient, or of one block of consecutive slices, which carry one label."""

    group: str
    source: str
    positive: bool
    slices: tuple[Slice[str], ...]


@dataclass(frozen=True)
class ScoredUnits:
    """Scores float64 (n, methods) of units, whether each is positive (n,), and the group that stays together (n,)."""

    methods: tuple[str, ...]
    scores: NDArray[np.float64]
    positive: NDArray[np.bool_]
    groups: NDArray[np.str_]

    def take(self, which: NDArray[Any]) -> Self:
        """Some of the units, by index; an index may come more than once."""
        return type(self)(self.methods, self.scores[which], self.positive[which], self.groups[which])


def methods(point: OperatingPoint) -> dict[str, Method]:
    """The ways from slices to a score that are compared; all see the slices that count, and no others."""
    return {
        "highest": lambda slices: max(one.probability for one in slices),
        "mean of the highest five": lambda slices: float(np.mean(sorted(one.probability for one in slices)[-5:])),
        "top tenth": lambda slices: top_mean(slices, 0.1),
        "top fifth": lambda slices: top_mean(slices, 0.2),
        CHOSEN: lambda slices: top_mean(slices, TOP_SHARE),
        "top half": lambda slices: top_mean(slices, 0.5),
        "mean": lambda slices: top_mean(slices, 1.0),
        "share at the threshold": lambda slices: _share(slices, point.threshold),
        "share clearly positive": lambda slices: _share(slices, point.positive_from),
    }


def units(scored: ScoredImages, areas: Mapping[str, float | None]) -> list[Unit]:
    """The units of a part; a group that carries two labels is none."""
    found = []
    for group in sorted(set(scored.groups.tolist())):
        here = scored.take(scored.groups == group)
        if len(set(here.labels.tolist())) == 1:
            slices = zip(here.paths.tolist(), here.score.tolist(), strict=True)
            placed = tuple(Slice(path, score, areas[path]) for path, score in slices)
            found.append(Unit(group, str(here.sources[0]), bool(here.positive[0]), placed))
    return found


def lung_areas(data: Path, paths: Iterable[str]) -> dict[str, float | None]:
    """The share of each image that the lungs cover; of published slices the spacing is not known."""
    return {path: lung_share(decode((data / path).read_bytes()).pixels, Modality.CT) for path in paths}


def score_units(found: Sequence[Unit], ways: Mapping[str, Method]) -> ScoredUnits:
    """Every unit by every method."""
    kept = [counted_slices(unit.slices)[0] for unit in found]
    return ScoredUnits(
        tuple(ways),
        np.array([[way(slices) for way in ways.values()] for slices in kept]),
        np.array([unit.positive for unit in found]),
        np.array([unit.group for unit in found]),
    )


def areas(scored: ScoredUnits) -> dict[str, float]:
    """AUC of each method."""
    return {
        name: area_under_curve(scored.positive, scored.scores[:, column]) for column, name in enumerate(scored.methods)
    }


def areas_and_leads(scored: ScoredUnits) -> dict[str, float]:
    """AUC of each method, and by how much that of the chosen one is above it."""
    found = areas(scored)
    lead = {f"lead/{name}": found[CHOSEN] - area for name, area in found.items() if name != CHOSEN}
    return found | lead


def dilute(found: Sequence[Unit], share: float, *, draws: int = 20, seed: int = 0) -> list[Unit]:
    """Composed studies: of each positive block only a stretch of `share` of its slices, the rest from a negative one.

    Each positive block is composed `draws` times and stays one group; negative blocks are as they are. Patients are
    mixed, so this shows how a method bears focal disease and not how well one is told from the other.
    """
    random = np.random.default_rng(seed)
    negative = [unit for unit in found if not unit.positive]
    composed = [
        _compose(unit, negative[random.integers(len(negative))], share, random)
        for unit in found
        if unit.positive
        for _ in range(draws)
    ]
    return [*composed, *negative]


def _compose(unit: Unit, other: Unit, share: float, random: np.random.Generator) -> Unit:
    number = len(unit.slices)
    kept = max(1, round(share * number))
    begin = int(random.integers(number - kept + 1))
    slices = unit.slices[begin : begin + kept] + other.slices[: number - kept]
    return Unit(unit.group, unit.source, True, slices)


def _share(slices: Slices, bound: float) -> float:
    weights = [one.lung_area or 1.0 for one in slices]
    return float(np.average([one.probability >= bound for one in slices], weights=weights))
