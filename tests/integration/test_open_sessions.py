"""Where a person is signed in: listed without the key that signs in, and ended for good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import sessions
from accounts.browsers import name_of
from accounts.models import OpenSession, User
from portal import tasks
from tests.conftest import PASSWORD

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML) Version/18.0 Safari/604.1"
HOME, PROFILE = "diagnosis:home", "accounts:profile"


def signed_in(user: User, agent: str = FIREFOX, address: str = "192.0.2.7") -> Client:
    browser = Client(headers={"user-agent": agent}, REMOTE_ADDR=address)
    browser.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    assert browser.get(reverse(HOME)).status_code == 200
    return browser


def is_in(browser: Client) -> bool:
    return browser.get(reverse(HOME)).status_code == 200


def test_a_person_sees_where_they_are_signed_in_and_ends_it(clinician: User, radiographer: User) -> None:
    here, phone = signed_in(clinician), signed_in(clinician, SAFARI, "2001:db8::9")
    somebody = signed_in(radiographer)
    shown = here.get(reverse(PROFILE)).content.decode()
    for words in ("Firefox on Windows", "192.0.2.7", "Safari on iPhone", "2001:db8::9"):
        assert words in shown
    assert shown.count("This one") == 1
    # The list gives no way in.
    keys = set(Session.objects.values_list("session_key", flat=True))
    assert len(keys) == 3
    assert not any(key in str(list(OpenSession.objects.values())) for key in keys)
    theirs, own = (OpenSession.objects.get(user=user, agent=FIREFOX) for user in (radiographer, clinician))
    for refused in (theirs, own):
        assert here.post(reverse("accounts:end_session", args=[refused.pk])).status_code == 404
    on_phone = OpenSession.objects.get(agent=SAFARI)
    assert here.post(reverse("accounts:end_session", args=[on_phone.pk])).status_code == 302
    assert (is_in(here), is_in(phone), is_in(somebody)) == (True, False, True)
    again = signed_in(clinician, SAFARI)
    assert here.post(reverse("accounts:end_other_sessions")).status_code == 302
    assert (is_in(here), is_in(again), is_in(somebody)) == (True, False, True)
    here.post(reverse("account_logout"))
    assert not OpenSession.objects.filter(user=clinician).exists()


def test_an_administrator_signs_somebody_out_everywhere(administrator: User, clinician: User) -> None:
    desk, both = signed_in(administrator), [signed_in(clinician), signed_in(clinician, SAFARI)]
    page = reverse("accounts:person", args=[clinician.memberships.get().pk])
    assert "Signed in in 2 places" in desk.get(page).content.decode()
    address = reverse("accounts:person_end_sessions", args=[clinician.memberships.get().pk])
    assert "2 sessions ended" in desk.post(address, follow=True).content.decode()
    assert [is_in(one) for one in (*both, desk)] == [False, False, True]


def test_a_closed_account_opens_again_without_its_sessions(clinician: User) -> None:
    browser = signed_in(clinician)
    for is_active in (False, True):
        clinician.is_active = is_active
        clinician.save()
    assert not is_in(browser)


def test_a_page_costs_no_query_but_one_in_five_minutes(
    clinician: User, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Callable[..., object]
) -> None:
    browser = signed_in(clinician)
    address, later = reverse("accounts:switch_clinic"), timezone.now() + timedelta(minutes=6)
    with django_assert_max_num_queries(30) as alone:  # type: ignore[attr-defined]
        browser.get(reverse(PROFILE))
    assert not [query for query in alone if "UPDATE" in query["sql"]]
    monkeypatch.setattr(sessions.timezone, "now", lambda: later)
    with django_assert_max_num_queries(30) as due:  # type: ignore[attr-defined]
        browser.get(address)
    assert len([query for query in due if "accounts_opensession" in query["sql"]]) == 1
    assert OpenSession.objects.get().last_seen == later


def test_acting_on_an_open_page_counts_and_what_idled_out_is_not_listed(
    clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, later = signed_in(clinician), timezone.now() + timedelta(minutes=6)
    monkeypatch.setattr(sessions.timezone, "now", lambda: later)
    browser.get(reverse("accounts:alive"))
    assert OpenSession.objects.get().last_seen < later
    browser.post(reverse("accounts:alive"))
    assert OpenSession.objects.live().get().last_seen == later
    OpenSession.objects.update(last_seen=later - timedelta(minutes=21))
    assert not OpenSession.objects.live().exists()
    Session.objects.update(expire_date=later - timedelta(minutes=1))
    tasks.clear_sessions()
    assert not Session.objects.exists()


def test_a_session_is_followed_when_its_key_changes(clinician: User) -> None:
    """As after a password change of one's own, and where a session is older than this list."""
    browser = signed_in(clinician)
    session = browser.session
    session.cycle_key()
    session.save()
    browser.cookies["sessionid"] = session.session_key
    assert is_in(browser)
    [listed] = OpenSession.objects.live()
    OpenSession.objects.filter(pk=listed.pk).end()
    assert not is_in(browser)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        (FIREFOX.replace("Firefox", "Chrome") + " Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_in_plain_words(agent: str, name: str) -> None:
    assert name_of(agent) == name
