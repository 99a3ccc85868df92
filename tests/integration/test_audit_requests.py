"""What a request leaves in the audit trail beside looking: sign-ins, changes, refusals, and what happens without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import Membership, User
from audit import chain
from audit.models import AuditEvent
from audit.vocabulary import Action, Event, Outcome
from diagnosis.models import Patient, Scan
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def last() -> AuditEvent:
    found = AuditEvent.objects.order_by("pk").last()
    assert found
    return found


def test_a_sign_in_and_a_sign_out_are_one_entry_each(client: Client, clinician: User) -> None:
    before = AuditEvent.objects.count()
    client.post(reverse("account_login"), {"login": clinician.email, "password": PASSWORD}, REMOTE_ADDR="192.0.2.7")
    entry = last()
    assert (entry.event, entry.person, entry.outcome) == (Event.LOGIN, clinician.pk, Outcome.SUCCESS)
    assert entry.address == "192.0.2.7"
    client.post(reverse("account_logout"))
    assert (last().event, last().person) == (Event.LOGOUT, clinician.pk)
    assert AuditEvent.objects.count() == before + 2


def test_a_failed_sign_in_names_the_account_that_was_tried(client: Client, clinician: User) -> None:
    client.post(reverse("account_login"), {"login": clinician.email, "password": "a guess at it"})
    assert (last().event, last().outcome, last().person) == (Event.LOGIN, Outcome.MINOR, clinician.pk)


def test_a_failed_sign_in_keeps_no_password_typed_into_the_wrong_box(client: Client, clinician: User) -> None:
    client.post(reverse("account_login"), {"login": "nobody@clinic.example", "password": "a guess at it"})
    assert (last().person, last().login) == (None, "nobody@clinic.example")
    APIClient().post("/api/v1/tokens/", {"email": "no@x.example", "password": PASSWORD, "name": "x"}, format="json")
    assert (last().event, last().outcome, last().route) == (Event.LOGIN, Outcome.MINOR, "POST api:tokens")
    assert PASSWORD not in str(list(AuditEvent.objects.values()))


def test_an_entry_names_people_and_patients_by_key_alone(client: Client, clinician: User, patient: Patient) -> None:
    client.force_login(clinician)
    client.get(reverse("diagnosis:patient-list"), {"q": patient.family_name})
    assert patient.pk.hex in last().patients
    client.get(reverse("diagnosis:patient-detail", args=[patient.pk]))
    assert last().patient == patient.pk
    told = str(list(AuditEvent.objects.values()))
    assert not any(word in told for word in (patient.family_name, patient.medical_record_number, clinician.full_name))


def test_an_export_and_a_change_say_what_they_are(client: Client, clinician: User, scan: Scan) -> None:
    client.force_login(clinician)
    client.get(reverse("diagnosis:scan-original", args=[scan.pk])).getvalue()
    assert (last().event, last().action, last().object_id) == (Event.EXPORT, Action.READ, str(scan.pk))
    client.post(reverse("diagnosis:patient-edit", args=[scan.patient_id]), {"family_name": ""})
    assert (last().action, last().outcome, last().patient) == (Action.UPDATE, Outcome.MINOR, scan.patient_id)


def test_what_was_refused_is_an_entry_of_the_one_who_asked(client: Client, stranger: User, patient: Patient) -> None:
    client.force_login(stranger)
    client.get(reverse("diagnosis:patient-detail", args=[patient.pk]))
    entry = last()
    assert (entry.person, entry.outcome, entry.object_id) == (stranger.pk, Outcome.MINOR, str(patient.pk))
    assert (entry.patient, entry.detail) == (None, {"status": "404"})


def test_a_program_is_named_by_its_token(clinician: User, patient: Patient) -> None:
    from accounts.models import ApiToken

    token, secret = ApiToken.objects.issue(membership=clinician.memberships.get(), name="Ward")
    APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}").get(f"/api/v1/patients/{patient.pk}/")
    assert (last().person, last().token, last().patient) == (clinician.pk, token.pk, patient.pk)


def test_a_change_of_rights_is_an_entry_by_whichever_door(
    clinician: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        membership = clinician.memberships.get()
        membership.role = "radiologist"
        membership.save()
    entry = last()
    assert (entry.event, entry.object_type, entry.object_id) == (
        Event.RIGHTS,
        "accounts.membership",
        str(membership.pk),
    )
    assert entry.detail["role"] == "clinician, active → radiologist, active"


def test_a_role_given_in_the_administration_names_who_gave_it(client: Client, clinician: User, clinic: Any) -> None:
    root = User.objects.create_superuser("root@clinic.example", PASSWORD, full_name="Ines Okafor")
    client.force_login(root)
    membership = clinician.memberships.get()
    inline = "memberships"
    form = {
        "full_name": clinician.full_name,
        "email": clinician.email,
        "is_active": "on",
        f"{inline}-TOTAL_FORMS": 1,
        f"{inline}-INITIAL_FORMS": 1,
        f"{inline}-0-id": membership.pk,
        f"{inline}-0-user": clinician.pk,
        f"{inline}-0-clinic": clinic.pk,
        f"{inline}-0-role": "radiologist",
        f"{inline}-0-is_active": "on",
    }
    assert client.post(reverse("admin:accounts_user_change", args=[clinician.pk]), form).status_code == 302
    assert Membership.objects.get(pk=membership.pk).role == "radiologist"
    assert (last().event, last().person) == (Event.RIGHTS, root.pk)
    assert last().detail["role"] == "clinician, active → radiologist, active"


@pytest.mark.parametrize("address", ["page", "api"])
def test_nothing_is_shown_that_leaves_no_entry(
    address: str, client: Client, clinician: User, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(event: AuditEvent) -> AuditEvent:
        raise DatabaseError("the disk is full")

    client.force_login(clinician)
    url = {"page": reverse("diagnosis:patient-detail", args=[patient.pk]), "api": f"/api/v1/patients/{patient.pk}/"}
    monkeypatch.setattr(chain, "append", broken)
    answer = client.get(url[address])
    assert answer.status_code == 503
    assert patient.family_name not in answer.content.decode()


def test_pages_that_show_nobody_leave_nothing(client: Client, clinician: User) -> None:
    client.get(reverse("portal:home"))
    client.force_login(clinician)
    before = AuditEvent.objects.count()
    client.get(reverse("portal:about"))
    client.get(reverse("diagnosis:notifications-unread"))
    assert AuditEvent.objects.count() == before


def test_a_list_costs_one_query_more(
    client: Client, clinician: User, upload: Callable[..., Scan], django_assert_num_queries: Any
) -> None:
    """However many patients stand on it."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    upload()
    client.force_login(clinician)
    client.get(reverse("diagnosis:scan-list"))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        client.get(reverse("diagnosis:scan-list"))
    assert [query["sql"] for query in asked if "audit_auditevent" in query["sql"]] == [asked[-1]["sql"]]
