"""Everything that a study's page says about one analysis, and of one of its images."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from diagnosis.models import Analysis, Correction, Drawing, Prediction, ReadingPolicy, Report, Review, Scan
from diagnosis.models.review import ReviewKind
from diagnosis.results import colour, contents, intended_use, verdict, waiting, words
from diagnosis.results.presentation import PredictionPresentation, ResultPresentation, present, stops_of, with_drawn
from diagnosis.results.reading import being_read_among
from diagnosis.results.words import Headline
from diagnosis.rules import blinding, corrections, policies, study_details, withdrawals
from diagnosis.states import AnalysisStatus, ReviewStatus
from diagnosis.views import scan_list
from diagnosis.views.critical_result import cards as critical_result_cards
from diagnosis.views.follow import who_hears
from diagnosis.views.shortcuts import person

EARLIER_SCANS = 3
# A first in the queue that waits longer waits for no worker at all.
PATIENCE = 2 * settings.ANALYSIS_LEASE


def context(request: HttpRequest, scan: Scan, analysis: Analysis | None, *, asked: bool) -> dict[str, Any]:
    """`asked`: the page is of this very image, not only of the study that it stands for."""
    analyses = list(_analyses(scan))
    latest = analyses[0] if analyses else None
    shown = next((one for one in analyses if one == analysis), latest)
    hidden = blinding.hides_result(person(request), scan.study_id)
    result = present(shown) if shown and not hidden else ResultPresentation()
    ahead = _ahead(shown)
    images = contents.images_of(scan.study)
    policy = ReadingPolicy.of(scan.clinic)
    no_reading = blinding.hides_reading(person(request), scan.study_id)
    report = scan_list.report_of(scan, hidden=no_reading)
    headline = _headline(scan, shown, report, policy, no_result=hidden, no_reading=no_reading)
    # A result that is folded away is not told image by image either.
    untold = hidden or headline.computer.folded
    pictured = _picture(request, scan, shown, result.predictions, asked=asked)
    return {
        "study": scan.study,
        "asked": asked,
        "contents": contents.contents(images, shown, hidden=untold, shown=pictured["picture"]),
        "scan": scan,
        "patient": scan.patient,
        "clinic": scan.clinic,
        "analysis": shown,
        "is_latest": shown == latest,
        "others": [(one, words.computer(one, policy=policy, hidden=hidden)) for one in analyses if one != shown],
        "headline": headline,
        "verdict": verdict.of_analysis(shown, hidden=hidden),
        "hidden": hidden,
        "ensemble": result.ensemble,
        "marks": result.marks,
        "stops": stops_of(shown, result),
        **pictured,
        "legend": colour.legend(),
        "intended_use": intended_use,
        # An earlier analysis does not change: the page must not turn into that of the latest one while it is read.
        "following": bool(shown == latest and latest and not latest.is_finished),
        "cancellable": shown is not None and shown == latest and not policies.cancel_blocked_reason(shown),
        "queue_place": waiting.queue_place(ahead),
        "overdue": ahead == 0 and shown is not None and timezone.now() - shown.requested_at > PATIENCE,
        "rerun_blocked_reason": policies.rerun_blocked_reason(latest),
        "rerun_word": _("Retry") if latest and latest.needs_a_person else _("Run again"),
        "report": report,
        "late_for_report": contents.late(report, images) if report else "",
        "earlier_scans": scan_list.with_headlines(_earlier(scan), person(request)),
    }


def _headline(
    scan: Scan,
    shown: Analysis | None,
    report: Report | None,
    policy: ReadingPolicy,
    *,
    no_result: bool,
    no_reading: bool,
) -> Headline:
    return words.headline(
        analysis=shown,
        report=report,
        policy=policy,
        result_hidden=no_result,
        reading_hidden=no_reading,
        being_read=bool(being_read_among([scan.study_id])),
    )


def _picture(
    request: HttpRequest,
    scan: Scan,
    analysis: Analysis | None,
    predictions: tuple[PredictionPresentation, ...],
    *,
    asked: bool,
) -> dict[str, Any]:
    """The image on the page with its maps: the one asked for, for which they may have to be drawn; else that which the
    analysis drew them of.
    """
    mapped = _mapped(request, predictions)
    of_maps = mapped.prediction.image if mapped else scan
    found: dict[str, Any] = {"picture": of_maps, "mapped": mapped, "maps_of": None, "predictions": predictions}
    if not asked or of_maps == scan or (request.GET.get("map") and not request.GET.get("image")):
        return found
    drawing = Drawing.objects.filter(analysis=analysis, image=scan).prefetch_related("maps__prediction").first()
    drawn = with_drawn(predictions, drawing.maps.all()) if drawing else ()
    rows = {one.prediction.pk: one for one in drawn}
    return {
        "picture": scan,
        "mapped": _mapped(request, drawn),
        "maps_of": None if drawn else of_maps,
        "predictions": tuple(rows.get(one.prediction.pk, one) for one in predictions),
        "drawing": drawing,
        "may_draw": not drawn and not (drawing and drawing.is_open) and _answered(analysis, scan),
    }


def _answered(analysis: Analysis | None, scan: Scan) -> bool:
    """Whether the classifiers answered for this image, in the latest result."""
    if analysis is None or policies.result_of(scan) != analysis:
        return False
    return analysis.image_results.filter(image=scan, probability__isnull=False).exists()


def review_status(user: User, scan: Scan) -> dict[str, Any]:
    """Where the scan stands with its readers and what was moved or taken back; six to nine queries."""
    return {
        "open_reviews": scan.reviews.open().select_related("reader").order_by("kind"),
        "series_review": _series_review(user, scan),
        "moves": corrections.corrections_of(scan, by=user),
        "taken_back": withdrawals.of_study(scan.study),
        "may_take_back": withdrawals.may_take_back(scan.study, user),
        **who_hears(scan.study, user),
        "criticals": critical_result_cards(scan.study, user),
        "may_move_images": corrections.may_move_images(user, scan.study),
        "regroupings": [_regrouping(made, user, scan) for made in corrections.of_study(scan.study)],
        "may_amend": study_details.may_amend(scan.study, user) and not study_details.blocked_reason(scan.study),
        "study_changes": study_details.changes_of(scan.study),
    }


def _regrouping(made: Correction, user: User, scan: Scan) -> tuple[Correction, bool, bool]:
    """The correction, whether it brought images here, and whether the person may undo it now."""
    undoable = corrections.may_undo(user, made) and not corrections.undo_blocked_reason(made)
    return made, made.target_study_id == scan.study_id, undoable


def _series_review(user: User, scan: Scan) -> Review | None:
    """The finished review of another slice that covers this one."""
    done = scan.study.reviews.filter(kind=ReviewKind.FIRST, status=ReviewStatus.DECIDED)
    if done.of_image(scan).exists() or not scan.reviews.filter(status=ReviewStatus.WITHDRAWN).exists():
        return None
    found = done.select_related("report").first()
    return None if found is None or blinding.hides_reading(user, found.study_id) else found


def _analyses(scan: Scan) -> QuerySet[Analysis]:
    """Newest first, with all that is shown of them."""
    predictions = Prefetch("predictions", Prediction.objects.select_related("image").order_by("classifier"))
    rows = scan.analyses.order_by("-number").select_related("requested_by", "ensemble_prediction")
    return rows.prefetch_related(predictions, "transitions")


def _mapped(request: HttpRequest, predictions: tuple[PredictionPresentation, ...]) -> PredictionPresentation | None:
    """The one whose attention map lies over the image: as asked for, else the first that shows the finding."""
    asked = request.GET.get("map")
    wanted = [one for one in predictions if str(one.prediction.pk) == asked]
    return next(iter([*wanted, *(one for one in predictions if one.map_shows_finding), *predictions]), None)


def _ahead(analysis: Analysis | None) -> int | None:
    """How many analyses wait in front of this one; None unless it waits itself."""
    if analysis is None or analysis.status != AnalysisStatus.QUEUED:
        return None
    waiting = Analysis.objects.filter(status=AnalysisStatus.QUEUED)
    return waiting.filter(requested_at__lt=analysis.requested_at).count()


def _earlier(scan: Scan) -> QuerySet[Scan]:
    """Of the same modality, the latest first."""
    before = scan_list.taken_before(scan.study).filter(modality=scan.modality)
    return scan_list.for_lists(before)[:EARLIER_SCANS]
