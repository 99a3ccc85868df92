"""What a report rests on, frozen at the signature, and the hash that proves it unaltered.

The hash is over a canonical form that has a number, stored with the report. Form 1 is that of reports from before there
were sections, and stays as it was: they are verified as they were signed. Form 2 adds to it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import override

from diagnosis.models import Addendum, Analysis, EnsemblePrediction, Patient, Prediction, Report, Scan, Study
from diagnosis.reports import key_images
from diagnosis.results import intended_use, marks, verdict
from diagnosis.states import AnalysisStatus

CANONICAL_FORM = 2


def snapshot(report: Report, *, drafted: dict[str, Any] | None = None) -> dict[str, Any]:
    """Patient, image and classifiers' results as they are now; JSON values only.

    `drafted`: the author's words where whoever authorised the report changed them; kept as `drafted`, else left out.
    In the source language, whoever signs: what was signed is read for decades, and by anybody.
    """
    with override(settings.LANGUAGE_CODE):
        return _snapshot(report) | ({"drafted": drafted} if drafted else {})


def _snapshot(report: Report) -> dict[str, Any]:
    return {
        "clinic": report.scan.clinic.name,
        "patient": _patient(report.scan.patient),
        "scan": _scan(report.scan),
        "examined": _examined(report.study),
        "images": _images(report),
        "key_images": key_images.frozen(report),
        "analysis": _analysis(report.reading.analysis),
        **_without_result(report),
        **_stand(report),
        "intended_use": {"sentence": intended_use.SENTENCE, "version": intended_use.VERSION},
    }


def _without_result(report: Report) -> dict[str, Any]:
    """Why the reader had no result of the classifiers; nothing where there was one or it had not ended, as in older
    snapshots.

    It is told of the last analysis that was asked for before the reading was decided: what came after it would be a
    reason that the reader did not have.
    """
    review = report.reading
    if review.analysis is not None or review.decided_at is None:
        return {}
    asked = review.scan.analyses.filter(requested_at__lte=review.decided_at).order_by("-number").first()
    if asked is not None and asked.status not in (AnalysisStatus.FAILED, AnalysisStatus.CANCELLED):
        return {}
    return {"without_result": verdict.of_analysis(asked).sentence}


def _stand(report: Report) -> dict[str, Any]:
    """Why category and decision both hold, where they contradict each other; nothing else, as in older snapshots.

    It was said of the reading's category, and not of another one that a correction gives.
    """
    review = report.reading
    if not review.contradiction_reason or report.category != review.category:
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


def digest(
    report: Report, frozen: dict[str, Any], *, signer: str, at: datetime, author: str = "", form: int = CANONICAL_FORM
) -> str:
    """SHA-256, hexadecimal, over the canonical JSON of everything that the report says, in the form of that number."""
    words = {
        "category": report.category,
        "image_quality": report.image_quality,
        "findings": report.findings,
        "impression": report.impression,
        "decision": report.reading.decision,
        "override_reason": report.reading.override_reason,
        "signer": signer,
        "signed_at": at.isoformat(),
        "snapshot": frozen,
    }
    return _sha256(words | (_since_form_2(report, author) if form >= 2 else {}))


def _since_form_2(report: Report, author: str) -> dict[str, Any]:
    """What later forms cover besides; a corrected version names the hash of the one that it takes the place of."""
    return {
        "canonical_form": 2,
        "indication": report.indication,
        "technique": report.technique,
        "comparison": report.comparison,
        "coded_findings": report.coded_findings,
        "author": author,
        "corrects": report.corrects.content_sha256 if report.corrects else "",
        "correction_reason": report.correction_reason,
    }


def addendum_digest(before: str, text: str, *, signer: str, at: datetime) -> str:
    """SHA-256 over the addendum and the hash before it, so that none can be left out or reordered."""
    return _sha256({"before": before, "text": text, "signer": signer, "signed_at": at.isoformat()})


def last_hash(report: Report) -> str:
    """The end of the chain: the last addendum's hash, else the report's own."""
    last = report.addenda.order_by("number").last()
    return last.content_sha256 if last else report.content_sha256


def error_digest(before: str, reason: str, *, signer: str, at: datetime) -> str:
    """SHA-256 over the reason for which a report was entered in error, and the last hash before it."""
    return _sha256({"before": before, "entered_in_error": reason, "signer": signer, "signed_at": at.isoformat()})


def is_intact(report: Report) -> bool:
    """Whether a final report and all that was signed beside it still give the hashes that were signed."""
    return _says_what_was_signed(report) and _addenda_follow(report) and _error_follows(report)


def _says_what_was_signed(report: Report) -> bool:
    if not report.is_final or report.signed_at is None:
        return False
    now = digest(
        report,
        report.snapshot,
        signer=report.signer_name,
        at=report.signed_at,
        author=report.author_name,
        form=report.canonical_form,
    )
    return now == report.content_sha256


def _addenda_follow(report: Report) -> bool:
    before = report.content_sha256
    for addendum in report.addenda.order_by("number"):
        if not _follows(addendum, before):
            return False
        before = addendum.content_sha256
    return True


def _error_follows(report: Report) -> bool:
    """Nothing is added to a report once it is entered in error, so its hash follows the last one."""
    error = report.error
    if error is None:
        return True
    expected = error_digest(last_hash(report), error.reason, signer=error.signer_name, at=error.signed_at)
    return expected == error.content_sha256


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


def _examined(study: Study) -> dict[str, Any]:
    """The moment that the study has, which a person may have said or corrected: no header need have it."""
    return {"at": study.examined_at.isoformat() if study.examined_at else None, "from": study.examined_from}


def _analysis(analysis: Analysis | None) -> dict[str, Any] | None:
    if analysis is None:
        return None
    predictions, ensemble = list(analysis.predictions.all()), analysis.ensemble
    notes = analysis.notes
    return {
        "number": analysis.number,
        "finished_at": analysis.finished_at.isoformat() if analysis.finished_at else None,
        "predictions": [_prediction(prediction) for prediction in predictions],
        "combination": _combination(ensemble) if ensemble else None,
        "without_combination": analysis.without_ensemble,
        # What is printed of the combination; reports from before this was kept print the pattern alone.
        **({"questions": ["abnormality", "pattern"]} if ensemble and ensemble.abnormality else {}),
        "marks": [verdict.of_mark(mark, predictions) for mark in marks.unsaid(predictions, ensemble)],
        **({"notes": notes} if notes else {}),
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
        # Nothing changes for what was signed before this was asked.
        **({"abnormality": ensemble.abnormality} if ensemble.abnormality else {}),
    }
