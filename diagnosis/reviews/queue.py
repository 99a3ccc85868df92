"""The order of the reading queue, and why a case stands where it stands.

A case's place is the time since which it waits, moved back by hours of priority: urgency, the referrer's priority,
disagreement of the classifiers, and suspicion only where the clinic has turned that on. As everything gains one hour an
hour, the order never changes by waiting alone and can be an indexed column, `due_at`; and because priority is bounded,
nobody waits behind newer cases for longer than the weights add up to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, DurationField, Exists, F, FloatField, Func, OuterRef, When
from django.db.models.functions import Coalesce
from django.db.models.sql.compiler import SQLCompiler

from diagnosis.models import Analysis, EnsemblePrediction, Prediction, ReadingPolicy, Review, Study
from diagnosis.models.study import Priority as UrgencyOfRequest
from diagnosis.models.zone import Zone
from diagnosis.results import marks
from diagnosis.rules.policies import result_of
from diagnosis.states import ReviewStatus
from ml.spec import NO_FINDING

# A scan without a result is neither suspect nor harmless: it stands in the middle.
UNKNOWN_SUSPICION = 0.5


@dataclass(frozen=True)
class Priority:
    """The hours that a case is moved forward, each with its cause."""

    urgency: float
    referrer: float
    suspicion: float
    disagreement: float

    @property
    def hours(self) -> float:
        return self.urgency + self.referrer + self.suspicion + self.disagreement


def priority(review: Review, policy: ReadingPolicy) -> Priority:
    suspicion = UNKNOWN_SUSPICION if review.suspicion is None else review.suspicion
    return Priority(
        urgency=policy.urgent_hours * review.urgent,
        referrer=policy.referrer_hours * is_urgent_for_referrer(review),
        suspicion=policy.suspicion_hours * suspicion * policy.order_by_result,
        disagreement=policy.disagreement_hours * review.disagreement,
    )


def is_urgent_for_referrer(review: Review) -> bool:
    return review.study.priority == UrgencyOfRequest.URGENT


def due_at(review: Review, policy: ReadingPolicy) -> datetime:
    return review.waiting_since - timedelta(hours=priority(review, policy).hours)


def suspicion(predictions: list[Prediction], ensemble: EnsemblePrediction | None) -> float | None:
    """How likely any abnormality is, 0 to 1: the ensemble's, which alone is calibrated for all of them; else the
    classifiers' highest; None without any.

    Where nothing answers for abnormality itself, it is what the classes that name a finding have together.
    """
    if ensemble and ensemble.abnormality:
        return float(ensemble.abnormality["probability"])
    if ensemble:
        return _of_findings(ensemble)
    return max((_of_findings(prediction) for prediction in predictions), default=None)


def _of_findings(one: Prediction | EnsemblePrediction) -> float:
    return min(1.0, sum(share for label, share in one.probabilities.items() if label not in NO_FINDING))


def share_above(predictions: list[Prediction]) -> float | None:
    """The part of the classifiers that is above its operating point, 0 to 1; None without any."""
    return fmean(prediction.at_or_above_threshold for prediction in predictions) if predictions else None


def disagreement(predictions: list[Prediction]) -> float:
    """How far they stand against each other: 0 when none does, 1 when half are positive and half negative.

    One that is in its indeterminate zone stands against nobody.
    """
    stances = [prediction.stance for prediction in predictions]
    fewer = min(stances.count(Zone.POSITIVE), stances.count(Zone.NEGATIVE))
    return 2 * fewer / len(stances) if stances else 0.0


def score(review: Review, analysis: Analysis | None) -> None:
    """Set what the classifiers' result says of the place, and what wants an eye in it; saves nothing."""
    predictions = list(analysis.predictions.all()) if analysis else []
    ensemble = analysis.ensemble if analysis else None
    review.suspicion = suspicion(predictions, ensemble)
    review.share_above = share_above(predictions)
    review.disagreement = disagreement(predictions)
    review.zone = marks.zone(predictions, ensemble)
    review.marks = [mark.value for mark in marks.marks(predictions, ensemble)]


def prioritise(analysis: Analysis) -> None:
    """Place those reviews of a study that nobody has decided, by the analysis that has just finished."""
    policy = ReadingPolicy.of(analysis.study.clinic)
    # Locked: an urgent flag set at this moment changes the same place.
    for review in analysis.study.reviews.exclude(status=ReviewStatus.DECIDED).select_for_update():
        score(review, analysis)
        _update(review, policy)


def place_again(study: Study) -> None:
    """Give the open reviews of a study their place by what the referrer asks for now. Runs in a transaction.

    To be called after whatever changes `Study.priority`.
    """
    policy = ReadingPolicy.of(study.clinic)
    for review in study.reviews.open().select_for_update():
        review.study = study
        Review.objects.filter(pk=review.pk).update(due_at=due_at(review, policy))


def score_again(study: Study) -> None:
    """Place the undecided reviews of a study that has other images than before: a result that rested on one which is
    gone moves none forward, and marks none. Runs in a transaction.
    """
    policy = ReadingPolicy.of(study.clinic)
    for review in study.reviews.exclude(status=ReviewStatus.DECIDED).select_for_update():
        review.study = study
        score(review, result_of(review.scan))
        _update(review, policy)


def reprioritise(policy: ReadingPolicy) -> int:
    """Give every open case of a clinic its place by changed weights; returns how many there were.

    The sum of `priority` once more, for the database: thousands of cases move in one UPDATE.
    """
    asked = Study.objects.filter(pk=OuterRef("study"), priority=UrgencyOfRequest.URGENT)
    hours = (
        policy.urgent_hours * Case(When(urgent=True, then=1.0), default=0.0, output_field=FloatField())
        + policy.referrer_hours * Case(When(Exists(asked), then=1.0), default=0.0, output_field=FloatField())
        + policy.suspicion_hours * policy.order_by_result * Coalesce("suspicion", UNKNOWN_SUSPICION)
        + policy.disagreement_hours * F("disagreement")
    )
    return Review.objects.open().filter(clinic=policy.clinic).update(due_at=F("waiting_since") - _Hours(hours))


class _Hours(Func):
    """A number of hours as a duration."""

    template = "(%(expressions)s) * INTERVAL '1 hour'"
    output_field = DurationField()
    arity = 1

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        # SQLite keeps durations as whole microseconds.
        context["template"] = "CAST(ROUND((%(expressions)s) * 3600000000.0) AS INTEGER)"
        return self.as_sql(compiler, connection, **context)


def _update(review: Review, policy: ReadingPolicy) -> None:
    # Only the place: the status may change at this very moment, and is not ours to write.
    Review.objects.filter(pk=review.pk).update(
        suspicion=review.suspicion,
        share_above=review.share_above,
        disagreement=review.disagreement,
        zone=review.zone,
        marks=review.marks,
        urgent=review.urgent,
        due_at=due_at(review, policy),
    )
