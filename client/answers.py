"""What the portal answers, as far as this client reads it. The portal's schema tells all of it: /api/v1/docs/."""

from __future__ import annotations

from typing import Any, TypedDict

ENDED = frozenset({"succeeded", "failed", "cancelled"})


class Reference(TypedDict):
    id: str
    links: dict[str, str]


class StateReference(Reference):
    status: str


class Analysis(TypedDict):
    id: str
    study: str
    status: str
    verdict: str
    failure: dict[str, Any] | None
    result_hidden: bool
    intended_use: dict[str, str]
    links: dict[str, str]


class Scan(TypedDict):
    id: str
    patient: str
    modality: str
    sha256: str
    links: dict[str, str]


class Uploaded(TypedDict):
    duplicate: bool
    scan: Scan
    study: Reference
    analysis: Analysis | None


class Study(TypedDict):
    id: str
    patient: str
    modality: str
    accession_number: str
    received_at: str
    fetched_from: str
    image_count: int
    analysis: StateReference | None
    report: StateReference | None
    headline: str
    links: dict[str, str]


class Report(TypedDict):
    id: str
    study: str
    status: str
    standing: str
    findings: str
    impression: str
    links: dict[str, str]


class Patient(TypedDict):
    id: str
    medical_record_number: str
    family_name: str
    given_name: str
