from __future__ import annotations

import uuid
from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from tests.integration.api.conftest import Api

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Fails with the first warning: an incomplete schema is a wrong one."""
    out = StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=out)
    loaded: dict[str, Any] = yaml.safe_load(out.getvalue())
    return loaded


def test_every_answer_of_a_result_describes_the_intended_use(schema: dict[str, Any]) -> None:
    analysis = schema["components"]["schemas"]["Analysis"]
    assert "intended_use" in analysis["required"]
    assert "intended_use" in schema["components"]["schemas"]["ImageResult"]["required"]
    assert {"predictions", "status", "failure"} <= set(analysis["properties"])


def test_every_operation_needs_a_key_but_the_sign_in(schema: dict[str, Any]) -> None:
    open_to_all = [
        (path, method)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if not operation.get("security") or {} in operation["security"]
    ]
    assert open_to_all == [("/api/v1/tokens/", "post")]


def test_programs_neither_decide_nor_sign(schema: dict[str, Any]) -> None:
    """Decision 0602."""
    of_reading = {
        path: asked
        for path, asked in schema["paths"].items()
        if path.split("/")[3] in ("reviews", "reports", "orders", "notices", "people")
    }
    assert len(of_reading) == 11
    assert {method for asked in of_reading.values() for method in asked} == {"get"}


def test_the_schema_is_served_to_staff(radiographer: User, api: Api, schema: dict[str, Any]) -> None:
    answer = api(radiographer).get("/api/v1/schema/")
    assert answer.status_code == 200
    assert set(yaml.safe_load(answer.content)["paths"]) == set(schema["paths"])


@pytest.mark.django_db(transaction=True)
def test_the_documentation_opens_in_a_browser_under_the_strict_policy(
    page: Page, live_server: LiveServer, client: Client, radiographer: User
) -> None:
    client.force_login(radiographer)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    answer = page.goto("/api/v1/docs/")
    assert answer is not None
    policy = answer.header_value("content-security-policy") or ""
    assert "unsafe" not in policy
    page.get_by_text("/api/v1/scans/{id}/original").wait_for()
    page.get_by_text("/api/v1/analyses/{id}/cancel/").click()
    page.get_by_text("Cancel an analysis that has not finished").wait_for()
    # Swagger draws its answers with styles too.
    page.get_by_text("/api/v1/classifiers/").click()
    page.get_by_role("button", name="Try it out").last.click()
    with page.expect_response("**/api/v1/classifiers/?page_size=50") as response:
        page.get_by_role("button", name="Execute").click()
    assert response.value.status == 200
    page.get_by_text("Server response").first.wait_for()


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            yield f"{method} {path}", operation


def test_every_operation_has_a_summary_of_its_own(schema: dict[str, Any]) -> None:
    summaries = {name: operation.get("summary", "") for name, operation in _operations(schema)}
    assert all(summaries.values()), summaries
    assert len(set(summaries.values())) == len(summaries)


def test_every_body_in_json_has_an_example(schema: dict[str, Any]) -> None:
    missing = [
        f"{name} {where}"
        for name, operation in _operations(schema)
        for where, body in [("request", operation.get("requestBody", {})), *operation["responses"].items()]
        for kind, content in body.get("content", {}).items()
        if "json" in kind and not content.get("examples") and "/schema/" not in name
    ]
    assert missing == []


def test_an_example_names_the_fields_that_there_are(schema: dict[str, Any]) -> None:
    """All that an answer always holds, and nothing that it never does; in lists the same of their entries."""
    for name, operation in _operations(schema):
        for code, body in [("sent", operation.get("requestBody", {})), *operation["responses"].items()]:
            for content in body.get("content", {}).values():
                for example in content.get("examples", {}).values():
                    _fits(example["value"], content["schema"], schema, f"{code} {name}")


def _fits(value: Any, described: dict[str, Any], schema: dict[str, Any], where: str) -> None:
    if "$ref" in described:
        described = schema["components"]["schemas"][described["$ref"].rpartition("/")[2]]
    if described.get("allOf"):
        described = schema["components"]["schemas"][described["allOf"][0]["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for each in value:
            _fits(each, described.get("items", {}), schema, where)
    elif isinstance(value, dict) and "properties" in described:
        extra = set(value) - set(described["properties"]) if "urn:" not in str(value.get("type")) else set()
        assert not extra, where
        unsent = {key for key, of in described["properties"].items() if where.startswith("sent") and of.get("readOnly")}
        assert set(described.get("required", [])) - unsent <= set(value), where
        for key, inner in value.items():
            _fits(inner, described["properties"].get(key, {}), schema, f"{where} {key}")


def test_lists_are_described_with_their_parameters(schema: dict[str, Any]) -> None:
    described = schema["paths"]["/api/v1/patients/"]["get"]["parameters"]
    assert {each["name"] for each in described} == {"search", "medical_record_number", "cursor", "page_size"}
    for path, filters in {
        "scans": {"patient", "modality"},
        "studies": {"patient", "modality", "study_instance_uid", "accession_number"},
        "images": {"patient", "study", "series", "modality"},
        "reviews": {"study", "patient", "status"},
        "reports": {"study", "patient", "status"},
        "orders": {"accession_number", "patient", "status"},
        "notices": {"study", "unread"},
        "people": set(),
    }.items():
        described = schema["paths"][f"/api/v1/{path}/"]["get"]["parameters"]
        assert {each["name"] for each in described} == {*filters, "cursor", "page_size"}, path


def test_every_described_parameter_is_known(schema: dict[str, Any], radiographer: User, api: Api) -> None:
    """What the schema offers must not be refused as unknown."""
    client = api(radiographer)
    for name, operation in _operations(schema):
        method, path = name.split(" ")
        query = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
        if method == "get" and query and "/schema/" not in path:
            answer = client.get(path.replace("{id}", str(uuid.uuid4())), dict.fromkeys(query, "1"))
            assert answer.json().get("code") != "unknown_parameter", name


def test_refusals_are_described_as_problems(schema: dict[str, Any]) -> None:
    refused = schema["paths"]["/api/v1/scans/"]["post"]["responses"]["422"]
    assert list(refused["content"]) == ["application/problem+json"]
    assert {"type", "title", "status", "detail", "code"} <= set(schema["components"]["schemas"]["Problem"]["required"])
