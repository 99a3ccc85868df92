"""Everything that a scan's page says about one analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from diagnosis import blinding, colour, intended_use, policies, verdict
from diagnosis.models import Analysis, Prediction, Scan
from diagnosis.states import AnalysisStatus
from diagnosis.verdict import Verdict
from diagnosis.views import _scans
from diagnosis.views._staff import person

EARLIER_SCANS = 3
# A first in the queue that waits longer waits for no worker at all.
PATIENCE = 2 * settings.ANALYSIS_LEASE


@dataclass(frozen=True)
class Bar:
    """One class's probability. `threshold` is set on the class that the operating point is about."""

    name: str
    probability: float
    threshold: float | None
    tone: str


@dataclass(frozen=True)
class Reading:
    """One classifier's prediction, ready to be shown."""

    prediction: Prediction
    verdict: Verdict
    bars: tuple[Bar, ...]

    @property
    def point(self) -> dict[str, Any]:
        return {**self.prediction.operating_point, "label": verdict.label_name(self.positive_label)}

    @property
    def in_short(self) -> str:
        """The verdict with what was measured at its operating point, for a line in a panel."""
        measured = (f"{name} {verdict.share(self.point[name]['value'])}" for name in ("sensitivity", "specificity"))
        return f"{self.verdict.sentence} (measured there: {', '.join(measured)})"

    @property
    def shown_for(self) -> str:
        """The class whose evidence the attention map shows; "" for results that did not keep it."""
        return verdict.label_name(self.prediction.attention_label)

    @property
    def positive_label(self) -> str:
        return str(self.prediction.operating_point["positive_label"])


def context(request: HttpRequest, scan: Scan, analysis: Analysis | None) -> dict[str, Any]:
    analyses = list(_analyses(scan))
    latest = analyses[0] if analyses else None
    shown = next((one for one in analyses if one == analysis), latest)
    hidden = blinding.hides_result(person(request), scan)
    readings = [_reading(prediction) for prediction in shown.predictions.all()] if shown and not hidden else []
    ahead = _ahead(shown)
    return {
        "scan": scan,
        "patient": scan.patient,
        "clinic": scan.clinic,
        "analysis": shown,
        "is_latest": shown == latest,
        "others": [(one, verdict.of_analysis(one, hidden=hidden)) for one in analyses if one != shown],
        "verdict": verdict.of_analysis(shown, hidden=hidden),
        "hidden": hidden,
        "readings": readings,
        "looked": _looked(request, readings),
        "legend": colour.legend(),
        "intended_use": intended_use,
        "following": bool(latest and not latest.is_finished),
        "ahead": ahead,
        "overdue": ahead == 0 and shown is not None and timezone.now() - shown.requested_at > PATIENCE,
        "rerun_hindrance": policies.rerun_hindrance(latest),
        "rerun_word": "Retry" if latest and latest.status == AnalysisStatus.FAILED else "Run again",
        "report": _scans.report_of(scan, hidden=blinding.hides_reading(person(request), scan)),
        "earlier_scans": _scans.with_verdicts(_earlier(scan), person(request)),
    }


def _analyses(scan: Scan) -> QuerySet[Analysis]:
    """Newest first, with all that is shown of them."""
    predictions = Prefetch("predictions", Prediction.objects.order_by("classifier"))
    return scan.analyses.order_by("-number").select_related("requested_by").prefetch_related(predictions, "transitions")


def _reading(prediction: Prediction) -> Reading:
    said = verdict.of_prediction(prediction)
    point = prediction.operating_point
    ordered = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
    bars = [
        Bar(
            verdict.label_name(label),
            probability,
            point["threshold"] if label == point["positive_label"] else None,
            said.tone if label == point["positive_label"] else "neutral",
        )
        for label, probability in ordered
    ]
    return Reading(prediction, said, tuple(bars))


def _looked(request: HttpRequest, readings: list[Reading]) -> Reading | None:
    """The reading whose attention map lies over the image: the one asked for, else the first."""
    asked = request.GET.get("map")
    return next((one for one in readings if str(one.prediction.pk) == asked), readings[0] if readings else None)


def _ahead(analysis: Analysis | None) -> int | None:
    """How many analyses wait in front of this one; None unless it waits itself."""
    if analysis is None or analysis.status != AnalysisStatus.QUEUED:
        return None
    waiting = Analysis.objects.filter(status=AnalysisStatus.QUEUED)
    return waiting.filter(requested_at__lt=analysis.requested_at).count()


def _earlier(scan: Scan) -> QuerySet[Scan]:
    same = Scan.objects.filter(patient=scan.patient_id, modality=scan.modality, uploaded_at__lt=scan.uploaded_at)
    return _scans.for_lists(same)[:EARLIER_SCANS]
