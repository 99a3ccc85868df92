"""`{% load deliveries %}{% deliveries_of study %}`"""

from __future__ import annotations

from typing import Any

from django import template

from delivery.models import Delivery
from diagnosis.models import Study

register = template.Library()
SHOWN = 6


@register.inclusion_tag("delivery/_of_study.html")
def deliveries_of(study: Study) -> dict[str, Any]:
    """What of the study was sent where and when, and what waits; nothing where nothing was queued.

    Whoever sees the study's page may know: it says nothing of what a result or a report says.
    """
    rows = Delivery.objects.filter(study=study).exclude(status="cancelled").select_related("destination")
    return {"deliveries": list(rows.order_by("-queued_at", "-pk")[:SHOWN])}
