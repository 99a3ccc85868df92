"""Scopes of API tokens: what a token lacks is refused by name, at the API and at FHIR, whatever its person may do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import scopes
from accounts.forms import TokenForm
from accounts.models import ApiToken, User
from audit.models import AuditEvent
from diagnosis.models import Patient
from fhir.catalogue import KINDS
from tests.authorisation import routes

pytestmark = pytest.mark.django_db


def with_token(person: User, held: str) -> APIClient:
    _token, secret = ApiToken.objects.issue(membership=person.memberships.get(), name="t", scopes=held)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def test_what_a_scope_is() -> None:
    for one in ("*", "system/*.rs", "system/Patient.cruds", "system/Patient.r system/Observation.s"):
        scopes.plausible(one)
    for one in (
        "",
        " ",
        "system/Patient",
        "system/Patient.",
        "system/Patient.sr",
        "patient/Patient.r",
        "system/Group.r",
    ):
        with pytest.raises(ValidationError):
            scopes.plausible(one)
    for choice in scopes.Choice:
        scopes.plausible(choice.value)


def test_every_listed_address_is_one_and_asks_for_scopes_that_there_are() -> None:
    known = {route.name: route.methods for route in routes()}
    listed = {f"api:{view}": by_method for view, by_method in scopes.API.items()}
    listed |= {f"predecessor:{view}": by_method for view, by_method in scopes.PREDECESSOR.items()}
    for view, by_method in listed.items():
        taken = set(known[view]) | {"HEAD", "OPTIONS"}
        assert set(by_method) <= taken, view
        for one in {scope for needed in by_method.values() for scope in needed}:
            scopes.plausible(one)
            assert not scopes.missing(one, [one])
    assert set(KINDS) <= set(scopes.TYPES)
    assert get_resolver()


def test_a_token_has_what_it_was_given_and_lacks_the_rest() -> None:
    """Every listed address by every method, with one of its scopes taken away at a time."""
    listed = [needed for by_method in scopes.API.values() for needed in by_method.values()]
    listed += [scopes.needed(f"fhir:{kind}{ending}", "GET") for kind in KINDS for ending in ("", "-search", "-form")]
    for needed in filter(None, listed):
        assert not scopes.missing("*", needed)
        assert not scopes.missing(" ".join(needed), needed)
        for lacking in needed:
            rest = " ".join(one for one in needed if one != lacking)
            assert scopes.missing(rest, needed) == lacking
    assert scopes.missing("system/*.cruds", ["*"]) == "*"
    assert scopes.needed("api:tokens", "GET") == scopes.needed("elsewhere:thing", "GET") == ("*",)


def test_it_is_refused_by_name_at_both_doors(administrator: User, patient: Patient) -> None:
    client = with_token(administrator, "system/Patient.r system/Observation.s")
    assert client.get(reverse("api:patient", args=[patient.pk])).status_code == 200
    assert client.get(f"/fhir/Patient/{patient.pk}").status_code == 200
    assert client.get("/fhir/Observation").status_code == 200
    assert client.get(reverse("api:token-current")).json()["scopes"] == "system/Patient.r system/Observation.s"
    refused = client.patch(reverse("api:patient", args=[patient.pk]), {"given_name": "Anna"}, format="json")
    told = refused.json()
    assert (refused.status_code, told["code"]) == (403, "missing_scope")
    assert "system/Patient.u" in told["detail"]
    patient.refresh_from_db()
    assert patient.given_name == "Alma"
    entry = AuditEvent.objects.order_by("pk").last()
    assert entry is not None
    assert (entry.person, entry.outcome, entry.detail["scope"]) == (administrator.pk, "4", "system/Patient.u")
    for address, lacking in (
        ("/fhir/Patient", "system/Patient.s"),
        ("/fhir/AuditEvent", "system/AuditEvent.s"),
        (f"/fhir/Provenance/{patient.pk}", "system/Provenance.r"),
    ):
        answer = client.get(address)
        assert (answer.status_code, answer.json()["resourceType"]) == (403, "OperationOutcome")
        assert lacking in answer.json()["issue"][0]["diagnostics"]
    # What is included is of another type.
    narrow = with_token(administrator, "system/Observation.s")
    assert narrow.get("/fhir/Observation").status_code == 200
    assert narrow.get("/fhir/Observation?_include=Observation:patient").status_code == 403
    # What nobody listed takes everything.
    assert with_token(administrator, "system/*.cruds").get(reverse("api:tokens")).status_code == 403
    assert with_token(administrator, "*").get(reverse("api:tokens")).status_code == 200


def test_scope_and_time_are_chosen_with_the_token(client: Client, administrator: User) -> None:
    membership = administrator.memberships.get()
    form = TokenForm(user=administrator)
    assert [days for days, _label in form.fields["days"].choices] == [1, 7, 30, 90]
    sent = {"name": "t", "membership": membership.pk, "scopes": "system/*.rs", "days": "7"}
    made = TokenForm(sent, user=administrator)
    assert made.is_valid(), made.errors
    token, _secret = ApiToken.objects.issue(**made.cleaned_data)
    assert token.expires_at - timezone.now() < timedelta(days=7)
    assert not TokenForm(sent | {"days": "400"}, user=administrator).is_valid()
    assert not TokenForm(sent | {"scopes": "system/Patient.r"}, user=administrator).is_valid()
    longest, _secret = ApiToken.objects.issue(membership=membership, name="t", days=4000)
    assert longest.scopes == "*"
    assert longest.expires_at - timezone.now() < timedelta(days=90)
    client.force_login(administrator)
    assert "read, and change nothing" in client.get(reverse("accounts:profile")).content.decode()
