"""From case to case: whether the next one is of another person than the one that was read before."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest

from diagnosis.models import Review

LAST_READ = "reading_last"


def remember_read(request: HttpRequest, review: Review) -> None:
    """Call it where a reading was decided or its report was signed."""
    request.session[LAST_READ] = {"review": str(review.pk), "patient": str(review.study.patient_id)}


def change_of_patient(request: HttpRequest, review: Review) -> Literal["new", "same", ""]:
    """Beside the case that was read last in this session; empty where there was none, or it is that case itself."""
    last = request.session.get(LAST_READ)
    if not last or last["review"] == str(review.pk):
        return ""
    return "same" if last["patient"] == str(review.study.patient_id) else "new"
