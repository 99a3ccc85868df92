"""The second language from end to end: chosen in the profile, seen in sentences, numbers, dates and scripts."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import User
from diagnosis.models import Scan
from tests.factories import finish

pytestmark = pytest.mark.django_db


def test_chosen_in_the_profile_the_pages_are_german(client: Client, scan: Scan, radiologist: User) -> None:
    finish(scan, 0.634)
    client.force_login(radiologist)
    client.post("/accounts/locale/", {"language": "de", "time_zone": ""})
    page = client.get(f"/scans/{scan.pk}/").content.decode()
    assert '<html lang="de"' in page
    assert "Röntgen-Thorax" in page
    assert "Sensitivität" in page
    assert "63,4\u00a0%" in page
    assert "63.4\u00a0%" not in page


def test_so_are_the_scripts(client: Client, radiologist: User) -> None:
    radiologist.language = "de"
    radiologist.save()
    client.force_login(radiologist)
    page = client.get("/desk/").content.decode()
    address = re.search(r"/jsi18n/de/\w+\.js", page)
    assert address is not None
    assert "Wird hochgeladen" in client.get(address[0]).content.decode()


def test_others_go_on_in_english(client: Client, scan: Scan, radiologist: User) -> None:
    finish(scan, 0.634)
    client.force_login(radiologist)
    page = client.get(f"/scans/{scan.pk}/").content.decode()
    assert "63.4\u00a0%" in page
    assert "Röntgen" not in page
