"""What every page may show."""

from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest

from accounts.models import User
from diagnosis import notifications
from portal import mail
from portal.backup import state


def portal(request: HttpRequest) -> dict[str, Any]:
    """Costs nothing by itself: the bell asks for `unread_notices`, one query, and oversight for `backup`, a file."""
    return {
        "portal_version": settings.VERSION,
        "membership": getattr(request, "membership", None),
        "idle_seconds": settings.IDLE_SECONDS,
        "mail_leaves": mail.leaves(),
        "backup": state.health,
        "unread_notices": lambda: notifications.unread_count(cast(User, request.user)),
    }
