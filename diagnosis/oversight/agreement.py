"""How the classifiers' answers compare with the readers', by version and month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Case, Count, F, Q, QuerySet, TextField, When
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, TruncMonth

from diagnosis.models import EnteredInError, Review
from diagnosis.models.review import Category, ImageQuality
from diagnosis.oversight.kappa import Kappa, kappa
from diagnosis.proportion import Proportion
from diagnosis.results.labels import OTHERS
from diagnosis.states import ReviewStatus

# The reader's side of the table. "Indeterminate" counts as positive: a classifier that is to point at cases for a
# person ought to point at these too. "Atypical" means another disease and counts as negative, like "negative".
READER_POSITIVE = (Category.TYPICAL, Category.INDETERMINATE)
ON_TRIAL = "shadow_predictions"


@dataclass(frozen=True)
class Counts:
    """One classifier's answers against the readers'; `true` and `false` are as the reader says."""

    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_negative: int = 0

    @property
    def total(self) -> int:
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative

    @property
    def sensitivity(self) -> Proportion:
        return Proportion(self.true_positive, self.true_positive + self.false_negative)

    @property
    def specificity(self) -> Proportion:
        return Proportion(self.true_negative, self.true_negative + self.false_positive)

    @property
    def kappa(self) -> Kappa | None:
        return kappa(self.true_positive, self.false_positive, self.false_negative, self.true_negative)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
            self.true_negative + other.true_negative,
        )


@dataclass(frozen=True)
class Agreement:
    """Of one version of one classifier or ensemble in one month, or (`month` None) in the whole period.

    `checked`: the readers' categories were compared with their decisions; readings from before that stand apart.
    """

    classifier: str
    version: str
    month: datetime | None
    counts: Counts
    checked: bool = True


def sound(reviews: QuerySet[Review]) -> QuerySet[Review]:
    """Without the readings behind reports that were entered in error, of another patient say, in whichever version."""
    errors = EnteredInError.objects.filter(report__study__in=reviews.order_by().values("study"))
    wrong = {one.report.reading_id for one in errors.select_related("report__corrects")}
    return reviews.exclude(pk__in=wrong) if wrong else reviews


def by_month(reviews: QuerySet[Review], *, first_impressions: bool = False) -> list[Agreement]:
    """One entry for each version of a classifier or ensemble and month that has readings, in that order.

    Only readings that a report rests on, of readable images, made with a result of the classifiers, and of these the
    answers whose thresholds are for the pattern that the categories speak of. The reader's word
    is the decision, or with `first_impressions` what they thought before they saw the result (where they said so).
    """
    rows = [*_rows(reviews, first_impressions, "predictions", "classifier")]
    return _entries([*rows, *_rows(reviews, first_impressions, "ensemble_prediction", "ensemble")])


def on_trial_by_month(reviews: QuerySet[Review]) -> list[Agreement]:
    """The same of the answers that nobody sees, of classifiers and ensembles on trial."""
    return _entries(_rows(reviews, False, ON_TRIAL, "classifier"))


def _entries(rows: Iterable[Mapping[str, Any]]) -> list[Agreement]:
    return [
        Agreement(
            *(row["classifier"], row["version"], row["month"], Counts(row["tp"], row["fp"], row["fn"], row["tn"])),
            checked=row["checked"],
        )
        for row in rows
    ]


def overall(months: Iterable[Agreement]) -> list[Agreement]:
    """The same over all months, by classifier version, apart by whether it was checked."""
    sums: dict[tuple[str, str, bool], Counts] = defaultdict(Counts)
    for entry in months:
        sums[entry.classifier, entry.version, entry.checked] += entry.counts
    return [Agreement(name, version, None, counts, checked) for (name, version, checked), counts in sums.items()]


def _asked(answers: str) -> Combinable:
    """What the thresholds of an answer were for when it was given."""
    if answers == ON_TRIAL:
        return F(f"analysis__{answers}__positive_label")
    # As text: of a key of JSON, SQLite takes what it is compared with for JSON
    return Cast(KeyTextTransform("positive_label", f"analysis__{answers}__operating_point"), TextField())


def _rows(reviews: QuerySet[Review], first_impressions: bool, answers: str, name: str) -> Iterable[Mapping[str, Any]]:
    """`answers` is the relation of an analysis that holds them, `name` the field that says whose they are."""
    usable = reviews.filter(status=ReviewStatus.DECIDED, report__isnull=False, analysis__isnull=False)
    usable = usable.exclude(image_quality=ImageQuality.UNREADABLE)
    category_field = "category"
    if first_impressions:
        usable, category_field = usable.filter(first_impressions__reader=F("reader")), "first_impressions__category"
    # A first impression comes before any decision that it could contradict.
    is_before = Q(agreement="") if not first_impressions else Q(pk__in=[])
    read = Q(**{f"{category_field}__in": READER_POSITIVE})
    answered = Q(**{f"analysis__{answers}__at_or_above_threshold": True})
    given = usable.filter(**{f"analysis__{answers}__isnull": False})
    given = given.alias(asked=_asked(answers)).exclude(asked__in=OTHERS)
    return (
        given.values(
            classifier=F(f"analysis__{answers}__{name}"),
            version=F(f"analysis__{answers}__version"),
            month=TruncMonth("decided_at"),
            checked=Case(When(is_before, then=False), default=True, output_field=BooleanField()),
        )
        .annotate(
            tp=Count("pk", filter=answered & read),
            fp=Count("pk", filter=answered & ~read),
            fn=Count("pk", filter=~answered & read),
            tn=Count("pk", filter=~answered & ~read),
        )
        .order_by("classifier", "version", "-checked", "month")
    )
