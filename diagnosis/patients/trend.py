"""A patient's probabilities over time, drawn apart by modality and by question, in the order of the examinations.

Where an ensemble predicted, its prediction alone is drawn: its members stay on the study's page.
Lines of two versions are never joined: their probabilities are calibrated apart and need not mean the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from accounts.models import User
from diagnosis import formats
from diagnosis.models import Analysis, EnsemblePrediction, Patient, Prediction, ReadingPolicy, Scan, Study
from diagnosis.models.modality import Modality
from diagnosis.results import answers
from diagnosis.results.answers import Answer
from diagnosis.rules import blinding
from diagnosis.states import AnalysisStatus

Drawn = Prediction | EnsemblePrediction
WIDTH, HEIGHT = 400, 150  # of the drawing's coordinates; the page scales it
SHORTEST = 2  # examinations; one point is no trend
GRID = (0, 0.25, 0.5, 0.75, 1)  # probabilities that have a line
DAY_WIDTH = 90  # that a date below the drawing takes up
MARGIN = 12  # by which a threshold reaches beyond the points that it is of


@dataclass(frozen=True)
class Given:
    """One answer of a result: to which question, by which version, at which examination. `rank` orders questions."""

    rank: int
    study: Study
    by: str
    answer: Answer


@dataclass(frozen=True)
class Point:
    """`x` and `y` in the drawing's coordinates, `y` growing downwards."""

    study: Study
    answer: Answer
    x: float
    y: float

    @property
    def mark(self) -> str:
        """Hollow below the threshold, full at or above it; half where it lies between two."""
        if self.answer.tone == "indeterminate" and self.answer.upper is not None:
            return "between"
        return "below" if self.answer.tone == "neutral" else "above"


@dataclass(frozen=True)
class Span:
    """Part of a line at the same thresholds, from `start` to `end` in the drawing's coordinates.

    `lower` and `upper`, None where there is one alone, are 0 to 1; `top` and `bottom` where they lie, from below.
    """

    lower: float
    upper: float | None
    start: float
    end: float

    @property
    def bottom(self) -> float:
        return _y(self.lower)

    @property
    def top(self) -> float | None:
        return None if self.upper is None else _y(self.upper)


@dataclass(frozen=True)
class Line:
    """One version of an ensemble or classifier. `number` counts from 1 and chooses the dash of the line."""

    number: int
    name: str
    points: tuple[Point, ...]
    start: float
    end: float

    @property
    def path(self) -> str:
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)

    @property
    def spans(self) -> list[Span]:
        """In the order of the points. More than one where a clinic has put others into use meanwhile."""
        groups = [list(group) for _, group in groupby(self.points, key=_thresholds)]
        ends = [group[0].x for group in groups[1:]] + [self.end]
        starts = [self.start, *ends[:-1]]
        return [
            Span(*_thresholds(group[0]), start, end) for group, start, end in zip(groups, starts, ends, strict=True)
        ]


def _thresholds(point: Point) -> tuple[float, float | None]:
    return point.answer.threshold, point.answer.upper


@dataclass(frozen=True)
class Day:
    """An examination on the time axis. `text`, its date around `middle`, is empty where it has no room."""

    x: float
    middle: float
    text: str


@dataclass(frozen=True)
class Chart:
    """The answers to one question."""

    question: str
    lines: tuple[Line, ...]
    days: tuple[Day, ...]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def is_zoned(self) -> bool:
        """Whether any line has two thresholds."""
        return any(span.upper is not None for line in self.lines for span in line.spans)


@dataclass(frozen=True)
class Trend:
    """Of one modality. `research_only`: what is drawn is for research, as the clinic wants it shown."""

    modality: str
    research_only: bool
    charts: tuple[Chart, ...]

    @property
    def undated(self) -> int:
        """How many of its examinations stand on the day on which they were received, for want of their own."""
        points = [point for chart in self.charts for line in chart.lines for point in line.points]
        return len({point.study.pk for point in points if point.study.examined_at is None})


def grid() -> list[tuple[float, str]]:
    """The lines behind a chart, each with its height and its label."""
    return [(_y(probability), formats.share(probability, 0)) for probability in GRID]


def trends(patient: Patient, user: User) -> list[Trend]:
    """What `user` may see, a modality each; nothing of those with too few examinations to draw a line."""
    policy = ReadingPolicy.of(patient.clinic)
    drawn = _drawn(patient, user, policy)
    by_modality = [(kind, [pair for pair in drawn if pair[0].modality == kind]) for kind in Modality.values]
    found = (_trend(kind, pairs, policy) for kind, pairs in by_modality)
    return [one for one in found if one.charts]


