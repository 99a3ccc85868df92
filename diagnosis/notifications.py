"""Tells the uploader that something is ready. Mail follows later, without a clinical word."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.locale import in_locale_of
from accounts.models import Clinic, Membership, User
from accounts.permissions import Permission
from diagnosis import keyset
from diagnosis.models import Follow, Notification, Patient, ReadingPreference, Study
from diagnosis.models.base import hidden_studies
from diagnosis.models.confidentiality import seeing
from diagnosis.models.notification import URGENT, NotificationKind, NotificationQuerySet

log = logging.getLogger(__name__)
MAIL_BATCH = 100
_MAILED = ("recipient", "study__clinic", "record__clinic")
# As many as a bell has room for.
MOST_UNREAD = 99
# In the portal's time zone.
DIGEST_HOUR = 7


def notify(recipient: User, study: Study, kind: NotificationKind) -> None:
    Notification.objects.create(recipient=recipient, study=study, kind=kind)


def notify_uploader(study: Study, kind: NotificationKind) -> None:
    _news(study.received_from, study, kind)


def notify_of_report(study: Study, kind: NotificationKind) -> None:
    """Tell the uploader, the referrer and the followers of a report: each once, and who may still see the study."""
    for person in _who_hears(study):
        _news(person, study, kind)


def _who_hears(study: Study) -> list[User]:
    of_patient = Q(patient=study.patient_id) | Q(patient__merged_into=study.patient_id)
    following = Follow.objects.filter(Q(study=study) | of_patient).values("user")
    readers = Membership.objects.people(Permission.VIEW_RESULT, study.clinic_id)
    named = Q(pk=study.received_from_id) | Q(pk=study.ordered_by_id) | Q(pk__in=following)
    return list(seeing(readers.filter(named), study.patient_id).order_by("pk"))


def _news(recipient: User, study: Study, kind: NotificationKind) -> None:
    """One notice an examination: an unread one of before says the latest news instead.

    That a report is there is not hidden by a later result, nor that one was corrected by anything.
    """
    of_results = (NotificationKind.RESULT, NotificationKind.FAILURE)
    passing = of_results if kind in of_results else (*of_results, NotificationKind.REPORT, NotificationKind.ADDENDUM)
    unread = Notification.objects.of(recipient).unread().filter(study=study, image=None, kind__in=passing)
    if not unread.update(kind=kind, created_at=timezone.now(), mailed_at=None):
        notify(recipient, study, kind)


def own(user: User) -> NotificationQuerySet:
    """What `user` is told about studies that they may still see, and of confidential records that they look after.

    As `Study.visible_to`, in words about the notice: “either” with a question of all visible studies would have
    PostgreSQL gather these, and a clinic has many.
    """
    managed = Clinic.objects.where(user, Permission.MANAGE_CLINIC)
    seen = Q(study__clinic__in=Clinic.objects.where(user, Permission.VIEW_PATIENT), study__withdrawal=None)
    shown = seen & ~Q(study__in=hidden_studies(user))
    return Notification.objects.of(user).filter(shown | Q(record__clinic__in=managed))


def notify_keepers(record: Patient, kind: NotificationKind, *, without: User | None = None) -> None:
    """Tell the clinic's administrators of a confidential record, which they need not see."""
    people = Membership.objects.people(Permission.MANAGE_CLINIC, record.clinic_id)
    notify_of_record(people.exclude(pk=without.pk) if without else people, record, kind)


def notify_of_record(people: Iterable[User], record: Patient, kind: NotificationKind) -> None:
    Notification.objects.bulk_create(Notification(recipient=one, record=record, kind=kind) for one in people)


def unread_count(user: User) -> keyset.Count:
    """How many of their own `user` has not read; one query, on the index of the unread."""
    return keyset.count(own(user).unread(), most=MOST_UNREAD)


def mail_pending() -> int:
    """Mail what its recipients want mailed; returns how many went out. One that fails waits for the next round."""
    preference = "recipient__reading_preference__"
    chosen = Q(kind__in=URGENT) | Q(**{f"{preference}mail_results": True, f"{preference}mail_daily": False})
    wanted = Notification.objects.filter(chosen, mailed_at=None, read_at=None, recipient__is_active=True)
    return sum(_mail(notification) for notification in wanted.select_related(*_MAILED)[:MAIL_BATCH])


def mail_digests() -> int:
    """Once a day, from seven in the morning on: how many examinations have news, and nothing else. Returns how many
    people were mailed.
    """
    begin = timezone.localtime().replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    if timezone.now() < begin:
        return 0
    due = ReadingPreference.objects.filter(mail_results=True, mail_daily=True, user__is_active=True)
    due = due.filter(Q(digest_sent_at=None) | Q(digest_sent_at__lt=begin))
    return sum(_mail_digest(one.user, begin) for one in due.select_related("user"))


def _mail_digest(user: User, begin: datetime) -> bool:
    # Taken before it is sent, as below.
    still = ReadingPreference.objects.filter(Q(digest_sent_at=None) | Q(digest_sent_at__lt=begin), user=user)
    if not still.update(digest_sent_at=timezone.now()):
        return False
    news = own(user).unread().filter(mailed_at=None)
    count = news.values("study").distinct().count()
    if not news.update(mailed_at=timezone.now()):
        return False
    with in_locale_of(user):
        subject = ngettext("News of %(count)d examination", "News of %(count)d examinations", count) % {"count": count}
        body = _("%(what)s. Sign in to the portal to read it: %(address)s") % {
            "what": subject,
            "address": settings.PUBLIC_URL,
        }
    return _send(user, subject, body)


def _mail(notification: Notification) -> bool:
    # Taken before it is sent: a mail that is lost is better than one that repeats for ever.
    if not Notification.objects.filter(pk=notification.pk, mailed_at=None).update(mailed_at=timezone.now()):
        return False
    if not own(notification.recipient).filter(pk=notification.pk).exists():
        return False  # they may not see the study any more
    with in_locale_of(notification.recipient, clinic=notification.clinic):
        subject = str(NotificationKind(notification.kind).label)
        body = _("%(what)s. Sign in to the portal to read it: %(address)s") % {
            "what": subject,
            "address": settings.PUBLIC_URL,
        }
    return _send(notification.recipient, subject, body)


def mail_of_drift(people: Iterable[User], clinic: Clinic) -> int:
    """Tell administrators that a clinic's classifiers answer otherwise than before. Returns how many mails went out."""
    return sum(_mail_of_drift(one, clinic) for one in people)


def _mail_of_drift(recipient: User, clinic: Clinic) -> bool:
    with in_locale_of(recipient, clinic=clinic):
        subject = _("The answers of a classifier have moved")
        body = _(
            "In %(clinic)s, a classifier answers otherwise than in its first weeks. Sign in to the portal and look at "
            "the page of classifiers under Oversight: %(address)s"
        ) % {"clinic": clinic, "address": settings.PUBLIC_URL}
    return _send(recipient, subject, body)


def _send(recipient: User, subject: str, body: str) -> bool:
    try:
        return bool(send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [recipient.email]))
    except OSError:
        log.exception("could not mail user %s", recipient.pk)
        return False
