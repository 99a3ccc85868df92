"""Small words of the reading room. `{% load reading %}`"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone

from accounts.models import User
from diagnosis.models import Notification, Review, Scan
from diagnosis.models.review import ReviewKind
from diagnosis.rules import blinding
from diagnosis.states import ReviewStatus

register = template.Library()


@register.filter
def duration(length: timedelta) -> str:
    """Two units at most: "40 min", "3 h 12 min", "2 d 4 h"."""
    minutes = int(length.total_seconds() // 60)
    hours, minutes = divmod(max(minutes, 0), 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}\u00a0d {hours}\u00a0h"
    if hours:
        return f"{hours}\u00a0h {minutes}\u00a0min"
    return f"{minutes}\u00a0min" if minutes else "under\u00a01\u00a0min"


@register.filter
def waited(since: datetime) -> str:
    """How long ago, in the words of `duration`."""
    return duration(timezone.now() - since)


@register.filter
def first_words(text: str) -> str:
    """The short half of a label such as "Not readable: repeat the examination" or "Limited but readable"."""
    return str(text).partition(":")[0].partition(" but ")[0]


@register.filter
def brief(measured: dict[str, Any]) -> str:
    """A stored {value, low, high} where there is little room: "95 % (93 to 97)"."""
    value, low, high = (100 * float(measured[name]) for name in ("value", "low", "high"))
    return f"{value:.0f}\u00a0% ({low:.0f} to {high:.0f})"


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
