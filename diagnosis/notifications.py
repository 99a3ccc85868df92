"""Tells the uploader that something is ready. Mail follows later, without a clinical word."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.locale import in_locale_of
from accounts.models import User
from diagnosis import keyset
from diagnosis.models import Notification, Study
from diagnosis.models.notification import URGENT, NotificationKind, NotificationQuerySet

log = logging.getLogger(__name__)
MAIL_BATCH = 100
# As many as a bell has room for.
MOST_UNREAD = 99


def notify(recipient: User, study: Study, kind: NotificationKind) -> None:
    Notification.objects.create(recipient=recipient, study=study, kind=kind)


def notify_uploader(study: Study, kind: NotificationKind) -> None:
    Notification.objects.create(recipient_id=study.received_from_id, study=study, kind=kind)


def own(user: User) -> NotificationQuerySet:
    """What `user` is told about studies that they may still see."""
    return Notification.objects.of(user).filter(study__in=Study.objects.visible_to(user))


def unread_count(user: User) -> keyset.Count:
    """How many of their own `user` has not read; one query, on the index of the unread."""
    return keyset.count(own(user).unread(), most=MOST_UNREAD)


def mail_pending() -> int:
    """Mail what its recipients want mailed; returns how many went out. One that fails waits for the next round."""
    chosen = Q(kind__in=URGENT) | Q(recipient__reading_preference__mail_results=True)
    wanted = Notification.objects.filter(chosen, mailed_at=None, read_at=None, recipient__is_active=True)
    return sum(_mail(notification) for notification in wanted.select_related("recipient", "study__clinic")[:MAIL_BATCH])


def _mail(notification: Notification) -> bool:
    # Taken before it is sent: a mail that is lost is better than one that repeats for ever.
    if not Notification.objects.filter(pk=notification.pk, mailed_at=None).update(mailed_at=timezone.now()):
        return False
    with in_locale_of(notification.recipient, clinic=notification.study.clinic):
        subject = str(NotificationKind(notification.kind).label)
        body = _("%(what)s. Sign in to the portal to read it: %(address)s") % {
            "what": subject,
            "address": settings.PUBLIC_URL,
        }
    try:
        return bool(send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [notification.recipient.email]))
    except OSError:
        log.exception("could not mail notification %s", notification.pk)
        return False
