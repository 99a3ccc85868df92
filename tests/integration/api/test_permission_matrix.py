"""Every address of the API, as the urlconf lists them: a new one is tested by being there."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.urls import URLPattern
from rest_framework.test import APIClient

from accounts.models import Membership, User
from portal.urls import api as api_urls
from tests.integration.api.conftest import Api

NAMED = [each for each in api_urls if isinstance(each, URLPattern) and each.name]
METHODS = ("get", "post", "put", "patch", "delete")


def address(pattern: URLPattern) -> str:
    path = str(pattern.pattern).replace("<uuid:pk>", str(uuid.uuid4())).replace("<int:pk>", "1")
    assert "<" not in path, "give this converter a value"
    return f"/api/v1/{path}"


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", NAMED, ids=lambda pattern: pattern.name)
@pytest.mark.parametrize("method", METHODS)
def test_strangers_get_nothing_but_the_sign_in(pattern: URLPattern, method: str) -> None:
    answer = getattr(APIClient(), method)(address(pattern))
    allowed = 400 if (pattern.name, method) == ("tokens", "post") else 401
    assert answer.status_code == allowed


@pytest.mark.parametrize("pattern", NAMED, ids=lambda pattern: pattern.name)
@pytest.mark.parametrize("method", METHODS)
def test_every_error_has_the_one_shape(radiographer: User, api: Api, pattern: URLPattern, method: str) -> None:
    answer = getattr(api(radiographer), method)(address(pattern))
    assert answer.status_code < 500
    if answer.status_code >= 400 and pattern.name not in ("schema", "docs"):  # those speak YAML and HTML
        told = answer.json()
        assert answer["Content-Type"] == "application/problem+json"
        assert set(told) >= {"type", "title", "status", "detail", "code", "retryable"}
        assert (told["status"], told["type"]) == (
            answer.status_code,
            f"urn:problem-type:{told['code'].replace('_', '-')}",
        )
        assert told["title"].strip()
        assert told["detail"].strip()


def test_unknown_addresses_are_json(radiographer: User, api: Api) -> None:
    answer = api(radiographer).get("/api/v1/nowhere/at/all")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert answer["Content-Type"] == "application/problem+json"


OWN_WAYS = ("schema", "docs")  # of drf-spectacular, which reads parameters of its own


@pytest.mark.parametrize("pattern", [each for each in NAMED if each.name not in OWN_WAYS], ids=lambda each: each.name)
@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_parameter_is_refused_by_name(
    radiographer: User, api: Api, pattern: URLPattern, method: str
) -> None:
    """It comes before everything that the parameter might have narrowed: `?q=` must not answer with everybody."""
    answer = getattr(api(radiographer), method)(f"{address(pattern)}?q=berg")
    if answer.status_code == 405:
        return
    told = answer.json()
    assert (answer.status_code, told["code"], told["parameter"]) == (400, "unknown_parameter", "q")
    assert "“q”" in told["detail"]
    assert all(known in told["detail"] for known in told["known"])


@pytest.mark.django_db
def test_a_stranger_is_not_told_which_parameters_there_are() -> None:
    assert APIClient().get("/api/v1/patients/?q=berg").status_code == 401


@pytest.mark.django_db
def test_a_made_up_token_is_refused() -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer cip_made-up")
    assert client.get("/api/v1/patients/").status_code == 401


def test_a_person_without_a_clinic_can_list_nothing_and_add_nothing(radiographer: User) -> None:
    Membership.objects.all().delete()
    client = APIClient()
    client.force_login(radiographer)
    assert client.get("/api/v1/patients/").json()["results"] == []
    body = {"medical_record_number": "1", "family_name": "A"}
    assert client.post("/api/v1/patients/", body, format="json").status_code == 403


def test_what_nobody_foresaw_is_logged_and_told_plainly(
    radiographer: User, api: Api, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ML_WEIGHTS_ROOT = None  # a broken installation
    answer = api(radiographer).get("/api/v1/classifiers/")
    assert answer.status_code == 500
    assert answer.json()["code"] == "unexpected"
    assert "NoneType" not in answer.content.decode()
    assert "Traceback" in caplog.text
