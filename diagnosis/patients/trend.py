"""A patient's probabilities over time, as lines on a chart; one line for each version of an ensemble or classifier.

Where an ensemble predicted, its prediction alone is drawn: its members stay on the scan's page.
Lines of two versions are never joined: their probabilities are calibrated apart and need not mean the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from diagnosis import formats
from diagnosis.models import EnsemblePrediction, Patient, Prediction, Scan
from diagnosis.results import verdict
from diagnosis.results.labels import label_name
from diagnosis.rules import blinding
from diagnosis.states import AnalysisStatus

Drawn = Prediction | EnsemblePrediction
WIDTH, HEIGHT = 640, 180  # of the drawing's coordinates; the page scales it
SHORTEST = 2  # scans; one point is no trend
GRID = (0, 0.25, 0.5, 0.75, 1)  # probabilities that have a line


@dataclass(frozen=True)
class Point:
    """One prediction: `x` and `y` in the drawing's coordinates, `y` growing downwards; `word` is its verdict's."""

    scan: Scan
    at: datetime
    probability: float
    at_or_above_threshold: bool
    word: str
    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """One version of an ensemble or classifier. `number` counts from 1 and chooses the dash of the line."""

    number: int
    name: str
    label: str
    points: tuple[Point, ...]

    @property
    def path(self) -> str:
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


@dataclass(frozen=True)
class Trend:
    lines: tuple[Line, ...]
    first: datetime
    last: datetime
    width: int = WIDTH
    height: int = HEIGHT


def grid() -> list[tuple[float, str]]:
    """The lines behind the chart, each with its height and its label."""
    return [(HEIGHT * (1 - probability), formats.share(probability, 0)) for probability in GRID]


def trend(patient: Patient, user: User) -> Trend | None:
    """The lines that `user` may see, or None where there are too few scans to draw one."""
    scans = list(patient.scans.representatives().with_studies())
    hidden = blinding.results_hidden_among(user, [scan.study_id for scan in scans])
    shown = [(scan, one) for scan in scans if scan.study_id not in hidden for one in _latest(scan)]
    times = sorted({scan.study.taken_at for scan, _ in shown})
    if len(times) < SHORTEST:
        return None
    return Trend(tuple(_lines(shown, times[0], times[-1])), times[0], times[-1])


def _latest(scan: Scan) -> list[Drawn]:
    """Of the newest analysis that gave a result; earlier ones stay on the scan's own page."""
    done = [one for one in scan.study.analyses.all() if one.status == AnalysisStatus.SUCCEEDED]
    newest = scan.study.latest_among(done)
    if newest is None:
        return []
    return [newest.ensemble] if newest.ensemble else list(newest.predictions.all())


def _lines(shown: Iterable[tuple[Scan, Drawn]], first: datetime, last: datetime) -> Iterable[Line]:
    groups: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for scan, one in shown:
        label = label_name(one.operating_point["positive_label"])
        groups[one.identity.replace("/", " "), label].append(_point(scan, one, first, last))
    for number, ((name, label), points) in enumerate(sorted(groups.items()), start=1):
        yield Line(number, name, label, tuple(sorted(points, key=lambda point: point.at)))


def _point(scan: Scan, one: Drawn, first: datetime, last: datetime) -> Point:
    at = scan.study.taken_at
    x = WIDTH * ((at - first) / (last - first))
    y = HEIGHT * (1 - one.probability)
    found = verdict.of_ensemble(one) if isinstance(one, EnsemblePrediction) else verdict.of_prediction(one)
    return Point(scan, at, one.probability, one.at_or_above_threshold, found.word, x, y)
