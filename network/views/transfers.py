"""What the lists of transfers share: of what is fetched from archives, and of what goes out."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import TextChoices
from django.http import HttpRequest

from audit.notes import note_list
from diagnosis.models.base import ClinicalQuerySet

A_PAGE = 50


def listed(request: HttpRequest, rows: ClinicalQuerySet[Any], states: type[TextChoices]) -> dict[str, Any]:
    """For templates/network/_transfers.html: a page of those of `rows` that are in the state that the request asks for.

    `rows`: each has a `status`, one of `states`, and a `study` or None. The audit trail is told whose they are.
    """
    chosen = request.GET.get("status", "")
    if chosen in states.values:
        rows = rows.filter(status=chosen)
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    note_list(rows.model._meta.label_lower, [row.study.patient_id for row in page if row.study])
    return {"page": page, "statuses": states.choices, "chosen": chosen}
