"""Notices as programs see them: those that the page shows to the token's person, of the token's clinic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, Clinic, Membership, User
from audit.models import AuditEvent
from diagnosis.actions.confidentiality import mark_confidential
from diagnosis.actions.emergency import open_in_emergency
from diagnosis.actions.withdrawal import take_back
from diagnosis.models import NamedPerson, Notification, Patient, Scan
from diagnosis.models.confidentiality import EmergencyKind
from diagnosis.models.notification import NotificationKind
from diagnosis.notifications import notify
from tests.factories import finish, new_patient
from tests.integration.api.conftest import Api
from tests.pages import queries

NOTICES = "/api/v1/notices/"


def listed(client: Any, **asked: str) -> list[dict[str, Any]]:
    answer = client.get(NOTICES, asked)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_ones_own_notices_are_told_and_stay_unread(
    upload: Callable[..., Scan], radiographer: User, clinician: User, client: Client, api: Api
) -> None:
    older, newer = upload(1), upload(2)
    for scan in (older, newer):
        finish(scan, 0.9)
    program = api(radiographer)
    first, second = listed(program)
    assert (first["study"], second["study"]) == (str(newer.study_id), str(older.study_id))
    assert (first["kind"], first["sentence"], first["read_at"]) == ("result", "A result is ready", None)
    assert program.get(first["links"]["self"]).json() == first
    assert program.get(first["links"]["study"]).json()["id"] == first["study"]
    entry = AuditEvent.objects.get(route="GET api:notice", person=radiographer.pk)
    assert (entry.object_type, entry.patient) == ("diagnosis.notification", older.patient_id)
    assert [one["id"] for one in listed(program, study=str(older.study_id))] == [second["id"]]
    assert len(listed(program, unread="true")) == 2
    client.force_login(radiographer)
    client.post(reverse("diagnosis:notification", args=[second["id"]]))
    assert listed(program, unread="true") == [first]
    assert [one["id"] for one in listed(program, unread="false")] == [second["id"]]
    refused = program.get(NOTICES, {"unread": "yes"})
    assert (refused.status_code, "unread" in refused.content.decode()) == (400, True)
    page = program.get(NOTICES, {"page_size": "1"}).json()
    assert [one["id"] for one in program.get(page["next"]).json()["results"]] == [second["id"]]
    # Somebody else of the clinic.
    other = api(clinician)
    assert listed(other) == []
    assert other.get(first["links"]["self"]).status_code == 404
    assert other.get(NOTICES, {"cursor": str(first["id"])}).json()["code"] == "unknown_cursor"


def test_a_token_tells_what_is_of_its_clinic_alone(
    clinic: Clinic, other_clinic: Clinic, scan: Scan, member: Callable[..., User], radiographer: User, api: Api
) -> None:
    there = member("radiographer", at=other_clinic)
    Membership.objects.create(user=radiographer, clinic=other_clinic, role="administrator")
    elsewhere = new_patient(other_clinic, there, "1")
    mark_confidential(by=radiographer, patient=elsewhere)
    open_in_emergency(by=there, patient=elsewhere, kind=EmergencyKind.IMAGES, reason="A film in the emergency room.")
    notify(radiographer, scan.study, NotificationKind.RESULT)
    for place, kind in ((clinic, "result"), (other_clinic, "emerg")):
        client = api(radiographer, at=place)
        (told,) = listed(client)
        assert (told["kind"], told["clinic"]) == (kind, str(place.pk))
        others = Notification.objects.of(radiographer).exclude(pk=told["id"]).get()
        assert client.get(f"{NOTICES}{others.pk}/").status_code == 404
    assert (told["study"], list(told["links"])) == (None, ["self"])
    assert str(elsewhere.pk) not in str(told), "its keepers need not see it"


def test_what_is_closed_or_taken_back_is_told_no_more(
    patient: Patient, upload: Callable[..., Scan], radiographer: User, administrator: User, api: Api
) -> None:
    client, taken, closed = api(radiographer), upload(1), upload(2)
    finish(taken, 0.9)
    take_back(by=radiographer, study=taken.study)
    finish(closed, 0.9)
    (told,) = listed(client)
    assert told["study"] == str(closed.study_id)
    mark_confidential(by=administrator, patient=patient)
    NamedPerson.objects.exclude(user=administrator).delete()
    assert listed(client) == []
    assert client.get(told["links"]["self"]).status_code == 404


def test_a_token_needs_the_scopes_of_what_notices_are_about(scan: Scan, radiographer: User, api: Api) -> None:
    finish(scan, 0.9)
    client, whole = api(radiographer), ("ImagingStudy", "Observation", "DiagnosticReport")
    address = listed(client)[0]["links"]["self"]
    for lacking in (None, *whole):
        held = [name for name in whole if name != lacking]
        for letter, asked in (("s", NOTICES), ("r", address)):
            ApiToken.objects.update(scopes=" ".join(f"system/{name}.{letter}" for name in held))
            assert client.get(asked).status_code == (403 if lacking else 200)


def test_more_notices_take_no_more_queries(upload: Callable[..., Scan], radiographer: User, api: Api) -> None:
    client: Any = api(radiographer)
    finish(upload(1), 0.9)
    client.get(NOTICES)  # notes the token's use
    few = queries(client, NOTICES)
    for seed in (2, 3, 4):
        finish(upload(seed), 0.9)
    assert len(listed(client)) == 4
    assert queries(client, NOTICES) == few
