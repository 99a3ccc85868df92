"""Mail where no server for it is named: nothing is sent, and nothing of it is written to a log.

A mail holds names of examinations, addresses, and links that set a password. Django's console backend would put all of
that into the log, which more people read than the mailbox.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

logger = logging.getLogger(__name__)

NOWHERE = "portal.mail.Nowhere"

MISSING = (
    "No mail server is named, so no mail leaves the portal: no link for a forgotten password, no notice of a result."
)
WHAT_TO_DO = "Set EMAIL_URL, for example smtp+tls://USER:PASSWORD@mail.example.org:587."


class Nowhere(BaseEmailBackend):
    """Says how many mails were not sent, and no word of them."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        logger.error("%d mail(s) not sent. %s %s", len(email_messages), MISSING, WHAT_TO_DO)
        return 0


def leaves() -> bool:
    """Whether mail leaves the portal; with DEBUG the console stands for it."""
    return str(settings.EMAIL_BACKEND) != NOWHERE


@checks.register(checks.Tags.security)
def check_mail(**_: Any) -> list[checks.CheckMessage]:
    return [] if leaves() else [checks.Warning(MISSING, hint=WHAT_TO_DO, id="portal.W001")]
