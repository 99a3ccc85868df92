"""A look at the whole trail on a schedule, and a mail to those who run the site where it is not whole."""

from __future__ import annotations

import logging

from django.contrib.auth import get_user_model
from django.core.mail import send_mail
from django.utils.translation import gettext as _

from audit import anchor
from audit.verify import verify

log = logging.getLogger(__name__)


def look() -> str:
    """What is wrong first, which is logged and mailed to every active superuser; empty: nothing."""
    if wrong := _wrong():
        log.critical("the audit trail is broken: %s", wrong)
        _mail(wrong)
    return wrong


def _wrong() -> str:
    try:
        first = verify().first
    except anchor.AnchorsBroken as broken:
        return str(broken)
    return str(first) if first else ""


def _mail(wrong: str) -> None:
    """A mail that cannot leave does not take the line in the log along."""
    people = get_user_model()._default_manager.filter(is_superuser=True, is_active=True)
    subject = _("The audit trail is broken")
    body = _(
        "The daily check of the audit trail found entries or anchors that somebody changed outside the portal. First: "
        "%(wrong)s Keep the database and the anchors as they are, and run manage.py verify_audit."
    ) % {"wrong": wrong}
    for address in people.values_list("email", flat=True):
        try:
            send_mail(subject, body + "\n", None, [address])
        except Exception:
            log.exception("the notice of a broken audit trail could not be mailed")
