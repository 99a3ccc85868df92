"""Addresses on their way out say so in every answer, in the schema, in the manual and in the change log."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from diagnosis.api import deprecations
from diagnosis.api.deprecations import DEPRECATED, Deprecation, as_template
from diagnosis.api.views.schema import _described
from diagnosis.models import Patient
from tests.authorisation import routes
from tests.integration.api.conftest import Api

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
DOCS, SCANS = "http://testserver/api/v1/docs/", "http://testserver/api/v1/scans/"


@pytest.mark.parametrize("address", ["/sendbase64", "/upload"])
def test_the_old_programs_addresses_are_deprecated_whatever_the_answer(
    radiographer: User, api: Api, address: str
) -> None:
    refused = api(radiographer).post(address, {}, format="multipart")
    full = APIClient().post(address, **{"portal.refusal": "too_many"})
    answers = [refused, APIClient().post(address), full]
    assert [one.status_code for one in answers] == [400, 401, 429]
    for one in answers:
        assert one["Deprecation"] == "@1795737600", "2026-11-27, in seconds since 1970"
        assert one["Link"] == (f'<{DOCS}>; rel="deprecation"; type="text/html", <{SCANS}>; rel="successor-version"')
        assert "Sunset" not in one
    # The page of that name stays, and so does the successor.
    for one in (Client().get("/upload"), APIClient().post("/api/v1/scans/")):
        assert not {"Deprecation", "Link", "Sunset"} & set(one.headers)


def test_one_row_of_the_table_is_told_everywhere(
    monkeypatch: pytest.MonkeyPatch, radiographer: User, patient: Patient, api: Api
) -> None:
    path, row = "/api/v1/patients/{id}/", Deprecation(date(2027, 1, 1), "/api/v1/people/{id}/", until=date(2027, 8, 31))
    monkeypatch.setattr(deprecations, "DEPRECATED", {f"GET {path}": row})
    client = api(radiographer)
    address = path.replace("{id}", str(patient.pk))
    for asked, status in ((address, 200), (path.replace("{id}", str(radiographer.pk)), 404)):
        answer = client.get(asked)
        assert answer.status_code == status
        assert (answer["Deprecation"], answer["Sunset"]) == ("@1798761600", "Wed, 01 Sep 2027 00:00:00 GMT")
        assert answer["Link"] == f'<{DOCS}>; rel="deprecation"; type="text/html"'
    for asked in (client.patch(address, {}), client.get("/api/v1/patients/")):
        assert "Deprecation" not in asked
    schema = _described.__wrapped__()  # not the one that is kept
    marked = [
        (where, method)
        for where, operations in schema["paths"].items()
        for method, operation in operations.items()
        if operation.get("deprecated")
    ]
    assert marked == [(path, "get")]
    told = f"| `GET {path}` | 2027-01-01 | 2027-08-31 | `GET /api/v1/people/{{id}}/` |"
    assert told in schema["info"]["description"]
    assert told in deprecations.table()


def test_the_table_names_addresses_that_there_are_and_the_change_log_names_them() -> None:
    known = {f"{method} {as_template(route.path)}" for route in routes() for method in route.methods}
    changes = (ROOT / "CHANGELOG.md").read_text()
    for operation, row in DEPRECATED.items():
        assert operation in known
        assert f"`{operation}`" in changes
        assert str(row.since) in changes
        assert str(row.until or "") in changes


def test_a_last_day_leaves_programs_half_a_year() -> None:
    assert Deprecation(date(2026, 1, 1), "/", until=date(2026, 7, 3)).until
    with pytest.raises(ValueError, match="less than 183 days after 2026-01-01"):
        Deprecation(date(2026, 1, 1), "/", until=date(2026, 7, 2))