def _drawn(patient: Patient, user: User, policy: ReadingPolicy) -> list[tuple[Scan, Drawn]]:
    """Each result with the image that stands for its study; one for research only where the clinic shows such."""
    scans = list(patient.scans.representatives().with_studies())
    hidden = blinding.results_hidden_among(user, [scan.study_id for scan in scans])
    # What rests on images that are gone, perhaps to another patient, says nothing of this one.
    standing = Analysis.objects.filter(study__patient=patient, status=AnalysisStatus.SUCCEEDED).with_all_images()
    keys = frozenset(standing.order_by().values_list("pk", flat=True))
    shown = [(scan, one) for scan in scans if scan.study_id not in hidden for one in _latest(scan, keys)]
    return [pair for pair in shown if policy.show_research_only or not answers.given(pair[1]).is_research_only]


def _latest(scan: Scan, standing: Collection[UUID]) -> list[Drawn]:
    """Of the newest analysis whose result is `standing`, by its key; earlier ones stay on the study's own page."""
    done = [one for one in scan.study.analyses.all() if one.pk in standing]
    newest = scan.study.latest_among(done)
    if newest is None:
        return []
    return [newest.ensemble] if newest.ensemble else list(newest.predictions.all())


def _trend(modality: str, drawn: list[tuple[Scan, Drawn]], policy: ReadingPolicy) -> Trend:
    research_only = any(answers.given(one).is_research_only for _, one in drawn)
    given = [found for scan, one in drawn for found in _given(scan.study, one, policy)]
    return Trend(str(Modality(modality).label), research_only, tuple(_charts(given)))


def _given(study: Study, one: Drawn, policy: ReadingPolicy) -> Iterator[Given]:
    """The more trustworthy question first."""
    said, by = answers.given(one), one.identity.replace("/", " ")
    for rank, answer in enumerate((answers.lung(said, policy), answers.pattern(said, policy))):
        if answer:
            yield Given(rank, study, by, answer)


def _charts(given: list[Given]) -> Iterator[Chart]:
    """All with the same time axis."""
    times = sorted({one.study.taken_at for one in given})
    questions: dict[tuple[int, str], list[Given]] = defaultdict(list)
    for one in given:
        questions[one.rank, one.answer.name].append(one)
    for (_, name), asked in sorted(questions.items()):
        if len({one.study.taken_at for one in asked}) >= SHORTEST:
            yield Chart(name, tuple(_lines(asked, times)), tuple(_days(asked, times)))


def _lines(given: Iterable[Given], times: list[datetime]) -> Iterator[Line]:
    groups: dict[str, list[Point]] = defaultdict(list)
    for one in given:
        groups[one.by].append(Point(one.study, one.answer, _x(one.study.taken_at, times), _y(one.answer.probability)))
    for number, (name, points) in enumerate(sorted(groups.items()), start=1):
        ordered = tuple(sorted(points, key=lambda point: point.x))
        yield Line(number, name, ordered, *_reach(ordered, alone=len(groups) == 1))


def _reach(points: tuple[Point, ...], *, alone: bool) -> tuple[float, float]:
    """How far thresholds reach: they hold for the points of their own version."""
    return (0, WIDTH) if alone else (max(0, points[0].x - MARGIN), min(WIDTH, points[-1].x + MARGIN))


def _days(given: Iterable[Given], times: list[datetime]) -> Iterator[Day]:
    """A mark for each examination, with its date where that overlaps no other."""
    moments = sorted({one.study.taken_at for one in given})
    places = [_x(when, times) for when in moments]
    labelled = _with_room(places)
    for x, when in zip(places, moments, strict=True):
        yield Day(x, _centre(x), formats.day(when) if x in labelled else "")


def _with_room(places: list[float]) -> list[float]:
    """The last first, then the first, then what lies between."""
    kept: list[float] = []
    for x in (places[-1], *places[:-1]):
        if all(abs(_centre(x) - _centre(other)) >= DAY_WIDTH for other in kept):
            kept.append(x)
    return kept


def _centre(x: float) -> float:
    """Of a date's text, which is kept inside the drawing."""
    return min(max(x, DAY_WIDTH / 2), WIDTH - DAY_WIDTH / 2)


def _x(when: datetime, times: list[datetime]) -> float:
    return WIDTH * ((when - times[0]) / (times[-1] - times[0]))


def _y(probability: float) -> float:
    return HEIGHT * (1 - probability)
