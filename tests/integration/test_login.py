"""Signing in, signing out, forgotten passwords."""

from __future__ import annotations

import re
from smtplib import SMTPServerDisconnected
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, reverse
from pytest_django import Settings

from accounts import guesses
from accounts.models import Clinic, Membership, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

NOWHERE = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "unix:///nowhere/broker.sock?db=1",
    }
}


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post(reverse("account_login"), {"login": email, "password": password} | more)


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("accounts:profile")).status_code == 200


def test_signing_in_leads_to_the_desk(client: Client, clinician: User) -> None:
    answer = sign_in(client, clinician.email)
    assert (answer.status_code, answer.url) == (302, reverse("diagnosis:home"))
    assert is_signed_in(client)


def test_whoever_reads_images_finds_the_queue(
    client: Client, radiologist: User, other_clinic: Clinic, clinician: User
) -> None:
    """In the clinic that they come to; a right in another one leads nobody there."""
    assert sign_in(client, radiologist.email).url == reverse("diagnosis:queue")
    wanted = reverse("diagnosis:patient-list")
    assert sign_in(Client(), radiologist.email, next=wanted).url == wanted
    Clinic.objects.filter(pk=other_clinic.pk).update(name="Zuletzt")
    Membership.objects.create(user=clinician, clinic=other_clinic, role="radiologist")
    assert sign_in(Client(), clinician.email).url == reverse("diagnosis:home")


def test_the_address_is_read_in_any_case(client: Client, clinician: User) -> None:
    assert sign_in(client, clinician.email.upper()).status_code == 302


def test_signing_in_leads_to_where_one_wanted_to_go(client: Client, clinician: User) -> None:
    wanted = reverse("diagnosis:patient-list")
    page = client.get(client.get(wanted).url).content.decode()
    assert f'name="next" value="{wanted}"' in page
    assert sign_in(client, clinician.email, next=wanted).url == wanted


def test_signing_in_never_leads_to_another_site(client: Client, clinician: User) -> None:
    assert sign_in(client, clinician.email, next="https://elsewhere.example/").url == reverse("diagnosis:home")


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: Client, clinician: User) -> None:
    wrong = sign_in(client, clinician.email, "not the password")
    unknown = sign_in(client, "nobody@clinic.example", "not the password")
    sentence = "This e-mail address and password do not match."
    assert sentence in wrong.content.decode()
    assert sentence in unknown.content.decode()
    assert wrong.status_code == unknown.status_code == 200
    assert not is_signed_in(client)


def test_guessing_is_stopped_even_with_the_right_password(
    client: Client, clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "time", SimpleNamespace(time=lambda: 1e9))  # no second passes between two answers
    for _ in range(5):
        assert sign_in(client, clinician.email, "a guess").status_code == 200
    answer = sign_in(client, clinician.email)
    assert answer.status_code == 429
    assert "Wait 5 seconds and try again, or reset your password." in answer.content.decode()
    assert 0 < int(answer["Retry-After"]) <= 5
    assert not is_signed_in(client)


OUTSIDE = "198.51.100.66"


def test_nobody_closes_sign_in_for_a_name(client: Client, clinician: User) -> None:
    """Wrong passwords from elsewhere, as many as one likes."""
    outsider = Client(REMOTE_ADDR=OUTSIDE)
    answers = [sign_in(outsider, clinician.email, f"a guess {n}").status_code for n in range(12)]
    assert answers == [200] * 5 + [429] * 7
    assert sign_in(client, clinician.email).status_code == 302


def test_nobody_closes_sign_in_for_an_address(clinician: User) -> None:
    """An outsider behind the same network translation as a clinic guesses at this person and at others."""
    known = Client(REMOTE_ADDR=OUTSIDE)
    assert sign_in(known, clinician.email).status_code == 302
    del known.cookies["sessionid"]
    outsider = Client(REMOTE_ADDR=OUTSIDE)
    for number in range(14):
        sign_in(outsider, f"guess{number}@clinic.example", "a guess")
    # Nobody else waits yet, not even at a device that nobody knows.
    assert sign_in(Client(REMOTE_ADDR=OUTSIDE), clinician.email).status_code == 302
    for number in range(40):
        sign_in(outsider, f"more{number}@clinic.example", "a guess")
    assert sign_in(Client(REMOTE_ADDR=OUTSIDE), clinician.email).status_code == 429
    assert sign_in(known, clinician.email).status_code == 302


