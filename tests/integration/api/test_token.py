"""Signing in for a token, and taking it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, Clinic, Membership, User
from accounts.models.api_token import digest
from tests.conftest import PASSWORD
from tests.integration.api.conftest import Api

TOKENS = "/api/v1/tokens/"


def sign_in(email: str, password: str = PASSWORD, **more: Any) -> Any:
    body = {"email": email, "password": password, "name": "ward 3", **more}
    return APIClient().post(TOKENS, body, format="json")


def bearer(secret: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def test_the_secret_is_shown_once_and_kept_as_a_digest(radiographer: User, clinic: Clinic) -> None:
    answer = sign_in(radiographer.email.upper())
    assert answer.status_code == 201
    secret = answer.json()["token"]
    token = ApiToken.objects.get()
    assert token.digest == digest(secret)
    assert secret not in str(vars(token))
    assert answer.json()["clinic"] == {"id": str(clinic.pk), "name": clinic.name}
    assert answer.json()["role"] == "radiographer"
    assert "UPLOAD_SCAN" in answer.json()["permissions"]
    assert "SIGN_REPORT" not in answer.json()["permissions"]
    listed = bearer(secret).get(TOKENS).json()["results"]
    assert [each["name"] for each in listed] == ["ward 3"]
    assert secret not in str(listed)
    assert "token" not in listed[0]


def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(radiographer: User) -> None:
    unknown = sign_in("nobody@clinic.example")
    wrong = sign_in(radiographer.email, "not the password")
    assert unknown.status_code == wrong.status_code == 401
    assert unknown.json() == wrong.json()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("thing", ["user", "clinic", "membership"])
def test_what_is_switched_off_gets_no_token_and_its_tokens_stop(
    radiographer: User, clinic: Clinic, api: Api, thing: str
) -> None:
    client = api(radiographer)
    assert client.get("/api/v1/patients/").status_code == 200
    switched = {"user": radiographer, "clinic": clinic, "membership": radiographer.memberships.get()}[thing]
    type(switched).objects.filter(pk=switched.pk).update(is_active=False)
    assert client.get("/api/v1/patients/").status_code == 401
    assert sign_in(radiographer.email).status_code in (401, 403)


def test_a_person_of_two_clinics_names_one(radiographer: User, clinic: Clinic, other_clinic: Clinic) -> None:
    Membership.objects.create(user=radiographer, clinic=other_clinic, role="clinician")
    asked = sign_in(radiographer.email)
    assert asked.status_code == 409
    assert asked.json()["code"] == "clinic_needed"
    assert {each["name"] for each in asked.json()["clinics"]} == {clinic.name, other_clinic.name}
    chosen = sign_in(radiographer.email, clinic=str(other_clinic.pk))
    assert chosen.status_code == 201
    assert chosen.json()["role"] == "clinician"


def test_the_clinics_are_told_to_nobody_with_a_wrong_password(radiographer: User, other_clinic: Clinic) -> None:
    Membership.objects.create(user=radiographer, clinic=other_clinic, role="clinician")
    assert "clinics" not in sign_in(radiographer.email, "not the password").json()


def test_a_clinic_where_one_does_not_work_is_refused(radiographer: User, other_clinic: Clinic) -> None:
    answer = sign_in(radiographer.email, clinic=str(other_clinic.pk))
    assert answer.status_code == 403
    assert answer.json()["code"] == "other_clinic"


def test_guessing_is_stopped_even_with_the_right_password_at_the_end(radiographer: User) -> None:
    codes = [sign_in(radiographer.email, f"guess {n}").status_code for n in range(5)]
    assert codes == [401] * 5
    stopped = sign_in(radiographer.email)
    assert stopped.status_code == 429
    assert int(stopped["Retry-After"]) > 0
    assert not ApiToken.objects.exists()


def test_pages_and_api_share_the_limit_on_failures(radiographer: User, client: Any) -> None:
    def signs_in() -> bool:
        client.post(reverse("account_login"), {"login": radiographer.email, "password": PASSWORD})
        inside = "_auth_user_id" in client.session
        client.logout()
        return inside

    assert signs_in()
    for n in range(5):
        sign_in(radiographer.email, f"guess {n}")
    assert not signs_in()


def test_an_invented_forwarding_header_does_not_lift_the_limit_by_address(radiographer: User) -> None:
    def guess(n: int) -> int:
        body = {"email": f"somebody{n}@clinic.example", "password": "x", "name": "x"}
        forwarded = {"HTTP_X_FORWARDED_FOR": f"10.0.0.{n}"}
        return int(APIClient().post(TOKENS, body, format="json", **forwarded).status_code)

    assert 429 in [guess(n) for n in range(42)]


def test_a_missing_field_is_named(radiographer: User) -> None:
    answer = APIClient().post(TOKENS, {"email": radiographer.email}, format="json")
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"password", "name"}
    assert answer.json()["code"] == "invalid"


def test_expired_tokens_are_dead(radiographer: User) -> None:
    secret = sign_in(radiographer.email).json()["token"]
    assert bearer(secret).get("/api/v1/patients/").status_code == 200
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    refused = bearer(secret).get("/api/v1/patients/")
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == "Bearer"


def test_a_token_lives_as_long_as_the_setting_says(radiographer: User) -> None:
    sign_in(radiographer.email)
    token = ApiToken.objects.get()
    assert token.expires_at - token.created_at == pytest.approx(settings.API_TOKEN_LIFETIME, abs=timedelta(minutes=1))


@pytest.mark.parametrize("address", ["current", "number"])
def test_a_revoked_token_is_dead_at_once(radiographer: User, address: str) -> None:
    secret = sign_in(radiographer.email).json()["token"]
    which = "current" if address == "current" else ApiToken.objects.get().pk
    assert bearer(secret).delete(f"{TOKENS}{which}/").status_code == 204
    assert bearer(secret).get(TOKENS).status_code == 401
    assert ApiToken.objects.get().revoked_at is not None


def test_nobody_sees_or_revokes_another_persons_token(
    radiographer: User, member: Callable[..., User], api: Api
) -> None:
    secret = sign_in(radiographer.email).json()["token"]
    colleague = api(member("administrator"))
    token = ApiToken.objects.get(membership__user=radiographer)
    assert colleague.get(f"{TOKENS}{token.pk}/").status_code == 404
    assert colleague.delete(f"{TOKENS}{token.pk}/").status_code == 404
    assert bearer(secret).get(TOKENS).status_code == 200


def test_a_token_knows_nothing_of_ones_tokens_in_another_clinic(
    radiographer: User, clinic: Clinic, other_clinic: Clinic, api: Api
) -> None:
    there = Membership.objects.create(user=radiographer, clinic=other_clinic, role="radiographer")
    token, _secret = ApiToken.objects.issue(membership=there, name="there")
    client = api(radiographer, at=clinic)
    assert [one["name"] for one in client.get(TOKENS).json()["results"]] == ["test"]
    assert client.delete(f"{TOKENS}{token.pk}/").status_code == 404
    assert client.get(f"{TOKENS}{token.pk}/").status_code == 404


def test_last_use_is_noted(radiographer: User, api: Api) -> None:
    api(radiographer).get(TOKENS)
    assert ApiToken.objects.get().last_used_at is not None


def test_a_session_works_but_not_without_its_csrf_token(radiographer: User, patient: Any) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(radiographer)
    assert client.get(f"/api/v1/patients/{patient.pk}/").status_code == 200
    refused = client.patch(f"/api/v1/patients/{patient.pk}/", {"sex": "M"}, format="json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]
