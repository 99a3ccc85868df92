"""What requests and answers look like, for the schema. All of it is invented: persons, images and results."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

_API = "https://portal.example/api/v1"
_CLINIC = "0f3a52c4-7a55-4c77-9a26-0d2f5f0c1b11"
_PATIENT = "3c1d0f5e-58a1-4d3e-8f0b-6b8e2a7c9d22"
_SCAN = "7d9b1c3a-2f64-4e7a-b1d5-9c8e7f6a5b33"
_ANALYSIS = "b5e8f2d1-9c3b-4a6f-8d7e-1a2b3c4d5e44"
_PREDICTION = "e1f2a3b4-c5d6-4e7f-8a9b-0c1d2e3f4a55"
_STUDY = "2a4c6e80-1b3d-4f5a-8c7e-9d0b1a2c3e66"
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

INTENDED_USE: dict[str, str] = {"sentence": "Decision support, not a diagnosis.", "version": "1"}
NEW_PATIENT: dict[str, Any] = {
    "medical_record_number": "MRN-0042",
    "family_name": "Berg",
    "given_name": "Alma",
    "birth_date": "1961-04-17",
    "sex": "F",
}
PATIENT: dict[str, Any] = {
    "id": _PATIENT,
    "clinic": _CLINIC,
    **NEW_PATIENT,
    "created_at": "2026-03-02T08:15:00Z",
    "merged_into": None,
    "links": {"self": f"{_API}/patients/{_PATIENT}/", "history": f"{_API}/patients/{_PATIENT}/history/"},
}
POSSIBLE_DUPLICATES: list[dict[str, Any]] = [{"id": _PATIENT, **NEW_PATIENT}]
OPERATING_POINT: dict[str, Any] = {
    "positive_label": "covid-19",
    "threshold": 0.31,
    "positive_from": 0.62,
    "chosen_for": "sensitivity of at least 0.95 on the validation split",
    "domains": [],
    "sensitivity": {"value": 0.95, "low": 0.92, "high": 0.97},
    "specificity": {"value": 0.88, "low": 0.85, "high": 0.91},
    "measured_on": "the validation split",
}
_PRECISION = {"value": 0.82, "low": 0.7, "high": 0.91}
_BY_SOURCE = {
    "sensitivity": OPERATING_POINT["sensitivity"],
    "specificity": OPERATING_POINT["specificity"],
}
_SOURCES: dict[str, Any] = {"(name of a collection)": {**_BY_SOURCE, "positive": 76, "negative": 38}}
_ANSWERS: dict[str, Any] = {"covid-19": {"precision": _PRECISION, "recall": {"value": 0.75, "low": 0.62, "high": 0.86}}}
ABNORMALITY_POINT: dict[str, Any] = {
    "labels": ["covid-19", "pneumonia"],
    "slope": 1.1,
    "intercept": -0.2,
    "threshold": 0.16,
    "abnormal_from": 0.55,
    "chosen_for": "sensitivity of at least 0.95 on the validation split",
    "domains": [],
    "sensitivity": {"value": 0.94, "low": 0.9, "high": 0.97},
    "specificity": {"value": 0.6, "low": 0.55, "high": 0.65},
    "sources": {"(name of a collection)": {**_BY_SOURCE, "abnormal": 87, "normal": 97}},
    "new_places": {"(name of a place)": {**_BY_SOURCE, "positive_zone": _BY_SOURCE, "abnormal": 269, "normal": 261}},
    "measured_on": "the test split",
}
_PROBABILITIES = {"covid-19": 0.72, "pneumonia": 0.19, "normal": 0.09}
PREDICTION: dict[str, Any] = {
    "id": _PREDICTION,
    "image": _SCAN,
    "classifier": "vgg16-cxr",
    "version": "1.0.0",
    "architecture": "VGG16",
    "weights_sha256": _DIGEST,
    "preprocessing": "1",
    "label": "covid-19",
    "probabilities": _PROBABILITIES,
    "operating_point": OPERATING_POINT,
    "probability": 0.72,
    "at_or_above_threshold": True,
    "zone": "positive",
    "milliseconds": 48.3,
    "attention": f"{_API}/predictions/{_PREDICTION}/attention.png",
    "attention_outside": None,
}
ENSEMBLE_PREDICTION: dict[str, Any] = {
    "ensemble": "panel-cxr",
    "version": "1.0.0",
    "members": ["vgg16-cxr/1.0.0", "densenet121-cxr/1.0.0"],
    "label": "covid-19",
    "probabilities": _PROBABILITIES,
    "operating_point": {**OPERATING_POINT, "sources": _SOURCES, "answers": _ANSWERS, "research_only": False},
    "probability": 0.72,
    "at_or_above_threshold": True,
    "zone": "positive",
    "abnormality": {"probability": 0.9, "zone": "positive", "operating_point": {**ABNORMALITY_POINT, "site": None}},
}
ANALYSIS: dict[str, Any] = {
    "id": _ANALYSIS,
    "study": _STUDY,
    "scan": _SCAN,
    "number": 1,
    "trigger": "upload",
    "status": "succeeded",
    "verdict": (
        "Computer: lung looks abnormal; likeliest COVID-19 pattern. "
        "COVID-19 pattern: at or above the upper threshold (72.0 %)"
    ),
    "failure": None,
    "requested_by": "Robin Radiographer",
    "requested_at": "2026-03-02T08:20:11Z",
    "started_at": "2026-03-02T08:20:11Z",
    "finished_at": "2026-03-02T08:20:12Z",
    "seconds": 0.9,
    "attempts": 1,
    "result_hidden": False,
    "aggregation": {
        "method": "single_image",
        "version": "",
        "key_images": [],
        "images": 1,
        "series": None,
        "other_series": [],
        "at_threshold": None,
        "clearly_positive": None,
        "thirds": [],
        "left_out": [],
        "notes": [],
    },
    "ensemble_prediction": ENSEMBLE_PREDICTION,
    "without_ensemble": "",
    "marks": [],
    "predictions": [PREDICTION],
    "stopped": [],
    "intended_use": INTENDED_USE,
    "links": {
        "study": f"{_API}/studies/{_STUDY}/",
        "scan": f"{_API}/scans/{_SCAN}/",
        "self": f"{_API}/analyses/{_ANALYSIS}/",
        "image_results": f"{_API}/analyses/{_ANALYSIS}/images/",
        "cancel": f"{_API}/analyses/{_ANALYSIS}/cancel/",
    },
}
SCAN: dict[str, Any] = {
    "id": _SCAN,
    "clinic": _CLINIC,
    "patient": _PATIENT,
    "modality": "cxr",
    "original_name": "chest.dcm",
    "file_format": "dicom",
    "sha256": _DIGEST,
    "byte_size": 8126464,
    "width": 2022,
    "height": 2022,
    "bits": 12,
    "body_part": "CHEST",
    "view_position": "PA",
    "acquired_at": "2026-03-02T08:05:00Z",
    "uploaded_at": "2026-03-02T08:20:11Z",
    "uploaded_by": "Robin Radiographer",
    "identity_note": "",
    "analyses": [ANALYSIS],
    "links": {
        "analyses": f"{_API}/scans/{_SCAN}/analyses/",
        "self": f"{_API}/scans/{_SCAN}/",
        "original": f"{_API}/scans/{_SCAN}/original",
        "image": f"{_API}/scans/{_SCAN}/image.png",
    },
}
UPLOADED: dict[str, Any] = {
    "duplicate": False,
    "scan": SCAN,
    "study": {"id": _STUDY, "links": {"self": f"{_API}/studies/{_STUDY}/"}},
    "analysis": ANALYSIS,
}
FILE_UPLOAD: dict[str, Any] = {"patient": _PATIENT, "file": "(the file's bytes)", "modality": "cxr"}
ENCODED_UPLOAD: dict[str, Any] = {"patient": _PATIENT, "image": "iVBORw0KGgo…", "name": "chest.png", "modality": "cxr"}
ARCHIVE_UPLOAD: dict[str, Any] = {"patient": _PATIENT, "file": "(the archive's bytes)", "modality": "cxr"}
ARCHIVE: dict[str, Any] = {
    "accepted": 1,
    "duplicates": 0,
    "left_out": 1,
    "refused": 0,
    "members": [
        {
            "path": "IMAGES/IM0001",
            "duplicate": False,
            "scan": {"id": _SCAN, "links": {"self": f"{_API}/scans/{_SCAN}/"}},
            "problem": None,
        },
        {
            "path": "README.TXT",
            "duplicate": False,
            "scan": None,
            "problem": {
                "type": "urn:problem-type:left-out",
                "title": "The file or the request was refused.",
                "status": 422,
                "detail": "Left out: this file is no image.",
                "code": "left_out",
                "retryable": False,
            },
        },
    ],
}
EVENT: dict[str, Any] = {
    "kind": "record",
    "at": "2026-03-03T09:00:00Z",
    "by": "Chris Clinician",
    "reason": "amended",
    "changes": [{"field": "family_name", "before": "Berg", "after": "Lund"}],
}
SIGN_IN: dict[str, Any] = {"email": "robin@clinic.example", "password": "(the password)", "name": "ward 3 scanner"}
TOKEN: dict[str, Any] = {
    "id": 12,
    "name": "ward 3 scanner",
    "clinic": {"id": _CLINIC, "name": "North Clinic"},
    "role": "radiographer",
    "permissions": ["EDIT_PATIENT", "UPLOAD_SCAN", "VIEW_PATIENT", "VIEW_RESULT"],
    "scopes": "*",
    "created_at": "2026-03-02T08:00:00Z",
    "expires_at": "2026-05-31T08:00:00Z",
    "last_used_at": None,
    "revoked_at": None,
}
ISSUED_TOKEN: dict[str, Any] = {"token": "cip_(shown this once)", **TOKEN}
PERSON: dict[str, Any] = {
    "id": 7,
    "clinic": _CLINIC,
    "full_name": "Robin Radiographer",
    "email": "robin@clinic.example",
    "role": "radiographer",
    "status": "active",
    "created_at": "2026-02-16T09:00:00Z",
    "last_sign_in_at": "2026-03-02T07:58:41Z",
    "links": {"self": f"{_API}/people/7/"},
}
CLASSIFIER: dict[str, Any] = {
    "name": "vgg16-cxr",
    "version": "1.0.0",
    "architecture": "VGG16",
    "modality": "cxr",
    "labels": ["covid-19", "pneumonia", "normal"],
    "input_size": [224, 224],
    "preprocessing": "1",
    "operating_point": OPERATING_POINT,
    "weights_sha256": _DIGEST,
    "trained_on": ["(name and licence of a collection)"],
    "intended_use": "Decision support for readers of chest X-rays of adults.",
    "must_not_use": "Not as the only basis of a decision.",
    "licence": "research use only",
    "metrics": {"auc": 0.94},
}
ENSEMBLE: dict[str, Any] = {
    "name": "panel-cxr",
    "version": "1.0.0",
    "modality": "cxr",
    "labels": ["covid-19", "pneumonia", "normal"],
    "members": ["vgg16-cxr/1.0.0", "densenet121-cxr/1.0.0"],
    "temperature": 1.2,
    "operating_point": OPERATING_POINT,
    "sources": _SOURCES,
    "answers": _ANSWERS,
    "abnormality": ABNORMALITY_POINT,
    "research_only": False,
    "metrics": {"auc": 0.95},
}


def problem(status: int, title: str, code: str, detail: str, **more: Any) -> OpenApiExample:
    """A refusal."""
    kind = f"urn:problem-type:{code.replace('_', '-')}"
    value = {"type": kind, "title": title, "status": status, "detail": detail, "code": code, "retryable": False}
    return OpenApiExample(code, value | more, response_only=True)


def answer(value: dict[str, Any], name: str = "answer") -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True)


def request(value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample("request", value, request_only=True)


def form(value: dict[str, Any]) -> OpenApiExample:
    """A request of several parts."""
    return OpenApiExample("form", value, request_only=True, media_type="multipart/form-data")
