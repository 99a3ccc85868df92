"""In which language and time zone the portal answers: the person's, else the clinic's, else as the browser asks."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format, get_format

from accounts.models import ApiToken, Clinic, User
from diagnosis import notifications
from diagnosis.models import Patient, ReadingPreference
from portal.formats import NAMES
from tests.factories import finish, new_case

pytestmark = pytest.mark.django_db
PROFILE = "accounts:profile"


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def language_of(response: Any) -> str:
    """As <html lang> says."""
    return str(response.content.decode().split('<html lang="')[1].split('"')[0])


def choose(one: User | Clinic, **chosen: str) -> None:
    for name, value in chosen.items():
        setattr(one, name, value)
    one.full_clean()
    one.save()


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("", "en-GB"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-US,en", "en-GB"),
        ("fi", "en-GB"),
        ("*", "en-GB"),
    ],
)
def test_a_visitor_reads_the_language_of_the_browser(client: Client, asked: str, answered: str) -> None:
    response = client.get(reverse("portal:about"), headers={"Accept-Language": asked})
    assert language_of(response) == answered
    assert response.headers["Content-Language"] == answered.lower()
    assert "Accept-Language" in response.headers["Vary"]


@pytest.mark.parametrize(
    ("person", "of_clinic", "browser", "answered"),
    [
        ("", "", "de", "de"),
        ("", "de", "en", "de"),
        ("en-gb", "de", "de", "en-GB"),
        ("de", "en-gb", "en", "de"),
    ],
)
def test_person_before_clinic_before_browser(
    client: Client, radiographer: User, clinic: Clinic, person: str, of_clinic: str, browser: str, answered: str
) -> None:
    choose(radiographer, language=person)
    choose(clinic, language=of_clinic)
    client.force_login(radiographer)
    assert language_of(client.get(reverse(PROFILE), headers={"Accept-Language": browser})) == answered


def test_a_language_that_is_no_longer_spoken_is_passed_by(client: Client, radiographer: User) -> None:
    User.objects.filter(pk=radiographer.pk).update(language="tlh", time_zone="Atlantis/Deep")
    client.force_login(radiographer)
    assert language_of(client.get(reverse(PROFILE))) == "en-GB"


def test_times_are_those_of_person_or_clinic(client: Client, radiographer: User, clinic: Clinic) -> None:
    User.objects.filter(pk=radiographer.pk).update(last_login=datetime(2024, 7, 1, 12, 0, tzinfo=UTC))
    client.force_login(radiographer)
    User.objects.filter(pk=radiographer.pk).update(last_login=datetime(2024, 7, 1, 12, 0, tzinfo=UTC))
    radiographer.refresh_from_db()
    assert "1 Jul 2024, 12:00" in client.get(reverse(PROFILE)).content.decode()
    choose(clinic, time_zone="Asia/Tokyo")
    assert "1 Jul 2024, 21:00" in client.get(reverse(PROFILE)).content.decode()
    choose(radiographer, time_zone="Europe/Berlin", language="de")
    assert "01.07.2024, 14:00" in client.get(reverse(PROFILE)).content.decode()


def test_nothing_of_it_is_left_after_the_request(client: Client, radiographer: User) -> None:
    choose(radiographer, language="de", time_zone="Asia/Tokyo")
    client.force_login(radiographer)
    client.get(reverse(PROFILE))
    assert translation.get_language() == "en-gb"
    assert timezone.get_current_timezone_name() == settings.TIME_ZONE


def test_one_chooses_in_the_profile(client: Client, radiographer: User) -> None:
    client.force_login(radiographer)
    response = client.post(reverse("accounts:save_locale"), {"language": "de", "time_zone": "Europe/Berlin"})
    assert response.status_code == 302
    radiographer.refresh_from_db()
    assert (radiographer.language, radiographer.time_zone) == ("de", "Europe/Berlin")
    assert language_of(client.get(reverse(PROFILE))) == "de"


@pytest.mark.parametrize("wrong", [{"language": "tlh"}, {"time_zone": "Atlantis/Deep"}, {"time_zone": "../etc"}])
def test_what_does_not_exist_cannot_be_chosen(client: Client, radiographer: User, wrong: dict[str, str]) -> None:
    client.force_login(radiographer)
    response = client.post(reverse("accounts:save_locale"), wrong)
    assert response.status_code == 422
    radiographer.refresh_from_db()
    assert (radiographer.language, radiographer.time_zone) == ("", "")
    with pytest.raises(ValidationError):
        choose(radiographer, **wrong)


def test_the_administration_chooses_for_a_clinic(admin_client: Client, clinic: Clinic) -> None:
    address = reverse("admin:accounts_clinic_change", args=[clinic.pk])
    counts = ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")
    none = {f"{rows}-{name}_FORMS": "0" for rows in ("memberships", "letterhead") for name in counts}
    given = {"name": clinic.name, "is_active": "on", "language": "de", "time_zone": "Europe/Zurich", **none}
    assert admin_client.post(address, given).status_code == 302
    clinic.refresh_from_db()
    assert (clinic.language, clinic.time_zone) == ("de", "Europe/Zurich")


def test_mail_is_written_in_the_recipients_language(
    radiographer: User, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken: list[str | None] = []
    monkeypatch.setattr(notifications, "_", lambda text: spoken.append(translation.get_language()) or text)
    choose(radiographer, language="de")
    ReadingPreference.objects.create(user=radiographer, mail_results=True)
    finish(new_case(radiographer, patient).scan, 0.9)
    assert notifications.mail_pending() == 1
    assert spoken == ["de"]
    assert translation.get_language() == "en-gb"


def test_the_link_to_a_new_password_comes_in_the_accounts_language(client: Client, radiographer: User) -> None:
    choose(radiographer, language="de")
    client.post(reverse("account_reset_password"), {"email": radiographer.email})
    (sent,) = mail.outbox
    with translation.override("de"):
        expected = translation.gettext("Choose a new password")
    assert sent.subject.endswith(expected)


def test_json_is_the_same_in_every_language_and_zone(
    client: Client, radiographer: User, clinic: Clinic, patient: Patient
) -> None:
    client.force_login(radiographer)
    new_case(radiographer, patient)
    address = reverse("api:scans")
    before = client.get(address).json()["results"][0]
    choose(radiographer, language="de", time_zone="Asia/Tokyo")
    after = client.get(address).json()["results"][0]
    assert {key: after[key] for key in ("uploaded_at", "id")} == {key: before[key] for key in ("uploaded_at", "id")}


def test_a_program_hears_the_language_it_asks_for(client: Client, radiographer: User) -> None:
    """The person's own choice is for pages; a token is a program."""
    choose(radiographer, language="de")
    membership = radiographer.memberships.get()
    _token, secret = ApiToken.objects.issue(membership=membership, name="scanner")
    nowhere = "/api/v1/nowhere/"
    for asked in ("de", "en"):
        headers = {"Authorization": f"Bearer {secret}", "Accept-Language": asked}
        response = client.get(nowhere, headers=headers)
        assert response.headers["Content-Language"] == {"de": "de", "en": "en-gb"}[asked]
        assert response.json()["code"] == "not_found"


