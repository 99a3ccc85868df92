"""Every error as an OperationOutcome, made of what the API would say."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.response import Response

from diagnosis.api import errors
from diagnosis.errors import ConfidentialRecord

MEDIA_TYPE = "application/fhir+json"
# Codes of http://hl7.org/fhir/issue-type.
ISSUES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    410: "deleted",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    503: "transient",
}


def issue_code(status: int) -> str:
    return ISSUES.get(status, "exception")


def outcome(*issues: tuple[str, str], severity: str = "error") -> dict[str, Any]:
    """`issues`: code and sentence of each."""
    told = [{"severity": severity, "code": code, "diagnostics": text} for code, text in issues]
    return {"resourceType": "OperationOutcome", "issue": told}


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """A confidential record that is closed to the person is none: a program cannot open it in an emergency."""
    known = Http404() if isinstance(error, ConfidentialRecord) else error
    answer = errors.handle(known, context)
    said = answer.data or {}
    code = getattr(error, "issue", "") or issue_code(answer.status_code)
    answer.data = outcome((code, said.get("detail", "")))
    if expression := getattr(error, "expression", ""):
        answer.data["issue"][0]["expression"] = [expression]
    answer.content_type = MEDIA_TYPE
    return answer
