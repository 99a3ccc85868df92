"""Cases to read: scans that came in through the real action, and results stored as the runner stores them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diagnosis.messages import Message
from tests.images import xray_png

if TYPE_CHECKING:
    from accounts.models import Clinic, User
    from diagnosis.models import Analysis, EnsemblePrediction, Patient, Review, Scan

POINT = {
    "positive_label": "covid",
    "threshold": 0.4321,
    "chosen_for": "sensitivity 95 %",
    "sensitivity": {"value": 0.951, "low": 0.93, "high": 0.97},
    "specificity": {"value": 0.801, "low": 0.77, "high": 0.83},
    "measured_on": "held-out images",
}
# The same with the second threshold that bounds an indeterminate zone.
ZONED = {**POINT, "positive_from": 0.7}
WORDS: Mapping[str, Any] = {"image_quality": "good", "impression": "No sign of pneumonia on this X-ray."}


def new_patient(clinic: Clinic, by: User, number: str, *, born: dt.date | None = None) -> Patient:
    from diagnosis.actions.patient import register_patient

    return register_patient(
        by=by, clinic=clinic, medical_record_number=number, family_name=f"Family{number}", birth_date=born
    )


def new_case(by: User, patient: Patient, seed: int = 0, *, urgent: bool = False) -> Review:
    """The first reading of a scan that `by` uploads now."""
    from diagnosis.actions.scan import upload_scan
    from diagnosis.models.scan import Modality

    upload = upload_scan(
        by=by, patient=patient, data=xray_png(seed), name="a.png", modality=Modality.CXR, urgent=urgent
    )
    return upload.scan.reviews.get()


def finish(
    scan: Scan,
    *probabilities: float,
    combined: float | None = None,
    outside: float | None = None,
    without: tuple[Message, ...] = (),
) -> Analysis:
    """End the scan's open analysis with one prediction for each probability of COVID-19.

    `combined` adds what a panel made of them, with zones; `outside` is the share of every map's attention outside the
    lungs; `without` says why there is no combination.
    """
    from django.core.files.base import ContentFile
    from django.db import transaction
    from django.db.models import Q

    from diagnosis.models import Analysis, Prediction
    from diagnosis.models.notification import NotificationKind
    from diagnosis.notifications import notify_uploader
    from diagnosis.reviews import queue
    from diagnosis.states import AnalysisStatus as S

    analysis = scan.analyses.get(status=S.QUEUED)
    claim = Analysis.objects.claim(analysis.pk, worker="test")
    with transaction.atomic():
        for number, probability in enumerate(probabilities):
            prediction = Prediction(
                analysis=analysis,
                classifier=f"classifier-{number}",
                version="1.2.3",
                architecture="test",
                weights_sha256="0" * 64,
                preprocessing="cxr-1",
                probabilities={"covid": probability, "normal": 1 - probability},
                label="covid" if probability >= 0.5 else "normal",
                operating_point=POINT,
                probability=probability,
                at_or_above_threshold=probability >= POINT["threshold"],  # type: ignore[operator]
                milliseconds=5,
                attention_outside=outside,
            )
            prediction.attention.save("a.png", ContentFile(xray_png(number)), save=False)
            prediction.save(force_insert=True)
        if combined is not None:
            combine(analysis, combined)
        changes = {"only": Q(claim=claim), "without_ensemble_reasons": [reason.as_json() for reason in without]}
        assert Analysis.objects.finish(analysis.pk, S.RUNNING, S.SUCCEEDED, by="test", **changes)
        analysis.refresh_from_db()
        queue.prioritise(analysis)
        notify_uploader(scan, NotificationKind.RESULT)
    return analysis


def combine(analysis: Analysis, probability: float) -> EnsemblePrediction:
    """Keep a combination of the analysis's predictions with the thresholds of ZONED."""
    from diagnosis.models import EnsemblePrediction
    from ml.spec import OperatingPoint

    point = OperatingPoint.from_fields(ZONED)
    return EnsemblePrediction.objects.create(
        analysis=analysis,
        ensemble="panel-cxr",
        version="1.0.0",
        members=[prediction.identity for prediction in analysis.predictions.all()],
        probabilities={"covid": probability, "normal": 1 - probability},
        label="covid" if probability >= 0.5 else "normal",
        operating_point=ZONED,
        probability=probability,
        at_or_above_threshold=probability >= point.threshold,
        zone=point.zone(probability).value,
        card={"label": "covid", "auc": {"value": 0.971, "low": 0.95, "high": 0.984}, "measured_on": "the test part"},
    )


def read(by: User, review: Review, *, category: str = "negative", decision: str = "no_result", **words: Any) -> Review:
    """Claim and decide."""
    from diagnosis.actions.review import claim_review, decide_review
    from diagnosis.models.review import Category, Decision

    held = claim_review(by=by, review=review)
    return decide_review(
        by=by, review=held, decision=Decision(decision), category=Category(category), **{**WORDS, **words}
    )
