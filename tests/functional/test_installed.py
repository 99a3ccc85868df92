"""The portal on a phone: it can be installed, keeps nothing of a patient, and takes pictures."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from django.urls import Resolver404, resolve, reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from diagnosis.models import Patient
from tests.functional.test_appearance import OVERFLOW, PHONE, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def test_chromium_finds_nothing_against_installing_it(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url)
    asked = page.context.new_cdp_session(page)
    told = asked.send("Page.getAppManifest")
    assert told["errors"] == []
    faults = {one["errorId"] for one in asked.send("Page.getInstallabilityErrors")["installabilityErrors"]}
    assert faults <= {"in-incognito"}  # as every context of a test is
    manifest = json.loads(told["data"])
    for icon in manifest["icons"]:
        found = page.request.get(told["url"].rpartition("/")[0] + "/" + icon["src"])
        assert (found.status, found.headers["content-type"]) == (200, icon["type"])
    for address in (manifest["start_url"], *(one["url"] for one in manifest["shortcuts"])):
        try:
            resolve(address)
        except Resolver404:
            pytest.fail(f"{address} is no page")


def test_a_phone_takes_pictures_and_keeps_none_of_them(
    page: Page, live_server: LiveServer, radiographer: User, patient: Patient, tmp_path: Path
) -> None:
    page.set_viewport_size(PHONE)
    touch = {"enabled": True, "maxTouchPoints": 1}
    page.context.new_cdp_session(page).send("Emulation.setTouchEmulationEnabled", touch)
    sign_in(page, radiographer)
    page.goto(reverse("diagnosis:scan-upload", args=[patient.pk]))
    camera = page.locator("input[capture]")
    assert camera.get_attribute("capture") == "environment"
    assert camera.get_attribute("accept") == "image/png,image/jpeg"
    assert page.evaluate(OVERFLOW) == 0
    assert page.locator("label.camera").bounding_box()["height"] >= 43.5  # type: ignore[index]
    page.screenshot(path=os.environ.get("KEEP_SCREENSHOT", tmp_path / "phone.png"), full_page=True)
    # No worker of a page and no cache: what a signed-in person saw is gone with the session.
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then((found) => found.length)") == 0
    assert page.evaluate("caches.keys()") == []
    assert page.request.get(page.url).headers["cache-control"] == "private, no-store"
