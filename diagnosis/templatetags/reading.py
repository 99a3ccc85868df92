"""Small words of the reading room. `{% load reading %}`"""

from __future__ import annotations

from typing import Any

from django import template

from accounts.models import User
from diagnosis import formats
from diagnosis.models import Notification, Review, Scan
from diagnosis.models.review import ReviewKind
from diagnosis.rules import blinding
from diagnosis.states import ReviewStatus

register = template.Library()
register.filter("duration", formats.duration)
register.filter("waited", formats.waited)
register.filter("brief_estimate", formats.brief_estimate)


@register.inclusion_tag("diagnosis/review/_scan_status.html", takes_context=True)
def reading_of(context: dict[str, Any], scan: Scan) -> dict[str, Any]:
    """Where the scan stands with its readers: for its page."""
    user = context["request"].user
    return {
        "open": scan.reviews.open().select_related("reader").order_by("kind"),
        "series": _series_reading(user, scan),
        "report": None if blinding.hides_reading(user, scan) else getattr(scan, "report", None),
        "may": context.get("may", {}),
        "user": user,
        "csrf_token": context.get("csrf_token"),
    }


def _series_reading(user: User, scan: Scan) -> Review | None:
    """The finished reading of another slice that covers this one."""
    own = scan.reviews.filter(kind=ReviewKind.FIRST, status=ReviewStatus.WITHDRAWN).first()
    done = Review.objects.of_same_series(own).filter(status=ReviewStatus.DECIDED) if own else Review.objects.none()
    found = done.select_related("scan__report").first()
    return None if found is None or blinding.hides_reading(user, found.scan) else found


@register.simple_tag(takes_context=True)
def unread_notices(context: dict[str, Any]) -> int:
    """How many notices the signed-in person has not read; one query on an index."""
    return Notification.objects.of(context["request"].user).unread().count()
