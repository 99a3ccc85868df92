"""The same for studies and what hangs on them."""

from __future__ import annotations

from typing import Any

from diagnosis.api.examples import ANALYSIS, INTENDED_USE, SCAN, UPLOADED, answer, request

__all__ = [
    "CRITICAL_RESULT",
    "IMAGE",
    "IMAGE_RESULT",
    "NOTICE",
    "ONE_STUDY",
    "REPORT",
    "REVIEW",
    "SERIES",
    "SERIES_IN_STUDY",
    "STUDY",
    "STUDY_EVENT",
    "TAKEN_BACK",
    "TAKE_BACK",
    "answer",
    "request",
]

_API = "https://portal.example/api/v1"
_CLINIC, _PATIENT, _IMAGE = SCAN["clinic"], SCAN["patient"], SCAN["id"]
_STUDY, _ANALYSIS = UPLOADED["study"]["id"], ANALYSIS["id"]
_SERIES = "4b6d8f01-3c5e-4a7b-9d8f-0e1c2b3d4f77"
_REVIEW = "5c7e9012-4d6f-4b8c-8e90-1f2d3c4e5a88"
_REPORT = "6d8f0123-5e70-4c9d-9fa1-203e4d5f6b99"
_DIGEST = SCAN["sha256"]

IMAGE_RESULT: dict[str, Any] = {
    "analysis": _ANALYSIS,
    "image": _IMAGE,
    "probabilities": {"vgg16-cxr/1.0.0": 0.72, "densenet121-cxr/1.0.0": 0.69},
    "probability": 0.72,
    "above": 2,
    "zone": "positive",
    "not_classified": None,
    "intended_use": INTENDED_USE,
    "links": {"analysis": f"{_API}/analyses/{_ANALYSIS}/", "image": f"{_API}/images/{_IMAGE}/"},
}
_SLICE: dict[str, Any] = {
    "id": _IMAGE,
    "role": "frontal",
    "sop_instance_uid": "2.25.4712",
    "instance_number": 1,
    "slice_position": None,
    "not_classified": None,
    "links": {"self": f"{_API}/images/{_IMAGE}/", "picture": f"{_API}/scans/{_IMAGE}/image.png"},
}
IMAGE: dict[str, Any] = {
    **{name: value for name, value in SCAN.items() if name != "analyses"},
    **_SLICE,
    "study": _STUDY,
    "series": _SERIES,
    "row_spacing": 0.16,
    "column_spacing": 0.16,
    "result_hidden": False,
    "result": IMAGE_RESULT,
    "links": {
        "study": f"{_API}/studies/{_STUDY}/",
        "series": f"{_API}/series/{_SERIES}/",
        "self": f"{_API}/images/{_IMAGE}/",
        "original": f"{_API}/scans/{_IMAGE}/original",
        "picture": f"{_API}/scans/{_IMAGE}/image.png",
    },
}
SERIES_IN_STUDY: dict[str, Any] = {
    "id": _SERIES,
    "study": _STUDY,
    "series_instance_uid": "2.25.4711",
    "number": 1,
    "description": "Thorax pa",
    "body_part": "CHEST",
    "image_count": 1,
    "links": {
        "self": f"{_API}/series/{_SERIES}/",
        "study": f"{_API}/studies/{_STUDY}/",
        "images": f"{_API}/images/?series={_SERIES}",
    },
}
SERIES: dict[str, Any] = {**SERIES_IN_STUDY, "images": [_SLICE]}
STUDY: dict[str, Any] = {
    "id": _STUDY,
    "clinic": _CLINIC,
    "patient": _PATIENT,
    "modality": "cxr",
    "study_instance_uid": "2.25.4710",
    "accession_number": "A-2026-117",
    "description": "Chest PA",
    "referring_physician": "Dr Holm",
    "ward": "Ward 3 B",
    "clinical_question": "Pneumonia?",
    "symptoms": "cough and fever for three days",
    "priority": "routine",
    "from_file": ["referring_physician"],
    "examined_at": "2026-03-02T08:05:00Z",
    "examined_from": "",
    "received_at": "2026-03-02T08:20:11Z",
    "received_from": "Robin Radiographer",
    "fetched_from": "",
    "image_count": 1,
    "not_classified_count": 0,
    "analysis": {"id": _ANALYSIS, "links": {"self": f"{_API}/analyses/{_ANALYSIS}/"}, "status": "succeeded"},
    "report": {"id": _REPORT, "links": {"self": f"{_API}/reports/{_REPORT}/"}, "status": "final"},
    "headline": (
        "Radiologist: Typical appearance of COVID-19 pneumonia. Bilateral peripheral opacities. "
        "Final report, signed by Rae Lund on 2 Mar 2026. Rae Lund agrees with the computer's result."
    ),
    "reading": {
        "state": "final",
        "sentence": "Final report, signed by Rae Lund on 2 Mar 2026",
        "category": "Typical appearance of COVID-19 pneumonia",
        "impression": "Bilateral peripheral opacities.",
        "stand": "Rae Lund agrees with the computer's result",
    },
    "links": {
        "self": f"{_API}/studies/{_STUDY}/",
        "patient": f"{_API}/patients/{_PATIENT}/",
        "images": f"{_API}/images/?study={_STUDY}",
        "reviews": f"{_API}/reviews/?study={_STUDY}",
        "reports": f"{_API}/reports/?study={_STUDY}",
    },
}
CRITICAL_RESULT: dict[str, Any] = {
    "id": "8fab2345-7092-4fb1-9bc3-426a7f7b8dbb",
    "finding": "Tension pneumothorax on the left.",
    "marked_by": "Rae Lund",
    "marked_at": "2026-03-02T08:33:00Z",
    "to": "Cleo Clinician",
    "status": "acknowledged",
    "due_at": "2026-03-02T09:33:00Z",
    "escalated_at": None,
    "acknowledged_by": "Cleo Clinician",
    "acknowledged_at": "2026-03-02T08:40:00Z",
    "told_to": "",
    "told_at": None,
    "withdrawn_by": None,
    "withdrawn_at": None,
    "withdrawal_reason": "",
}
ONE_STUDY: dict[str, Any] = {**STUDY, "critical_results": [CRITICAL_RESULT], "series": [SERIES_IN_STUDY]}
_WORDS: dict[str, Any] = {
    "category": "typical",
    "image_quality": "good",
    "indication": "Pneumonia?",
    "technique": "Chest X-ray. 1 image: PA.",
    "comparison": "No earlier study in this portal.",
    "findings": "Bilateral peripheral opacities.",
    "coded_findings": [
        {
            "finding": "effusion",
            "presence": "absent",
            "side": "",
            "code": {"scheme": "RADLEX", "value": "RID34539", "meaning": "pleural effusion"},
        }
    ],
    "impression": "Typical appearance of COVID-19 pneumonia.",
    "is_key_image": False,
}
REVIEW: dict[str, Any] = {
    "id": _REVIEW,
    "clinic": _CLINIC,
    "study": _STUDY,
    "patient": _PATIENT,
    "image": None,
    "kind": "first",
    "status": "decided",
    "urgent": False,
    "waiting_since": "2026-03-02T08:20:11Z",
    "reader": "Rikke Radiologist",
    "claimed_at": "2026-03-02T08:31:40Z",
    "reading_hidden": False,
    "reading": {
        "decided_at": "2026-03-02T08:35:02Z",
        "decision": "agree",
        "override_reason": "",
        "override_note": "",
        "agreement": "agrees",
        "contradiction_reason": "",
        "analysis": _ANALYSIS,
        **_WORDS,
    },
    "links": {
        "self": f"{_API}/reviews/{_REVIEW}/",
        "study": f"{_API}/studies/{_STUDY}/",
        "reports": f"{_API}/reports/?study={_STUDY}",
    },
}
_CODE = "3f9a0c5e7b1d2846aa10"
REPORT: dict[str, Any] = {
    "id": _REPORT,
    "clinic": _CLINIC,
    "study": _STUDY,
    "patient": _PATIENT,
    "image": None,
    "review": _REVIEW,
    "status": "final",
    "standing": "appended",
    "fhir_status": "appended",
    **_WORDS,
    "written_by": "Rikke Radiologist",
    "written_at": "2026-03-02T08:35:02Z",
    "handed_over_at": None,
    "author_name": "Rikke Radiologist",
    "signer_name": "Rikke Radiologist",
    "signed_at": "2026-03-02T08:36:15Z",
    "content_sha256": _DIGEST,
    "canonical_form": 2,
    "verification_code": _CODE,
    "images": [_IMAGE],
    "addenda": [
        {
            "number": 1,
            "text": "Compared with the CT of the same day: unchanged.",
            "signer_name": "Rikke Radiologist",
            "signed_at": "2026-03-02T10:02:00Z",
            "content_sha256": _DIGEST,
        }
    ],
    "corrects": None,
    "correction_reason": "",
    "corrected_by": None,
    "entered_in_error": None,
    "links": {
        "self": f"{_API}/reports/{_REPORT}/",
        "pdf": f"{_API}/reports/{_REPORT}/report.pdf",
        "study": f"{_API}/studies/{_STUDY}/",
        "review": f"{_API}/reviews/{_REVIEW}/",
        "verification": f"https://portal.example/verify/{_CODE}/",
    },
}
STUDY_EVENT: dict[str, Any] = {
    "kind": "study",
    "at": STUDY["received_at"],
    "by": STUDY["received_from"],
    "study": STUDY,
    "analyses": [ANALYSIS],
}
NOTICE: dict[str, Any] = {
    "id": 4711,
    "clinic": _CLINIC,
    "kind": "report",
    "sentence": "Report signed",
    "study": _STUDY,
    "created_at": "2026-03-02T08:36:15Z",
    "read_at": None,
    "links": {"self": f"{_API}/notices/4711/", "study": f"{_API}/studies/{_STUDY}/"},
}
TAKE_BACK: dict[str, Any] = {"images": [_IMAGE], "reason": "wrong patient"}
TAKEN_BACK: dict[str, Any] = {
    "id": "7e9a1234-6f81-4ea0-8ab2-315f5e6a7caa",
    "study": _STUDY,
    **TAKE_BACK,
    "made_by": "Rae Lund",
    "made_at": "2026-03-02T08:31:00Z",
    "study_remains": False,
}
