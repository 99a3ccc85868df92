"""Whether a classifier's answers have moved away from what they were when it began: a two-sided CUSUM by week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import sqrt
from statistics import fmean, stdev

from django.utils import timezone

from diagnosis.oversight.history import SETTLING
from diagnosis.oversight.usage import Answers, Version, Weeks, monday
from diagnosis.proportion import FEWEST
from diagnosis.rules.classifiers import panel_name

# The first weeks of a version are what later ones are compared with.
REFERENCE = 12
# What did not answer for so many weeks is not watched.
RECENT = 8
# In standard deviations: the allowance (half of the shift that is to be found), and where the alarm begins.
ALLOWANCE, LIMIT = 0.5, 5.0


@dataclass(frozen=True)
class Point:
    """A week: its answers, and both sums after it; None in the reference, where there were too few, while it runs."""

    week: date
    answers: Answers
    above: float | None = None
    below: float | None = None

    @property
    def alarms(self) -> bool:
        return max(self.above or 0.0, self.below or 0.0) > LIMIT


@dataclass(frozen=True)
class Drift:
    """`reference`: the mean probability of the first weeks, 0 to 1; None while there are too few of them."""

    points: Sequence[Point]
    reference: float | None = None

    @property
    def since(self) -> date | None:
        """The first week of the alarm that stands now; None where none does."""
        first = None
        for point in (one for one in self.points if one.above is not None):
            first = (first or point.week) if point.alarms else None
        return first

    @property
    def is_higher(self) -> bool:
        """Whether the probabilities rose, where there is an alarm."""
        last = next((one for one in reversed(self.points) if one.above is not None), None)
        return last is not None and (last.above or 0.0) > (last.below or 0.0)


def watched(weeks: Weeks, now: datetime | None = None) -> list[tuple[Version, Drift]]:
    """Of what is shown and answered in the last RECENT weeks: each modality's ensemble, or its classifiers.

    A study counts once, with its first result. One that is analysed again has not arrived again: people chose it, and
    as the first weeks of a new version such studies would be what all later ones are compared with.
    """
    over = monday((now or timezone.now()) - SETTLING)
    shown = {version for answered in list(weeks.values())[-RECENT:] for version in answered}
    shown = {one for one in shown if not one.on_trial and not one.again}
    combined = {one.modality for one in shown if one.name == panel_name(one.modality)}
    leading = {one for one in shown if one.modality not in combined or one.name == panel_name(one.modality)}
    return [
        (version, drift([(week, answered[version]) for week, answered in weeks.items() if version in answered], over))
        for version in sorted(leading, key=lambda one: (one.modality, one.name, one.version))
    ]


def drift(weeks: Sequence[tuple[date, Answers]], over: date | None = None) -> Drift:
    """Of one version's weeks, oldest first; those from `over` on are not over and do not count.

    A week that runs is looked at every hour. Were each look a test, false alarms would be far more frequent than the
    figure below.

    Tabular CUSUM (Page, Biometrika 41, 1954; Montgomery, Introduction to Statistical Quality Control, ch. 9) of the
    weekly mean probability, standardised by the first REFERENCE weeks:
    C+ = max(0, C+ + z − k), C− = max(0, C− − z − k), alarm above h, with k = 0.5 and h = 5. Were the weeks independent
    and normal, a false alarm would come once in 465 weeks on average. A week's standard deviation is that between the
    reference's weekly means, and not below what chance alone gives for the week's number of answers. Weeks of fewer
    than FEWEST answers do not count.
    """
    counts = [answers.count >= FEWEST and not (over and week >= over) for week, answers in weeks]
    usable = [answers for (_week, answers), is_usable in zip(weeks, counts, strict=True) if is_usable]
    if len(usable) < REFERENCE:
        return Drift([Point(week, answers) for week, answers in weeks])
    first = usable[:REFERENCE]
    means, spread = [one.mean for one in first], fmean(one.variance for one in first)
    middle, between = fmean(means), stdev(means)
    above = below = 0.0
    points, seen = [], 0
    for (week, answers), is_usable in zip(weeks, counts, strict=True):
        seen += is_usable
        if not is_usable or seen <= REFERENCE:
            points.append(Point(week, answers))
            continue
        z = _standardised(answers.mean - middle, max(between, sqrt(spread / answers.count)))
        above, below = max(0.0, above + z - ALLOWANCE), max(0.0, below - z - ALLOWANCE)
        points.append(Point(week, answers, above, below))
    return Drift(points, middle)


def _standardised(distance: float, deviation: float) -> float:
    """Without any spread in the reference, every change is one beyond all limits."""
    if deviation:
        return distance / deviation
    return 0.0 if not distance else (2 * LIMIT if distance > 0 else -2 * LIMIT)