def test_a_known_device_has_its_own_limit_and_is_known_for_its_people_alone(clinician: User, radiologist: User) -> None:
    device = Client(REMOTE_ADDR=OUTSIDE)
    assert sign_in(device, clinician.email).status_code == 302
    del device.cookies["sessionid"]
    cookie = device.cookies["known_device"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert clinician.email not in cookie.value
    for name in (clinician.email, radiologist.email):
        assert [sign_in(device, name, f"a guess {n}").status_code for n in range(6)][-1] == 429
    # The second one was counted where everybody's are, the first one at the device.
    fresh = Client(REMOTE_ADDR=OUTSIDE)
    assert sign_in(fresh, radiologist.email).status_code == 429
    assert sign_in(fresh, clinician.email).status_code == 302


def test_waits_grow_and_too_early_attempts_make_them_no_longer() -> None:
    count = guesses.Count("somebody", free=5)
    assert [count.wait_after(n) for n in (4, 5, 6, 7, 8, 9, 400)] == [0, 5, 10, 20, 40, 60, 60]
    for _ in range(5):
        guesses.add_failure([count])
    before = guesses.wait([count])
    assert 0 < before <= 5
    assert guesses.wait([count]) <= before
    guesses.take_back([count])
    assert guesses.wait([count]) == 0


def test_a_right_password_does_not_wipe_out_earlier_guesses(client: Client, clinician: User) -> None:
    """Or a guesser would sign in somewhere with an account of their own after every fourth guess."""
    for _ in range(4):
        sign_in(client, clinician.email, "a guess")
    assert sign_in(client, clinician.email).status_code == 302
    stranger = Client()
    assert sign_in(stranger, clinician.email, "a guess").status_code == 200
    assert sign_in(stranger, clinician.email).status_code == 429


def test_a_flood_of_sign_ins_gets_its_page(client: Client, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/ip"}
    answers = [sign_in(client, "somebody@clinic.example", "a guess") for _ in range(3)]
    assert answers[-1].status_code == 429
    assert "You sent too many requests" in answers[-1].content.decode()


def test_nobody_may_guess_while_nobody_counts(client: Client, clinician: User, settings: Settings) -> None:
    settings.CACHES = NOWHERE
    answer = sign_in(client, clinician.email)
    assert answer.status_code == 503
    assert "Sign-in is not available at the moment" in answer.content.decode()
    assert not is_signed_in(client)


def test_a_closed_account_hears_so(client: Client, clinician: User) -> None:
    clinician.is_active = False
    clinician.save()
    answer = sign_in(client, clinician.email)
    assert answer.url == reverse("account_inactive")
    assert "This account is closed" in client.get(answer.url).content.decode()
    assert not is_signed_in(client)


def test_nobody_signs_up(client: Client) -> None:
    address = reverse("account_signup")
    assert "Your clinic creates accounts" in client.get(address).content.decode()
    fields = {"email": "me@clinic.example", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post(address, fields).status_code == 405
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "name",
    ["account_email", "account_set_password", "account_confirm_login_code", "account_email_verification_sent"],
)
def test_pages_that_are_not_used_do_not_exist(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


def test_signing_out_takes_a_post(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    assert client.get(reverse("account_logout")).status_code == 200
    assert is_signed_in(client)
    assert client.post(reverse("account_logout")).url == reverse("portal:home")
    assert not is_signed_in(client)


def ask_for_link(client: Client, email: str) -> Any:
    return client.post(reverse("account_reset_password"), {"email": email}, follow=True)


def test_a_forgotten_password_is_replaced_through_the_mail(client: Client, clinician: User) -> None:
    assert "Check your e-mail" in ask_for_link(client, clinician.email).content.decode()
    [letter] = mail.outbox
    assert letter.to == [clinician.email]
    link = re.search(r"http://\S+", letter.body)
    assert link is not None
    assert "Chest Imaging Portal" in letter.body
    page = client.get(urlsplit(link[0]).path, follow=True)
    assert "Choose a new password" in page.content.decode()
    new = "quite another long password"
    answer = client.post(page.request["PATH_INFO"], {"password1": new, "password2": new}, follow=True)
    assert "Your new password is saved" in answer.content.decode()
    assert sign_in(client, clinician.email, PASSWORD).status_code == 200
    assert sign_in(client, clinician.email, new).status_code == 302
    again = Client().get(urlsplit(link[0]).path, follow=True)
    assert "This link no longer works" in again.content.decode()


def test_the_mailed_link_is_a_way_in_while_somebody_guesses(client: Client, clinician: User) -> None:
    """At the same address, and at a device that the portal has never seen."""
    guesser = Client()

    def guess() -> None:
        for number in range(6):
            sign_in(guesser, clinician.email, f"a guess {number}")

    guess()
    assert sign_in(client, clinician.email).status_code == 429
    ask_for_link(client, clinician.email)
    link = re.search(r"http://\S+", mail.outbox[0].body)
    assert link is not None
    page = client.get(urlsplit(link[0]).path, follow=True)
    new = "quite another long password"
    client.post(page.request["PATH_INFO"], {"password1": new, "password2": new})
    guess()
    assert sign_in(client, clinician.email, new).status_code == 302


def test_a_weak_new_password_is_refused(client: Client, clinician: User) -> None:
    ask_for_link(client, clinician.email)
    link = re.search(r"http://\S+", mail.outbox[0].body)
    assert link is not None
    page = client.get(urlsplit(link[0]).path, follow=True)
    answer = client.post(page.request["PATH_INFO"], {"password1": "short", "password2": "short"})
    assert "at least 12 characters" in answer.content.decode()


def test_an_unknown_address_gets_the_same_page_and_no_link(client: Client, clinician: User) -> None:
    known, unknown = ask_for_link(client, clinician.email), ask_for_link(client, "nobody@clinic.example")
    assert known.request["PATH_INFO"] == unknown.request["PATH_INFO"]
    letter = mail.outbox[-1]
    assert letter.to == ["nobody@clinic.example"]
    assert "There is no account with this address." in letter.body
    assert "http" not in letter.body


class Unreachable:
    """A mail server that hangs up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def send_messages(self, letters: Any) -> int:
        raise SMTPServerDisconnected("no route")


def test_a_failing_mail_server_breaks_no_page(
    client: Client, clinician: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Unreachable"
    assert "ask your clinic" in ask_for_link(client, clinician.email).content.decode()
    assert "could not be sent" in caplog.text


def test_a_new_password_signs_out_everywhere(client: Client, clinician: User) -> None:
    elsewhere = Client()
    for browser in (client, elsewhere):
        sign_in(browser, clinician.email)
    new = "quite another long password"
    fields = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    client.post(reverse("account_change_password"), fields)
    assert not is_signed_in(elsewhere)
    assert sign_in(Client(), clinician.email, new).status_code == 302


# --- the administration's door -----------------------------------------------------------------------------


def test_the_administration_has_the_same_sign_in(client: Client, clinician: User) -> None:
    clinician.is_staff = True
    clinician.save()
    wanted = reverse("admin:accounts_clinic_changelist")
    door = f"{reverse('admin:login')}?next={wanted}"
    for closed in (wanted, door):
        answer = client.get(closed)
        assert (answer.status_code, answer.url) == (302, f"{reverse('account_login')}?next={wanted}")
    sign_in(client, clinician.email)
    assert client.get(door).url == wanted


def test_the_administration_tells_colleagues_without_access(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    answer = client.get(reverse("admin:index"), follow=True)
    assert answer.status_code == 403
    assert "Your account does not open the administration." in answer.content.decode()


def test_the_administration_leads_nowhere_else(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)
    assert client.get("/admin/login/?next=https://elsewhere.example/").url == reverse("admin:index")


@pytest.mark.parametrize(
    ("old", "ours"), [("logout", "account_logout"), ("password_change", "account_change_password")]
)
def test_the_administrations_own_pages_give_way(client: Client, admin_user: User, old: str, ours: str) -> None:
    client.force_login(admin_user)
    assert client.get(reverse(f"admin:{old}")).url == reverse(ours)
