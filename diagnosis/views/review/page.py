"""Everything that the page of one reading shows; and what it must not show to this reader yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import User
from diagnosis.forms.review import ReviewForm
from diagnosis.models import Analysis, Draft, FirstImpression, Phrase, ReadingPolicy, Report, Review, Scan
from diagnosis.models.review import Category, ImageQuality, ReviewKind
from diagnosis.models.scan import Modality
from diagnosis.reports import sections
from diagnosis.results import contents, images, intended_use, verdict, words
from diagnosis.results.presentation import ResultPresentation, present, stops_of
from diagnosis.results.verdict import Verdict
from diagnosis.results.words import Computer, Headline
from diagnosis.reviews import agreement, suggestions
from diagnosis.rules import blinding, policies
from diagnosis.rules.classifiers import Stop
from diagnosis.states import ReviewStatus
from diagnosis.views.scan_list import taken_before

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
    computer: Computer | None = None
    following: bool = False
    stops: Sequence[Stop] = ()

    @property
    def has_predictions(self) -> bool:
        return bool(self.shown.predictions)


@dataclass(frozen=True)
class Earlier:
    """An earlier study of the same patient. `report` is None where the reader may not see it yet."""

    scan: Scan
    images: int
    report: Report | None
    headline: Headline

    @property
    def named(self) -> str:
        """As the report's comparison names it."""
        return sections.compared_with(self.scan)

    @property
    def count_of_images(self) -> str:
        """ "60 images"; empty where there is one."""
        return images.count_of(self.images) if self.images > 1 else ""


def result_for(reader: User, scan: Scan) -> Result:
    if blinding.hides_result(reader, scan.study_id):
        return Result(hidden=True)
    shown = policies.result_of(scan)
    latest = scan.latest_analysis
    following = bool(latest and not latest.is_finished)
    if shown is None:
        return Result(hidden=False, verdict=verdict.of_analysis(latest), following=following)
    said = words.computer(shown, policy=ReadingPolicy.of(scan.clinic))
    made = present(shown)
    return Result(False, shown, made, verdict.of_analysis(shown), said, following, stops_of(shown, made))


def context(
    review: Review, *, reader: User, sent: Mapping[str, Any] | None = None, form: ReviewForm | None = None
) -> dict[str, Any]:
    scan = review.scan
    held = contents.images_of(review.study)
    result = result_for(reader, scan)
    draft = Draft.objects.filter(review=review, reader=reader).first()
    first = FirstImpression.objects.filter(review=review, reader=reader).first()
    earlier = _earlier(scan, reader)
    begun = sections.prefilled(review.study, held, has_earlier=bool(earlier))
    return {
        "review": review,
        "scan": scan,
        "patient": scan.patient,
        "clinic": review.clinic,
        "held": review.is_held_by(reader),
        "result": result,
        "form": form or form_for(result, draft, first, begun),
        "agree_means": agreement.meaning(result.analysis) if result.analysis and result.has_predictions else "",
        "draft": draft,
        "first_impression": first,
        "categories": _categories(Modality(scan.modality)),
        "phrases": Phrase.objects.offered(reader, review.clinic, scan.modality),
        "suggestions": suggestions.for_modality(Modality(scan.modality)),
        "earlier": earlier,
        "may_sign": review.kind != ReviewKind.SECOND,
        "earlier_reviews": _earlier_reviews(review, result),
        "may_ask_second": review.kind == ReviewKind.FIRST,
        "images": len(held),
        "covers": _covers(review, held),
        "late": _late(review, held, result),
        "read_before": _report_before(review, reader),
        "intended_use": intended_use,
        "lease_seconds": int(settings.REVIEW_LEASE.total_seconds()),
        "idle_minutes": IDLE_MINUTES,
        "opened_at": timezone.now(),
    }


def _covers(review: Review, held: list[Scan]) -> str:
    """Which images the reading speaks of."""
    if review.image_id and len(held) > 1:
        return gettext("This reading covers one image of the study alone, as before its images were read together.")
    return images.summary(held)


def _late(review: Review, held: list[Scan], result: Result) -> list[str]:
    """What to know of images that came after an earlier reading, after the case was taken, or after the analysis."""
    if review.image_id:
        return []
    sentences = []
    if since := _read_before(review):
        sentences.append(contents.since_reading(since, sum(image.uploaded_at > since for image in held)))
    if review.claimed_at:
        sentences.append(contents.since_claim(sum(image.uploaded_at > review.claimed_at for image in held)))
    sentences.append(contents.late_for_analysis(held, result.analysis))
    return [sentence for sentence in sentences if sentence]


def _report_before(review: Review, reader: User) -> Report | None:
    """The report that the study has already, where this reader may know it."""
    if review.kind != ReviewKind.FIRST or blinding.hides_reading(reader, review.study_id):
        return None
    return review.scan.report


def _read_before(review: Review) -> datetime | None:
    """When the study was last read for the first time; a further opinion on it is told of no reading."""
    if review.kind != ReviewKind.FIRST:
        return None
    earlier = Review.objects.filter(study=review.study_id, kind=ReviewKind.FIRST, status=ReviewStatus.DECIDED)
    return earlier.aggregate(last=Max("decided_at"))["last"]


def form_for(
    result: Result, draft: Draft | None, first: FirstImpression | None, begun: Mapping[str, str]
) -> ReviewForm:
    initial: dict[str, Any] = {"image_quality": ImageQuality.GOOD, **begun}
    initial |= {"category": first.category} if first else {}
    initial |= draft.content if draft else {}
    initial["seen"] = result.analysis.pk if result.analysis else None
    return ReviewForm(initial=initial, has_result=result.has_predictions)


def _categories(modality: Modality) -> list[tuple[Category, str]]:
    """Each with the CO-RADS grade that usually goes with it, where the image is a CT."""
    return [(category, suggestions.co_rads(modality, category)) for category in Category]


def _earlier(scan: Scan, reader: User) -> list[Earlier]:
    scans = list(taken_before(scan.study).with_studies()[:EARLIER_SCANS])
    no_result = blinding.results_hidden_among(reader, [one.study_id for one in scans])
    no_report = blinding.readings_hidden_among(reader, [one.study_id for one in scans])
    counts = images.image_counts(one.study_id for one in scans)
    policy = ReadingPolicy.of(scan.clinic)
    return [
        Earlier(
            one,
            counts[one.study_id],
            None if one.study_id in no_report else one.report,
            words.headline(
                analysis=one.latest_analysis,
                report=None if one.study_id in no_report else one.report,
                policy=policy,
                result_hidden=one.study_id in no_result,
                reading_hidden=one.study_id in no_report,
            ),
        )
        for one in scans
    ]


def _earlier_reviews(review: Review, result: Result) -> list[Review]:
    """What an arbiter weighs. They tell of the result, so they come with it; a second reader never sees any."""
    if review.kind != ReviewKind.ARBITRATION or result.hidden:
        return []
    read = review.scan.reviews.filter(status=ReviewStatus.DECIDED).exclude(pk=review.pk)
    return list(read.select_related("reader").order_by("decided_at"))
