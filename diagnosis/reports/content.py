"""What a report rests on, frozen at the signature, and the hash that proves it unaltered."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import override

from diagnosis.models import Addendum, Analysis, EnsemblePrediction, Patient, Prediction, Report, Review, Scan
from diagnosis.reports import key_images
from diagnosis.results import intended_use, marks, verdict


def snapshot(report: Report) -> dict[str, Any]:
    """Patient, image and classifiers' results as they are now; JSON values only.

    In the source language, whoever signs: what was signed is read for decades, and by anybody.
    """
    with override(settings.LANGUAGE_CODE):
        return _snapshot(report)


def _snapshot(report: Report) -> dict[str, Any]:
    return {
        "clinic": report.scan.clinic.name,
        "patient": _patient(report.scan.patient),
        "scan": _scan(report.scan),
        "images": _images(report),
        "key_images": key_images.frozen(report),
        "analysis": _analysis(report.review.analysis),
        **_stand(report.review),
        "intended_use": {"sentence": intended_use.SENTENCE, "version": intended_use.VERSION},
    }


def _stand(review: Review) -> dict[str, Any]:
    """Why category and decision both hold, where they contradict each other; nothing else, as in older snapshots."""
    if not review.contradiction_reason:
        return {}
    return {"stand": {"agreement": review.agreement, "contradiction_reason": review.contradiction_reason}}


def _images(report: Report) -> list[dict[str, Any]]:
    """Every image that the report rests on, in the order in which they came."""
    images = Scan.objects.filter(series__study=report.study_id)
    if report.image_id:
        images = images.filter(pk=report.image_id)
    return [_image(image) for image in images.order_by("uploaded_at", "pk")]


def _image(image: Scan) -> dict[str, Any]:
    return {"id": str(image.pk), "sha256": image.sha256, "role": image.role, "view": image.view_position}


def digest(report: Report, frozen: dict[str, Any], *, signer: str, at: datetime) -> str:
    """SHA-256, hexadecimal, over the canonical JSON of everything that the report says."""
    words = {
        "category": report.category,
        "image_quality": report.image_quality,
        "findings": report.findings,
        "impression": report.impression,
        "decision": report.review.decision,
        "override_reason": report.review.override_reason,
        "signer": signer,
        "signed_at": at.isoformat(),
        "snapshot": frozen,
    }
    return _sha256(words)


def addendum_digest(before: str, text: str, *, signer: str, at: datetime) -> str:
    """SHA-256 over the addendum and the hash before it, so that none can be left out or reordered."""
    return _sha256({"before": before, "text": text, "signer": signer, "signed_at": at.isoformat()})


def is_intact(report: Report) -> bool:
    """Whether a final report and its addenda still give the hashes that were signed."""
    if not report.is_final or report.signed_at is None:
        return False
    if digest(report, report.snapshot, signer=report.signer_name, at=report.signed_at) != report.content_sha256:
        return False
    before = report.content_sha256
    for addendum in report.addenda.order_by("number"):
        if not _follows(addendum, before):
            return False
        before = addendum.content_sha256
    return True


def _follows(addendum: Addendum, before: str) -> bool:
    expected = addendum_digest(before, addendum.text, signer=addendum.signer_name, at=addendum.signed_at)
    return addendum.content_sha256 == expected


def _sha256(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _patient(patient: Patient) -> dict[str, Any]:
    return {
        "name": patient.name,
        "medical_record_number": patient.medical_record_number,
        "birth_date": patient.birth_date.isoformat() if patient.birth_date else None,
        "sex": patient.get_sex_display(),
    }


def _scan(scan: Scan) -> dict[str, Any]:
    return {
        "id": str(scan.pk),
        "modality": scan.get_modality_display(),
        "sha256": scan.sha256,
        "accession_number": scan.accession_number,
        "acquired_at": scan.acquired_at.isoformat() if scan.acquired_at else None,
        "uploaded_at": scan.uploaded_at.isoformat(),
    }


def _analysis(analysis: Analysis | None) -> dict[str, Any] | None:
    if analysis is None:
        return None
    predictions, ensemble = list(analysis.predictions.all()), analysis.ensemble
    return {
        "number": analysis.number,
        "finished_at": analysis.finished_at.isoformat() if analysis.finished_at else None,
        "predictions": [_prediction(prediction) for prediction in predictions],
        "combination": _combination(ensemble) if ensemble else None,
        "without_combination": analysis.without_ensemble,
        "marks": [verdict.of_mark(mark, predictions) for mark in marks.unsaid(predictions, ensemble)],
    }


def _prediction(prediction: Prediction) -> dict[str, Any]:
    return {
        "classifier": prediction.classifier,
        "version": prediction.version,
        "weights_sha256": prediction.weights_sha256,
        "probabilities": prediction.probabilities,
        "label": prediction.label,
        "probability": prediction.probability,
        "at_or_above_threshold": prediction.at_or_above_threshold,
        "zone": prediction.zone,
        "operating_point": prediction.operating_point,
        "attention_outside": prediction.attention_outside,
        "card": prediction.card,
    }


def _combination(ensemble: EnsemblePrediction) -> dict[str, Any]:
    return {
        "panel": ensemble.ensemble,
        "version": ensemble.version,
        "members": ensemble.members,
        "probabilities": ensemble.probabilities,
        "label": ensemble.label,
        "probability": ensemble.probability,
        "at_or_above_threshold": ensemble.at_or_above_threshold,
        "zone": ensemble.zone,
        "operating_point": ensemble.operating_point,
        "card": ensemble.card,
    }