def test_the_documentation_of_the_api_is_in_english(client: Client, radiographer: User) -> None:
    client.force_login(radiographer)
    english = client.get(reverse("api:schema")).content
    choose(radiographer, language="de")
    assert client.get(reverse("api:schema")).content == english


@pytest.mark.parametrize("code", [code for code, _name in settings.LANGUAGES])
def test_every_language_has_all_formats(code: str) -> None:
    moment = datetime(2024, 7, 1, 14, 5, 9, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    with translation.override(code):
        for name in NAMES:
            assert get_format(name) != name
            assert date_format(moment, name)


def test_formats_asked_for_in_templates_exist() -> None:
    """An unknown name would be taken for a format: “LONG” is spelled letter by letter."""
    root = Path(settings.BASE_DIR) / "templates"
    for path in root.rglob("*.html"):
        for part in path.read_text().split('date:"')[1:]:
            asked = part.split('"')[0]
            if asked.endswith("_FORMAT"):
                assert asked in NAMES, f"{path.relative_to(root)}: {asked}"


def test_english_dates_look_as_they_always_did() -> None:
    moment = datetime(2024, 7, 1, 14, 5, 9, tzinfo=UTC)
    assert date_format(moment, "DATETIME_FORMAT") == "1 Jul 2024, 14:05"
    assert date_format(moment, "LONG_DATE_FORMAT") == "1 July 2024"
