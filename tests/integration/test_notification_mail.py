"""Who wants mail gets it once, and it says nothing about anybody."""

from __future__ import annotations

import pytest
from django.core import mail

from accounts.models import User
from diagnosis import notifications as notices
from diagnosis.models import Notification, Patient, ReadingPreference
from tests.factories import finish, new_case

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(radiographer: User, patient: Patient) -> Notification:
    finish(new_case(radiographer, patient).scan, 0.9)
    return Notification.objects.get(recipient=radiographer)


def test_nobody_is_mailed_who_did_not_ask(told: Notification) -> None:
    assert notices.mail_pending() == 0
    assert mail.outbox == []


def test_who_asked_is_mailed_once_without_a_clinical_word(told: Notification, radiographer: User) -> None:
    ReadingPreference.objects.create(user=radiographer, mail_results=True)
    assert (notices.mail_pending(), notices.mail_pending()) == (1, 0)
    (sent,) = mail.outbox
    assert sent.to == [radiographer.email]
    for private in ("Berg", "Alma", "MRN-0001", "covid", "COVID", str(told.study_id)):
        assert private not in sent.subject + sent.body


def test_what_was_read_already_is_not_mailed(told: Notification, radiographer: User) -> None:
    ReadingPreference.objects.create(user=radiographer, mail_results=True)
    Notification.objects.of(radiographer).mark_read()
    assert notices.mail_pending() == 0


def test_two_sweeps_with_the_same_notification_in_hand_mail_it_once(told: Notification) -> None:
    assert [notices._mail(told), notices._mail(told)] == [True, False]
    assert len(mail.outbox) == 1
