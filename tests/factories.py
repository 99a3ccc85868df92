"""Cases to read: scans that came in through the real action, and results stored by the runner itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from diagnosis.messages import Message
from tests.images import xray_png

if TYPE_CHECKING:
    from accounts.models import Clinic, User
    from diagnosis.analyses.predict import ClassifierPrediction, CombinedPrediction
    from diagnosis.models import Analysis, Patient, Review, Scan

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
# Whether the lung is abnormal, by a calibration that changes nothing: of the labels below, P(covid) itself.
ABNORMALITY = {
    "labels": ["covid"],
    "slope": 1.0,
    "intercept": 0.0,
    "threshold": 0.2,
    "abnormal_from": 0.6,
    "chosen_for": "sensitivity 95 %",
    "sensitivity": {"value": 0.942, "low": 0.91, "high": 0.96},
    "specificity": {"value": 0.612, "low": 0.57, "high": 0.65},
    "sources": {
        "one-hospital": {
            "sensitivity": {"value": 0.933, "low": 0.87, "high": 0.97},
            "specificity": None,
            "abnormal": 76,
            "normal": 0,
        }
    },
    "measured_on": "held-out images",
}
WORDS: Mapping[str, Any] = {"image_quality": "good", "impression": "No sign of pneumonia on this X-ray."}
# The answer to a contradiction; dropped where there is none.
BOTH: Mapping[str, Any] = {"contradiction_reason": "Both are right."}


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
    without: tuple[Message, ...] = (),
    abnormality: Mapping[str, Any] | None = None,
) -> Analysis:
    """End the scan's open analysis with one prediction for each probability of COVID-19.

    `combined` adds what an ensemble makes of them, with zones; `without` says why there is no combination;
    `abnormality`, such as ABNORMALITY, makes the ensemble one that answers whether the lung is abnormal.
    """
    from diagnosis.analyses import runner
    from diagnosis.analyses.predict import ImagePredictions, StudyPredictions
    from diagnosis.models import Analysis
    from diagnosis.states import AnalysisStatus

    analysis = scan.analyses.get(status=AnalysisStatus.QUEUED)
    claim = Analysis.objects.claim(analysis.pk, worker="test")
    assert claim
    each = tuple(_predicted(number, probability) for number, probability in enumerate(probabilities))
    members = tuple(one.spec.identity for one in each)
    made = ImagePredictions(each, _combined(combined, members, abnormality) if combined else None, without)
    runner.store(analysis.pk, claim, "test", StudyPredictions.of_one(scan.pk, made))
    analysis.refresh_from_db()
    assert analysis.status == AnalysisStatus.SUCCEEDED
    return analysis


def refuse(scan: Scan) -> Analysis:
    """End the scan's open analysis as the gate does where an X-ray lies on its side."""
    from django.db.models import Q

    from diagnosis.models import Analysis
    from diagnosis.states import AnalysisStatus

    analysis = scan.analyses.get(status=AnalysisStatus.QUEUED)
    claim = Analysis.objects.claim(analysis.pk, worker="test")
    changes: dict[str, Any] = {"failure_code": "turned", "failure_params": {"variant": "cxr"}}
    running, failed = AnalysisStatus.RUNNING, AnalysisStatus.FAILED
    assert claim and Analysis.objects.finish(analysis.pk, running, failed, by="test", only=Q(claim=claim), **changes)
    analysis.refresh_from_db()
    return analysis


def answer_on_trial(scan: Scan, combined: float, abnormality: Mapping[str, Any]) -> Analysis:
    """End the scan's open analysis without a result, and keep what two classifiers and their ensemble said on trial.

    Where they are on trial in its clinic: else nothing is kept.
    """
    from django.db.models import Q

    from diagnosis.analyses import runner, shadow
    from diagnosis.analyses.predict import ImagePredictions, StudyPredictions
    from diagnosis.errors import AnalysisFailed
    from diagnosis.models import Analysis
    from diagnosis.states import AnalysisStatus

    analysis = scan.analyses.get(status=AnalysisStatus.QUEUED)
    claim = Analysis.objects.claim(analysis.pk, worker="test")
    off = AnalysisFailed("classifiers_off", {"variant": "unaccepted_cxr"}, retryable=True)
    assert runner._fail(analysis.pk, off, by="test", only=Q(claim=claim))
    each = tuple(_predicted(number, combined) for number in range(2))
    made = ImagePredictions(each, _combined(combined, tuple(one.spec.identity for one in each), abnormality), ())
    shadow._store(analysis, StudyPredictions.of_one(scan.pk, made))
    analysis.refresh_from_db()
    return analysis


