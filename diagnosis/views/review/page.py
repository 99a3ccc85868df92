"""Everything that the page of one reading shows; and what it must not show to this reader yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from accounts.models import User
from diagnosis.forms.review import ReviewForm
from diagnosis.models import Analysis, Draft, FirstImpression, Report, Review, Scan
from diagnosis.models.review import Category, ReviewKind
from diagnosis.models.scan import Modality
from diagnosis.results import intended_use, verdict
from diagnosis.results.presentation import ResultPresentation, present
from diagnosis.results.verdict import Verdict
from diagnosis.reviews import suggestions
from diagnosis.rules import blinding, policies
from diagnosis.states import ReviewStatus

EARLIER_SCANS = 6
# Without a key or a movement for so long, an open page gives its case back: a reader who left it open is not reading.
IDLE_MINUTES = 15


@dataclass(frozen=True)
class Result:
    """What the classifiers say, as far as this reader may see it now."""

    hidden: bool
    analysis: Analysis | None = None
    shown: ResultPresentation = field(default_factory=ResultPresentation)
    verdict: Verdict | None = None
    following: bool = False

    @property
    def has_predictions(self) -> bool:
        return bool(self.shown.predictions)


@dataclass(frozen=True)
class Earlier:
    """An earlier scan of the same patient. `report` and `verdict` are None where the reader may not see them yet."""

    scan: Scan
    report: Report | None
    verdict: Verdict | None


def result_for(reader: User, scan: Scan) -> Result:
    if blinding.hides_result(reader, scan.study_id):
        return Result(hidden=True)
    shown = policies.result_of(scan)
    latest = scan.latest_analysis
    following = bool(latest and not latest.is_finished)
    if shown is None:
        return Result(hidden=False, verdict=verdict.of_analysis(latest), following=following)
    return Result(False, shown, present(shown), verdict.of_analysis(shown), following)


def context(
    review: Review, *, reader: User, sent: Mapping[str, Any] | None = None, form: ReviewForm | None = None
) -> dict[str, Any]:
    scan = review.scan
    result = result_for(reader, scan)
    draft = Draft.objects.filter(review=review, reader=reader).first()
    first = FirstImpression.objects.filter(review=review, reader=reader).first()
    return {
        "review": review,
        "scan": scan,
        "patient": scan.patient,
        "clinic": review.clinic,
        "held": review.is_held_by(reader),
        "result": result,
        "form": form or form_for(result, draft, first),
        "draft": draft,
        "first_impression": first,
        "categories": _categories(Modality(scan.modality)),
        "suggestions": suggestions.for_modality(Modality(scan.modality)),
        "earlier": _earlier(scan, reader),
        "earlier_reviews": _earlier_reviews(review, result),
        "may_ask_second": review.kind == ReviewKind.FIRST,
        "images": Scan.objects.filter(series__study=review.study_id).count(),
        "intended_use": intended_use,
        "lease_seconds": int(settings.REVIEW_LEASE.total_seconds()),
        "idle_minutes": IDLE_MINUTES,
    }


def form_for(result: Result, draft: Draft | None, first: FirstImpression | None) -> ReviewForm:
    initial: dict[str, Any] = {"category": first.category} if first else {}
    initial |= draft.content if draft else {}
    initial["seen"] = result.analysis.pk if result.analysis else None
    return ReviewForm(initial=initial, has_result=result.has_predictions)


def _categories(modality: Modality) -> list[tuple[Category, str]]:
    """Each with the CO-RADS grade that usually goes with it, where the image is a CT."""
    return [(category, suggestions.co_rads(modality, category)) for category in Category]


def _earlier(scan: Scan, reader: User) -> list[Earlier]:
    before = scan.patient.scans.representatives().exclude(pk=scan.pk).filter(uploaded_at__lt=scan.uploaded_at)
    before = before.exclude(represented_study=scan.study_id)
    scans = list(before.with_studies().order_by("-uploaded_at")[:EARLIER_SCANS])
    no_result = blinding.results_hidden_among(reader, [one.study_id for one in scans])
    no_report = blinding.readings_hidden_among(reader, [one.study_id for one in scans])
    return [
        Earlier(
            one,
            None if one.study_id in no_report else one.report,
            None if one.study_id in no_result else verdict.of_analysis(one.latest_analysis),
        )
        for one in scans
    ]


def _earlier_reviews(review: Review, result: Result) -> list[Review]:
    """What an arbiter weighs. They tell of the result, so they come with it; a second reader never sees any."""
    if review.kind != ReviewKind.ARBITRATION or result.hidden:
        return []
    read = review.scan.reviews.filter(status=ReviewStatus.DECIDED).exclude(pk=review.pk)
    return list(read.select_related("reader").order_by("decided_at"))
