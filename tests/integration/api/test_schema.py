from __future__ import annotations

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
    assert {"predictions", "status", "failure"} <= set(analysis["properties"])


def test_every_operation_needs_a_key_but_the_sign_in(schema: dict[str, Any]) -> None:
    open_to_all = [
        (path, method)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if not operation.get("security") or {} in operation["security"]
    ]
    assert open_to_all == [("/api/v1/tokens/", "post")]


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
    with page.expect_response("**/api/v1/classifiers/") as response:
        page.get_by_role("button", name="Execute").click()
    assert response.value.status == 200
    page.get_by_text("Server response").first.wait_for()


def test_refusals_are_described_as_problems(schema: dict[str, Any]) -> None:
    refused = schema["paths"]["/api/v1/scans/"]["post"]["responses"]["422"]
    assert list(refused["content"]) == ["application/problem+json"]
    assert {"type", "title", "status", "detail", "code"} <= set(schema["components"]["schemas"]["Problem"]["required"])
