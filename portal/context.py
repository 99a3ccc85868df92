"""What every page may show."""

from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest

from accounts.models import User
from accounts.permissions import Permission
from diagnosis import notifications
from diagnosis.views.shortcuts import membership
from network import worklist
from orders import listing
from portal import mail
from portal.backup import state


def portal(request: HttpRequest) -> dict[str, Any]:
    """Costs nothing by itself: the bell and the trays ask for `unread_notices` and the others like it."""
    return {
        "portal_version": settings.VERSION,
        "membership": getattr(request, "membership", None),
        "idle_seconds": settings.IDLE_SECONDS,
        "mail_leaves": mail.leaves(),
        "backup": state.health,
        "receives_dicom": settings.RECEIVES_DICOM,
        "ohif_url": settings.OHIF_URL,
        "received_waiting": lambda: _received_waiting(request),
        "orders_overdue": lambda: _orders_overdue(request),
        "unread_notices": lambda: notifications.unread_count(cast(User, request.user)),
    }


def _received_waiting(request: HttpRequest) -> int | None:
    """How many received studies wait in the person's clinic; None where they match none."""
    current = membership(request)
    if current is None or Permission.MATCH_STUDY not in current.permissions:
        return None
    return worklist.count(current.clinic)


def _orders_overdue(request: HttpRequest) -> int | None:
    """How many orders of the person's clinic are late; None where they follow none, or there is none."""
    current = membership(request)
    if current is None or Permission.FOLLOW_ORDER not in current.permissions:
        return None
    return listing.count_overdue(current.clinic, by=cast(User, request.user))