def finish_study(probabilities: Mapping[Scan, float]) -> Analysis:
    """End the open analysis of the images' study: one classifier, and this probability of COVID-19 for each image."""
    from diagnosis.analyses import runner
    from diagnosis.analyses.predict import ImagePredictions, StudyPredictions, outcome
    from diagnosis.models import Analysis
    from diagnosis.states import AnalysisStatus

    made = {scan: ImagePredictions((_predicted(0, one),), None, ()) for scan, one in probabilities.items()}
    key = max(made, key=lambda scan: probabilities[scan])
    study = StudyPredictions(key.pk, made[key], tuple(outcome(scan.pk, one) for scan, one in made.items()))
    analysis = key.study.analyses.get(status=AnalysisStatus.QUEUED)
    claim = Analysis.objects.claim(analysis.pk, worker="test")
    assert claim
    runner.store(analysis.pk, claim, "test", study)
    analysis.refresh_from_db()
    return analysis


def _predicted(number: int, probability: float) -> ClassifierPrediction:
    """What a classifier with one threshold predicts; its map shows what speaks for COVID-19."""
    from diagnosis.analyses.predict import ClassifierPrediction
    from ml.serving import Prediction
    from ml.spec import OperatingPoint
    from tests.unit.ml.specs import spec

    made = spec(
        name=f"classifier-{number}",
        version="1.2.3",
        labels=("covid", "normal"),
        operating_point=OperatingPoint.from_fields(POINT),
        weights_sha256="0" * 64,
        metrics={},
    )
    picture = np.full((8, 8), number / 10, np.float32)
    picture[2:4, 2:6] = 1.0
    prediction = Prediction(
        probabilities={"covid": probability, "normal": 1 - probability},
        label="covid" if probability >= 0.5 else "normal",
        positive=probability >= made.operating_point.threshold,
        attention=picture,
        attention_label="covid",
        seen=picture,
        milliseconds=5,
    )
    return ClassifierPrediction(made, prediction)


def _combined(
    probability: float, members: tuple[str, ...], abnormality: Mapping[str, Any] | None
) -> CombinedPrediction:
    """What an ensemble of `members` with the thresholds of ZONED predicts."""
    from diagnosis.analyses.predict import CombinedPrediction
    from ml.abnormality import AbnormalityPoint
    from ml.ensemble import EnsembleSpec
    from ml.spec import Modality, OperatingPoint

    metrics = {"auc/covid": {"value": 0.971, "low": 0.95, "high": 0.984}, "measured_on": "the test part"}
    point = OperatingPoint.from_fields(ZONED)
    made = EnsembleSpec(
        "panel-cxr",
        "1.0.0",
        Modality.CXR,
        ("covid", "normal"),
        members,
        temperature=1.0,
        operating_point=point,
        metrics=metrics,
        abnormality=AbnormalityPoint.from_fields(abnormality) if abnormality else None,
    )
    return CombinedPrediction(made, {"covid": probability, "normal": 1 - probability})


def read(by: User, review: Review, *, category: str = "negative", decision: str = "no_result", **words: Any) -> Review:
    """Claim and decide; where category and decision contradict each other, the reader says that both are right."""
    from diagnosis.actions.review import claim_review, decide_review
    from diagnosis.models.review import Category, Decision

    held = claim_review(by=by, review=review)
    return decide_review(
        by=by, review=held, decision=Decision(decision), category=Category(category), **{**WORDS, **BOTH, **words}
    )
