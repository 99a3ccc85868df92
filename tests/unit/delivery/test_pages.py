"""The administrators' pages: where things go, what waits, and what they do about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from accounts.permissions import Permission
from accounts.roles import ROLES
from audit.models import AuditEvent
from audit.vocabulary import Action, Event
from delivery.models import Content, Delivery, DeliveryAttempt, Destination, Kind, Outcome
from delivery.views.outbox import TRIES
from diagnosis.models import Scan

pytestmark = pytest.mark.django_db
FIELDS = {"name": "PACS", "host": "pacs.example", "port": 104, "called_title": "PACS", "calling_title": "PORTAL"}


@pytest.fixture
def admin(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


@pytest.fixture
def row(destination: Destination, scan: Scan) -> Delivery:
    return Delivery.objects.create(
        destination=destination, content=Content.EVENT, study=scan.study, key="1", last_answer="busy"
    )


def test_an_administrator_adds_and_changes_a_destination(admin: Client, administrator: User) -> None:
    add = reverse("delivery:destination-add", args=["dicom"])
    assert admin.get(add).status_code == 200
    assert admin.post(add, {"name": "PACS", "host": "pacs.example"}).status_code == 422
    sent = {**FIELDS, "contents": ["signed_report"], "is_active": "on"}
    assert admin.post(add, sent).status_code == 302
    assert admin.post(add, sent).status_code == 422  # the name is taken
    made = Destination.objects.get()
    assert (made.kind, made.contents) == (Kind.DICOM, sent["contents"])
    assert made.clinic == administrator.memberships.get().clinic
    change = reverse("delivery:destination", args=[made.pk])
    assert admin.post(change, {**sent, "host": "other.example"}).status_code == 302
    made.refresh_from_db()
    assert made.host == "other.example"
    assert "other.example" in admin.get(reverse("delivery:destinations")).content.decode()
    assert admin.get(reverse("delivery:destination-add", args=["pigeon"])).status_code == 404


def test_where_data_go_is_told_to_the_audit_trail_by_whichever_door(
    admin: Client, administrator: User, clinic: Clinic, django_capture_on_commit_callbacks: Any
) -> None:
    before = AuditEvent.objects.count()
    admin.post(reverse("delivery:destination-add", args=["dicom"]), {**FIELDS, "contents": ["signed_report"]})
    made = Destination.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        Destination(clinic=clinic, kind=Kind.WEBHOOK, name="Ward", url="https://ward.example/").save()
    page, shell = AuditEvent.objects.order_by("pk")[before:]
    assert (page.event, page.action, page.person) == (Event.RIGHTS, Action.CREATE, administrator.pk)
    assert (page.object_type, page.object_id) == ("delivery.destination", str(made.pk))
    assert page.detail["destination"] == "PACS"
    assert (shell.event, shell.action, shell.person, shell.detail["state"]) == (
        Event.RIGHTS,
        Action.CREATE,
        None,
        "active",
    )


def test_a_webhook_needs_a_secret_once_and_shows_it_never(admin: Client) -> None:
    add, sent = (
        reverse("delivery:destination-add", args=["webhook"]),
        {"name": "Ward", "url": "https://ward.example/in"},
    )
    assert admin.post(add, sent).status_code == 422, "nobody could tell its events from anybody's"
    assert admin.post(add, {**sent, "secret": "short"}).status_code == 422
    assert admin.post(add, {**sent, "secret": "quite a long secret of ours"}).status_code == 302
    made = Destination.objects.get()
    change = reverse("delivery:destination", args=[made.pk])
    assert "quite a long secret" not in admin.get(change).content.decode()
    assert admin.post(change, {**sent, "name": "Ward 3"}).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.secret) == ("Ward 3", "quite a long secret of ours")


def test_a_test_says_why_nobody_answers(admin: Client, destination: Destination) -> None:
    Destination.objects.update(kind=Kind.WEBHOOK)
    page = admin.post(reverse("delivery:destination-echo", args=[destination.pk]), follow=True).content.decode()
    assert "does not answer: Only a DICOM destination answers to C-ECHO." in page


def test_the_outbox_shows_what_waits_and_why(admin: Client, row: Delivery, scan: Scan) -> None:
    outbox = reverse("delivery:outbox")
    page = admin.get(outbox).content.decode()
    assert "busy" in page
    assert str(scan.study.patient) in page
    assert "busy" not in admin.get(outbox, {"status": "delivered"}).content.decode()
    assert "busy" not in admin.get(outbox, {"destination": "0"}).content.decode().split("<table")[0]
    cancel, again = (reverse(f"delivery:delivery-{act}", args=[row.pk]) for act in ("cancel", "again"))
    admin.post(cancel)
    row.refresh_from_db()
    assert row.status == "cancelled"
    assert "has moved on meanwhile" in admin.post(cancel, follow=True).content.decode()
    admin.post(again)
    row.refresh_from_db()
    assert row.status == "waiting"
    Delivery.objects.update(queued_at=timezone.now() - timedelta(days=1))
    assert "1 delivery is overdue" in admin.get(outbox).content.decode()


def test_the_outbox_shows_the_earlier_tries(admin: Client, row: Delivery) -> None:
    outbox, tries = reverse("delivery:outbox"), DeliveryAttempt.objects
    Delivery.objects.update(payload={"orders": [{"placer": "P1"}, {"placer": "", "filler": "", "accession": "A2"}]})
    tries.create(delivery=row, outcome=Outcome.AGAIN, answer="The first answer")
    page = admin.get(outbox).content.decode()
    assert ("Orders P1, A2" in page, "Earlier tries" in page) == (True, False)
    for number in range(TRIES):
        tries.create(delivery=row, outcome=Outcome.REFUSED, answer=f"Answer {number}")
    page = admin.get(outbox).content.decode()
    assert page.index("Answer 9") < page.index("Answer 0")
    assert "The first answer" not in page


@pytest.mark.parametrize("role", ROLES)
def test_who_may(role: str, client: Client, member: object, row: Delivery) -> None:
    client.force_login(member(role))  # type: ignore[operator]
    expected = 200 if Permission.MANAGE_DELIVERY in ROLES[role].permissions else 403
    assert client.get(reverse("delivery:outbox")).status_code == expected
    assert client.get(reverse("delivery:destinations")).status_code == expected
    assert client.get(reverse("delivery:destination", args=[row.destination_id])).status_code == expected
    done = client.post(reverse("delivery:delivery-again", args=[row.pk])).status_code
    assert done == (302 if expected == 200 else 403)


def test_another_clinic_finds_nothing(client: Client, stranger: User, row: Delivery) -> None:
    client.force_login(stranger)
    assert client.get(reverse("delivery:destination", args=[row.destination_id])).status_code == 404
    assert client.post(reverse("delivery:delivery-again", args=[row.pk])).status_code == 404


def test_the_page_of_a_study_says_where_it_went(client: Client, clinician: User, row: Delivery) -> None:
    client.force_login(clinician)
    page = reverse("diagnosis:study-detail", args=[row.study_id])
    assert "waiting for Record since" in client.get(page).content.decode()
    Delivery.objects.update(status="delivered", delivered_at=timezone.now())
    assert "sent to Record on" in client.get(page).content.decode()
