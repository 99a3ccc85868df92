"""A visitor writes, and a person in the administration handles it."""

from __future__ import annotations

import time
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail, signing
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from portal import contact
from portal.forms.contact import SALT
from portal.models import ContactMessage

pytestmark = pytest.mark.django_db

SENT = {"name": "Ada Moreau", "email": "ada@clinic.example", "subject": "Trying it", "body": "How do we start?\nAda"}
NOWHERE = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "unix:///nowhere/broker.sock?db=1",
    }
}


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> None:
    settings.CONTACT_EMAIL = "desk@portal.example"
    cache.clear()


def filled(**changes: Any) -> dict[str, Any]:
    return SENT | {"opened": signing.dumps(int(time.time()) - 60, salt=SALT)} | changes


def send(client: Client, **changes: Any) -> Any:
    return client.post(reverse("portal:contact"), filled(**changes))


def test_the_form_asks_for_no_patient_data_and_hides_its_trap(client: Client) -> None:
    page = client.get(reverse("portal:contact")).content.decode()
    assert "Do not send patient data" in page
    trap = page[page.index('<div class="trap"') :]
    assert trap.startswith('<div class="trap" aria-hidden="true">')
    assert 'tabindex="-1"' in trap
    assert 'autocomplete="off"' in trap


def test_a_message_is_stored_then_mailed(
    client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(client)
        assert mail.outbox == []  # nothing goes out before the row is safe
    assert (answer.status_code, answer.url) == (302, reverse("portal:contact_thanks"))
    message = ContactMessage.objects.get()
    assert (message.name, message.email, message.subject) == (SENT["name"], SENT["email"], SENT["subject"])
    assert message.body.splitlines() == SENT["body"].splitlines()
    assert message.mailed_at is not None
    assert message.handled_at is None
    [letter] = mail.outbox
    assert letter.to == ["desk@portal.example"]
    assert letter.reply_to == ["ada@clinic.example"]
    assert letter.subject.endswith("Trying it")
    assert "How do we start?" in letter.body
    assert client.get(answer.url).status_code == 200


def test_a_line_break_in_the_subject_adds_no_header(
    client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        send(client, subject="Hello\r\nBcc: everybody@clinic.example")
    [letter] = mail.outbox
    assert letter.recipients() == ["desk@portal.example"]
    assert "Bcc" not in dict(letter.message().items())


def test_a_row_that_came_another_way_cannot_add_a_header_either(settings: Settings) -> None:
    row = ContactMessage.objects.create(**SENT | {"name": "a\nBcc: x@y.example", "subject": "b\r\nCc: x@y.example"})
    assert contact.mail(row)
    assert mail.outbox[0].recipients() == ["desk@portal.example"]
    assert not {"Bcc", "Cc"} & set(mail.outbox[0].message().keys())


class Unreachable:
    """A mail server that hangs up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def send_messages(self, letters: Any) -> int:
        raise SMTPServerDisconnected("no route")


def test_a_failing_mail_server_loses_nothing(
    client: Client,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Unreachable"
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(client)
    assert answer.status_code == 302
    message = ContactMessage.objects.get()
    assert message.mailed_at is None
    assert f"Contact message {message.pk} could not be mailed" in caplog.text
    assert SENT["email"] not in caplog.text.split("Traceback")[0]


def test_without_an_address_messages_wait_in_the_administration(
    client: Client, settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    settings.CONTACT_EMAIL = ""
    with django_capture_on_commit_callbacks(execute=True):
        send(client)
    assert ContactMessage.objects.get().mailed_at is None
    assert mail.outbox == []


def test_a_wrong_form_comes_back_with_what_was_written(client: Client) -> None:
    answer = send(client, email="nowhere")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "How do we start?" in page
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="id_email_helptext id_email_error"' in page
    assert not ContactMessage.objects.exists()


def test_a_program_in_the_trap_believes_that_it_succeeded(client: Client) -> None:
    answer = send(client, website="https://spam.example")
    assert (answer.status_code, answer.url) == (302, reverse("portal:contact_thanks"))
    assert not ContactMessage.objects.exists()


def test_a_message_in_no_time_is_refused_with_a_sentence(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.forms.contact.FASTEST_SECONDS", 40)  # a slow machine must not look like a person
    answer = send(client, opened=signing.dumps(int(time.time()), salt=SALT))
    assert answer.status_code == 422
    assert "sent unusually fast" in answer.content.decode()
    assert not ContactMessage.objects.exists()


def test_one_visitor_sends_a_few_messages_an_hour(client: Client) -> None:
    for _ in range(contact.PER_VISITOR):
        assert send(client).status_code == 302
    answer = send(client)
    assert answer.status_code == 429
    assert "Your message was not sent. Please try again later." in answer.content.decode()
    assert ContactMessage.objects.count() == contact.PER_VISITOR
    assert Client(REMOTE_ADDR="198.51.100.7").post(reverse("portal:contact"), filled()).status_code == 302


def test_a_mistyped_form_costs_the_visitor_nothing(client: Client) -> None:
    for _ in range(contact.PER_VISITOR + 1):
        assert send(client, email="nowhere").status_code == 422
    assert send(client).status_code == 302


def test_everybody_together_sends_no_more_than_a_person_can_read(client: Client) -> None:
    ContactMessage.objects.bulk_create(ContactMessage(**SENT) for _ in range(contact.FROM_EVERYBODY))
    assert send(client).status_code == 429
    old = ContactMessage.objects.values_list("sent_at", flat=True).first()
    assert old is not None
    ContactMessage.objects.update(sent_at=old - contact.WINDOW * 2)
    assert send(client).status_code == 302


def test_without_the_cache_the_form_works_and_the_common_limit_holds(client: Client, settings: Settings) -> None:
    settings.CACHES = NOWHERE
    assert send(client).status_code == 302
    ContactMessage.objects.bulk_create(ContactMessage(**SENT) for _ in range(contact.FROM_EVERYBODY))
    assert send(client).status_code == 429


def test_a_post_from_another_site_is_refused_with_a_page_that_leads_to_the_entrance() -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("portal:contact"), filled())
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "This form has expired" in page
    assert f'class="button button-primary" href="{reverse("account_login")}"' in page
    assert not ContactMessage.objects.exists()
