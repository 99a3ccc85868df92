"""What happens to a visitor's message: it is stored, then mailed. The row is the truth; the mail only tells of it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from portal import product
from portal.models import ContactMessage

logger = logging.getLogger(__name__)

WINDOW = timedelta(hours=1)
PER_VISITOR = 5
# Counted in the database, so that it also holds without the cache and against many addresses.
FROM_EVERYBODY = 60


def has_room() -> bool:
    """Whether the last hour brought fewer messages than a person could read."""
    recent = ContactMessage.objects.filter(sent_at__gt=timezone.now() - WINDOW)
    return recent.count() < FROM_EVERYBODY


@transaction.atomic
def send(*, name: str, email: str, subject: str, body: str) -> ContactMessage:
    """Store a message, and mail it once it is committed."""
    message = ContactMessage.objects.create(name=name, email=email, subject=subject, body=body)
    transaction.on_commit(lambda: mail(message))
    return message


def mail(message: ContactMessage) -> bool:
    """Mail `message` to CONTACT_EMAIL; whether it went. A failure is logged, and the message waits in the admin."""
    if not settings.CONTACT_EMAIL:
        return False
    try:
        if not EmailMessage(**_envelope(message)).send():
            return False
    except Exception:
        # Mail servers fail in ways of their own; none of them may lose the message or worry the visitor.
        logger.exception("Contact message %s could not be mailed; it is in the admin", message.pk)
        return False
    ContactMessage.objects.filter(pk=message.pk).update(mailed_at=timezone.now())
    return True


def _envelope(message: ContactMessage) -> dict[str, Any]:
    return {
        "subject": one_line(f"[{product.NAME}] {message.subject}"),
        "body": f"From: {one_line(message.name)} <{message.email}>\n\n{message.body}\n",
        "to": [settings.CONTACT_EMAIL],
        "reply_to": [one_line(message.email)],
    }


def one_line(text: str) -> str:
    """`text` with all white space as single spaces: no line break, so no part of it can start a header of its own."""
    return " ".join(text.split())
