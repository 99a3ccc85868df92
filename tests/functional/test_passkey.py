"""A passkey in a real browser: added, asked for after the password, and accepted; and the end of an idle session."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts import second_factor
from accounts.models import User
from tests.conftest import PASSWORD
from tests.functional.steps import PATIENCE_MS


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def authenticator(page: Page) -> None:
    """One of Chromium's own: a platform authenticator whose owner always agrees."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    owner = {"hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, **owner}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_passkey_is_added_and_signs_in_until_nobody_is_there(
    page: Page, live_server: LiveServer, clinician: User, settings: Settings
) -> None:
    root = live_server.url.replace("127.0.0.1", "localhost")  # a passkey belongs to a name, never to a number
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    authenticator(page)

    def type_password() -> None:
        page.get_by_label("E-mail address").fill(clinician.email)
        page.get_by_label("Password").fill(PASSWORD)
        with page.expect_navigation():  # the next page would cancel it
            page.get_by_role("button", name="Sign in").click()

    page.goto(root + reverse("account_login"))
    type_password()
    page.goto(root + reverse("mfa_activate_totp"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("img.qr")).not_to_have_js_property("naturalWidth", 0)
    page.goto(root + reverse("mfa_add_webauthn"))
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(".codes li")).to_have_count(10)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as a file").click()
    assert page.locator(".codes li").first.inner_text() in saved.value.path().read_text()
    assert second_factor.has_one(clinician)
    page.goto(root + reverse("mfa_index"))
    page.get_by_role("link", name="Remove Passkey 1").click()
    expect(page.get_by_role("heading", name="Remove a passkey")).to_be_visible()

    page.context.clear_cookies()
    page.goto(root + reverse("account_login"))
    type_password()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(root + reverse("diagnosis:home"))

    # Nobody touches anything: the page warns, and then leaves.
    settings.IDLE_SECONDS = 20
    page.goto(root + reverse("accounts:profile"))
    page.get_by_role("button", name="Stay signed in").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.wait_for_url(f"{root}{reverse('account_login')}?next=*", timeout=PATIENCE_MS)
    expect(page.get_by_text("nothing was done for a while")).to_be_visible()
    assert not refused
