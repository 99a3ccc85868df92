"""Single sign-on, against a real OpenID Connect provider in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core import mail
from django.core.cache import cache
from django.db import IntegrityError
from django.test import Client
from django.urls import NoReverseMatch, clear_url_caches, reverse
from pytest_django import Settings

import portal.urls
from accounts import arrivals, idle
from accounts.models import ApiToken, Clinic, Membership, OpenSession, ProviderLink, User
from accounts.openid import Answer, SignInRefused, client, configured
from accounts.openid import identity as believed
from accounts.step_up import is_proven
from accounts.tasks import end_forgotten_groups
from audit.models import AuditEvent
from audit.vocabulary import Event, Outcome
from diagnosis.errors import Refusal
from diagnosis.models import Patient, Scan
from diagnosis.views import signing
from portal.checks import single_sign_on
from tests.conftest import PASSWORD
from tests.slow import eventually

pytestmark = pytest.mark.django_db

ROLES = [
    ["north-admins", "North Clinic", "administrator"],
    ["north-readers", "North Clinic", "radiologist"],
    ["north-doctors", "North Clinic", "clinician"],
    ["south-doctors", "South Clinic", "clinician"],
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.oidc_provider"]
    environment = {**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


@pytest.fixture
def routes() -> Callable[[], None]:
    """Reads the addresses anew, as a start with other settings does."""

    def read_anew() -> None:
        importlib.reload(portal.urls)
        clear_url_caches()

    return read_anew


@pytest.fixture
def site(
    settings: Settings, issuer: str, routes: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    cache.clear()
    # A busy machine is no provider that hangs.
    monkeypatch.setattr(client, "PATIENCE", (60, 60))
    monkeypatch.setattr(client, "LONGEST", 60)
    settings.DEBUG = True  # the provider speaks http
    settings.OIDC_ISSUER, settings.OIDC_LABEL = issuer, "Hospital account"
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = "portal", "a secret"
    settings.OIDC_ROLES = json.dumps(ROLES)
    routes()
    yield settings
    settings.OIDC_ISSUER = ""
    routes()


class Hospital:
    """Its people, and the way of their browser to the provider and back."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def knows(self, subject: str, **claims: Any) -> None:
        claims = {"email": f"{subject}@clinic.example", "email_verified": True, "name": f"Dr {subject}"} | claims
        requests.put(f"{self.issuer}/users/{subject}", json=claims, timeout=60).raise_for_status()

    def address(self, browser: Client, way: str = "account_provider", **query: str) -> str:
        answer = browser.get(reverse(way), query)
        assert answer.status_code == 302, answer.content.decode()
        return str(answer.headers["Location"])

    def consent(self, address: str, subject: str) -> str:
        answer = requests.post(address, data={"sub": subject}, allow_redirects=False, timeout=60)
        place = urlsplit(answer.headers["Location"])
        assert place.path == reverse("account_provider_return")
        return f"{place.path}?{place.query}"

    def sends(self, subject: str, browser: Client | None = None, way: str = "account_provider", **query: str) -> Any:
        """The portal's answer to whoever comes back from there."""
        browser = browser or Client()
        answer = browser.get(self.consent(self.address(browser, way, **query), subject))
        answer.browser = browser
        return answer


@pytest.fixture
def hospital(site: Settings, issuer: str) -> Hospital:
    return Hospital(issuer)


@pytest.fixture
def doctor(clinician: User) -> User:
    User.objects.filter(pk=clinician.pk).update(email="doctor@clinic.example")
    clinician.refresh_from_db()
    return clinician


def is_in(browser: Client) -> bool:
    return browser.get(reverse("accounts:profile")).status_code == 200


def refused(answer: Any, why: str, *, status: int = 403) -> str:
    """What stands on the page."""
    assert not is_in(answer.browser)
    told = AuditEvent.objects.order_by("pk").filter(event=Event.LOGIN, outcome=Outcome.MINOR).last()
    assert told is not None and (told.detail["why"], answer.status_code) == (why, status)
    assert told.detail["provider"]
    return str(answer.content.decode())


def later(browser: Client, seconds: int = 400) -> None:
    """The sign-in and every proof were so long ago."""
    session = browser.session
    session[idle.SINCE] -= seconds
    for record in session.get("account_authentication_methods", []):
        record["at"] -= seconds
    if "signing_proof" in session:
        session["signing_proof"] = {**session["signing_proof"], "at": 0, "used": 0}
    session.save()


# --- signing in --------------------------------------------------------------------------------------------


def test_without_a_provider_there_is_no_way_and_no_button(routes: Callable[[], None]) -> None:
    routes()
    with pytest.raises(NoReverseMatch):
        reverse("account_provider")
    assert Client().get("/accounts/provider/return/").status_code == 404
    assert "Hospital account" not in Client().get(reverse("account_login")).content.decode()


def test_found_by_a_verified_address_once_and_by_the_subject_ever_after(
    hospital: Hospital, doctor: User, radiologist: User, django_capture_on_commit_callbacks: Any
) -> None:
    hospital.knows("doctor")
    assert "Sign in with Hospital account" in Client().get(reverse("account_login")).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        answer = hospital.sends("doctor", next=reverse("accounts:profile"))
    assert answer.headers["Location"] == reverse("accounts:profile")
    assert "Hospital account" in answer.browser.get(reverse("accounts:profile")).content.decode()
    assert [message.to for message in mail.outbox] == [[doctor.email]]
    signed_in = AuditEvent.objects.get(event=Event.LOGIN, person=doctor.pk)
    assert signed_in.detail["provider"] == hospital.issuer
    connected = AuditEvent.objects.get(object_type="accounts.providerlink")
    assert connected.detail == {
        "member": str(doctor.pk),
        "connected": "by its verified e-mail address",
        "origin": hospital.issuer,
    }
    # The address at the provider is somebody else's here by now: the subject is still the same person.
    hospital.knows("doctor", email=radiologist.email)
    assert hospital.sends("doctor").wsgi_request.user == doctor
    # And another subject with the address does not become them.
    hospital.knows("impostor", email=doctor.email)
    assert "belongs to somebody else" in refused(hospital.sends("impostor"), "taken")


def test_what_the_provider_is_asked(hospital: Hospital, site: Settings, client: Client) -> None:
    asked = {name: value[0] for name, value in parse_qs(urlsplit(hospital.address(client)).query).items()}
    flow = client.session["provider_sign_in"]
    assert asked["code_challenge"] == client_challenge(flow["verifier"])
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert (asked["state"], asked["nonce"]) == (flow["state"], flow["nonce"])
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert flow["verifier"] not in str(asked)
    site.OIDC_ASK_EACH_TIME = False
    assert "prompt" not in hospital.address(Client())


client_challenge = client.challenge_of

OTHERS = {
    "unverified": ({"email_verified": False}, "unverified", "does not confirm your e-mail address"),
    "not said to be verified": ({"email_verified": None}, "unverified", "does not confirm"),
    "an address that looks alike": ({"email": "doctor@cl\u0131nic.example"}, "unverified", "does not confirm"),
    "an address that cannot be": ({"email": "doctor\0@clinic.example"}, "unverified", "does not confirm"),
    "no account": ({"email": "nobody@clinic.example"}, "unknown", "You have no account in this portal."),
    "another client": ({"aud": "another"}, "untrusted", "could not be trusted"),
    "several clients": ({"aud": ["portal", "another"]}, "untrusted", "could not be trusted"),
    "for another party": ({"azp": "another"}, "untrusted", "could not be trusted"),
    "another issuer": ({"iss": "https://elsewhere.example"}, "untrusted", "could not be trusted"),
    "expired": ({"exp": 1_700_000_000}, "untrusted", "could not be trusted"),
    "from the future": ({"iat": 4_000_000_000}, "untrusted", "could not be trusted"),
    "another sign-in": ({"nonce": "eines anderen, früher"}, "untrusted", "could not be trusted"),
    "who was asked long ago": ({"auth_time": int(time.time()) - 900}, "old", "did not ask who you are just now"),
    "who will be asked": ({"auth_time": 4_000_000_000}, "old", "did not ask who you are just now"),
    "no time told": ({"auth_time": None}, "old", "did not ask who you are just now"),
    "groups elsewhere": ({"_claim_names": {"groups": "src1"}}, "groups", "did not say which groups"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_who_stays_out(hospital: Hospital, doctor: User, kind: str) -> None:
    claims, why, sentence = OTHERS[kind]
    hospital.knows("doctor", **claims)
    assert sentence in refused(hospital.sends("doctor"), why)
    assert not ProviderLink.objects.exists()


def test_closed_accounts_and_those_of_the_administration(hospital: Hospital, doctor: User) -> None:
    hospital.knows("doctor")
    User.objects.filter(pk=doctor.pk).update(is_staff=True)
    assert "Sign in with your password and connect it" in " ".join(refused(hospital.sends("doctor"), "guarded").split())
    User.objects.filter(pk=doctor.pk).update(is_staff=False, is_active=False)
    assert "is closed" in refused(hospital.sends("doctor"), "closed")
    ProviderLink.objects.create(user=doctor, issuer=hospital.issuer, subject="doctor", by_email=True)
    assert "is closed" in refused(hospital.sends("doctor"), "closed")
    assert AuditEvent.objects.latest("pk").person == doctor.pk
    # Connected by the address before the administration was theirs: no way into it.
    User.objects.filter(pk=doctor.pk).update(is_staff=True, is_active=True)
    refused(hospital.sends("doctor"), "guarded")


def test_an_address_alone_passes_no_second_factor(hospital: Hospital, doctor: User) -> None:
    from allauth.mfa.totp.internal import auth as totp

    hospital.knows("doctor")
    totp.TOTP.activate(doctor, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    refused(hospital.sends("doctor"), "guarded")
    assert not ProviderLink.objects.exists()


def test_an_answer_serves_one_sign_in(hospital: Hospital, doctor: User, monkeypatch: pytest.MonkeyPatch) -> None:
    # A provider that asks nobody anew, and clocks that may differ by more than the time between two people.
    hospital.knows("doctor", auth_time=int(time.time()) - 30)
    browser = hospital.sends("doctor").browser
    assert is_in(browser)
    refused(hospital.sends("doctor"), "old")
    # The same person in two windows.
    hospital.knows("doctor")
    with monkeypatch.context() as patch:
        patch.setattr(arrivals, "_wanted", in_vain)
        refused(hospital.sends("doctor"), "stale", status=400)
    # What was begun once is over, though an answer of 503 stores no session by itself.
    browser = Client()
    back = hospital.consent(hospital.address(browser), "doctor")
    cache.set(f"openid-away:{urlsplit(hospital.issuer).netloc}", True)
    assert browser.get(back).status_code == 503
    assert "provider_sign_in" not in browser.session


def in_vain(*_: Any) -> Any:
    raise IntegrityError


def forged(kind: str, token: str) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    if kind in ("another key", "a key that is not listed"):
        header = {"kid": "of another"} if "listed" in kind else {}
        return jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256", headers=header)
    if kind == "no signature":
        return jwt.encode(claims, None, algorithm="none")
    if kind == "the client's secret":
        return jwt.encode(claims, "a secret" * 8, algorithm="HS256")
    head, _body, signature = token.split(".")
    return ".".join([head, jwt.utils.base64url_encode(json.dumps(claims | {"sub": "x"}).encode()).decode(), signature])


FORGERIES = ("another key", "a key that is not listed", "no signature", "the client's secret", "changed")


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_signature_that_is_not_the_providers(
    hospital: Hospital, doctor: User, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from accounts.views import provider

    def answer(*args: Any, **kwargs: Any) -> Answer:
        real = client.exchange(*args, **kwargs)
        return Answer(forged(kind, real.id_token), real.access_token)

    monkeypatch.setattr(provider, "exchange", answer)
    hospital.knows("doctor")
    refused(hospital.sends("doctor"), "untrusted")


def test_an_answer_fits_one_question_of_one_browser(hospital: Hospital, doctor: User) -> None:
    hospital.knows("doctor")
    mine, other = Client(), Client()
    back = hospital.consent(hospital.address(mine), "doctor")
    # Somebody else's browser, which asked something of its own.
    hospital.address(other)
    answer = other.get(back)
    answer.browser = other
    assert "begun in another window" in refused(answer, "stale", status=400)
    answer = mine.get(f"{back}&iss=https://elsewhere.example")
    answer.browser = mine
    refused(answer, "untrusted")
    # The question was answered, wrongly; it is not asked twice. Anybody can do this, so it leaves no entry.
    told = AuditEvent.objects.count()
    assert (mine.get(back).status_code, AuditEvent.objects.count()) == (400, told)
    # A code that was caught on the way is of no use without the verifier, which the provider asks for.
    back = hospital.consent(hospital.address(mine), "doctor")
    session = mine.session
    session["provider_sign_in"] = session["provider_sign_in"] | {"verifier": "a guess" * 8}
    session.save()
    answer = mine.get(back)
    answer.browser = mine
    refused(answer, "untrusted")


def test_a_refusal_there_and_a_way_to_another_site(hospital: Hospital, doctor: User) -> None:
    hospital.knows("doctor")
    browser = Client()
    answer = requests.post(hospital.address(browser), data={"action": "deny"}, allow_redirects=False, timeout=60)
    state = parse_qs(urlsplit(hospital.address(browser)).query)["state"][0]
    assert "error=access_denied" in answer.headers["Location"]
    answer = browser.get(reverse("account_provider_return"), {"error": "access_denied", "state": state})
    answer.browser = browser
    assert "Hospital account did not sign you in." in refused(answer, "denied")
    answer = hospital.sends("doctor", browser, next="https://elsewhere.example/")
    assert "elsewhere" not in answer.headers["Location"]
    assert is_in(browser)


def test_visitors_are_counted_where_nothing_was_begun(site: Settings) -> None:
    site.ACCOUNT_RATE_LIMITS = {"login": "2/m/ip"}
    place = reverse("account_provider_return")
    assert [Client().get(place).status_code for _ in range(3)] == [400, 400, 429]
    assert Client().get(reverse("account_provider")).status_code == 429
    assert not AuditEvent.objects.exists()


@pytest.fixture
def slow() -> Iterator[tuple[str, list[str]]]:
    """Its address and what was asked of it: a byte now and then, or what cannot be read."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    path = connection.recv(4096).decode().split()[1]
                    asked.append(path)
                    head = "Content-Encoding: gzip\r\n" if path == "/torn" else ""
                    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n{head}\r\n".encode())
                    for _byte in range(30):
                        try:
                            connection.sendall(b"x")
                        except OSError:
                            break
                        time.sleep(0 if head else 0.05)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_provider_that_hangs_holds_few_threads_and_none_for_long(
    slow: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, asked = slow
    monkeypatch.setattr(client, "TURN", 0)
    cache.clear()
    # What is torn is heard to its end.
    for path, longest in (("/drop", 0.2), ("/torn", 60)):
        monkeypatch.setattr(client, "LONGEST", longest)
        with pytest.raises(SignInRefused, match="away"):
            client._ask("GET", place + path)
        with pytest.raises(SignInRefused, match="a moment ago"):
            client._ask("GET", place + path)
        cache.clear()
    eventually(lambda: len(asked) == 2, "the provider has heard both")
    # Each gave its slot back.
    assert (asked, client.SLOTS._value) == (["/drop", "/torn"], 2)
    with client.SLOTS, client.SLOTS, pytest.raises(SignInRefused, match="others wait"):
        client._ask("GET", place)
    assert len(asked) == 2


def test_what_a_provider_may_say_of_itself_and_of_an_address(
    hospital: Hospital, doctor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = client.discover(configured())
    nothing = {"id_token_signing_alg_values_supported": None, "token_endpoint_auth_methods_supported": None}
    cache.set(f"openid-discovery:{hospital.issuer}", told | nothing)
    hospital.knows("doctor")
    assert is_in(hospital.sends("doctor").browser)
    with_query = told | {"authorization_endpoint": f"{told['authorization_endpoint']}?policy=1"}
    monkeypatch.setattr(client, "_ask", lambda *_: with_query)
    assert client._described(configured()) == with_query
    # The address of one source and the word for it of another.
    token, further = {"sub": "x", "email": "a@clinic.example"}, {"email": "b@clinic.example", "email_verified": True}
    assert believed._identity(configured(), token, further).email == ""
    assert believed._identity(configured(), {"sub": "x"}, further).email == "b@clinic.example"


def test_a_provider_that_is_away_or_set_up_wrongly_stops_no_password(site: Settings, doctor: User) -> None:
    browser = Client()
    for setting, value, sentence in (
        ("OIDC_ISSUER", "http://127.0.0.1:9", "Hospital account does not answer."),
        ("OIDC_ISSUER", f"{site.OIDC_ISSUER}/", "not set up correctly"),
        ("OIDC_ROLES", "[1]", "not set up correctly"),
        ("DEBUG", False, "not set up correctly"),  # its http is for development only
    ):
        before = getattr(site, setting)
        setattr(site, setting, value)
        answer = browser.get(reverse("account_provider"))
        assert (answer.status_code, sentence in answer.content.decode()) == (503, True), sentence
        setattr(site, setting, before)
    assert browser.post(reverse("account_login"), {"login": doctor.email, "password": PASSWORD}).status_code == 302
    assert is_in(browser)


WRONG = {
    "OIDC_ISSUER": ("http://sso.example", "must be an address that begins with https://"),
    "OIDC_CLIENT_ID": ("", "OIDC_ISSUER is set and OIDC_CLIENT_ID is not."),
    "OIDC_CLIENT_SECRET": ("", "OIDC_CLIENT_SECRET is not."),
    "OIDC_LABEL": (" ", "OIDC_LABEL is not."),
    "OIDC_SCOPES": ("email", "OIDC_SCOPES must contain openid."),
    "OIDC_ROLES": ('[["group", "North Clinic", "boss"]]', "'boss' is none of the roles"),
    "OIDC_SECOND_FACTOR": ("mfa", "amr=VALUE or acr=VALUE"),
    "OIDC_GROUPS_LAST": (0, "must be 1 day or more"),
}


def test_the_deploy_check_says_what_is_wrong(site: Settings, clinic: Clinic) -> None:
    site.DEBUG, site.OIDC_ISSUER = False, "https://sso.example"
    for name, (value, sentence) in WRONG.items():
        before = getattr(site, name)
        setattr(site, name, value)
        assert [sentence in problem.msg for problem in single_sign_on()] == [True], name
        setattr(site, name, before)
    assert [problem.msg for problem in single_sign_on()] == [
        "OIDC_ROLES names clinics that do not exist: South Clinic."
    ]
    site.OIDC_ASK_EACH_TIME = False
    assert "whoever comes next" in single_sign_on()[-1].msg
    site.OIDC_ISSUER = "https://["
    assert "must be an address" in single_sign_on()[0].msg
    site.OIDC_ISSUER = ""
    assert single_sign_on() == []


# --- where people work -------------------------------------------------------------------------------------


def works(user: User) -> dict[str, str]:
    return {membership.clinic.name: membership.role for membership in user.memberships.active()}


def test_somebody_new_has_an_account_where_a_group_gives_them_work(
    hospital: Hospital, site: Settings, clinic: Clinic, other_clinic: Clinic, django_capture_on_commit_callbacks: Any
) -> None:
    hospital.knows("new", groups=["canteen", "north-doctors", "north-readers", "south-doctors"])
    refused(hospital.sends("new"), "unknown")
    site.OIDC_NEW_ACCOUNTS = True
    hospital.knows("guest", groups=["canteen"])
    refused(hospital.sends("guest"), "unknown")
    with django_capture_on_commit_callbacks(execute=True):
        answer = hospital.sends("new")
    user = User.objects.get(email="new@clinic.example")
    assert is_in(answer.browser)
    assert (user.full_name, user.has_usable_password(), user.is_staff) == ("Dr new", False, False)
    # Of two groups for one clinic the first of the setting's list.
    assert works(user) == {"North Clinic": "radiologist", "South Clinic": "clinician"}
    told = AuditEvent.objects.filter(object_type="accounts.membership", detail__member=str(user.pk))
    assert {(entry.detail["role"], entry.detail["origin"]) for entry in told} == {
        ("radiologist, active", hospital.issuer),
        ("clinician, active", hospital.issuer),
    }
    assert AuditEvent.objects.get(object_type="accounts.user", action="C").detail["origin"] == hospital.issuer
    # A password of their own would outlive the account at the hospital.
    mail.outbox.clear()
    Client().post(reverse("account_reset_password"), {"email": user.email})
    assert "/password/reset/key/" not in mail.outbox[0].body
    assert answer.browser.get(reverse("account_change_password")).headers["Location"] == reverse("accounts:profile")


def test_memberships_that_groups_gave_follow_them_and_others_do_not(
    hospital: Hospital, doctor: User, clinic: Clinic, other_clinic: Clinic, django_capture_on_commit_callbacks: Any
) -> None:
    by_hand = doctor.memberships.get()
    hospital.knows("doctor", groups=["north-readers", "south-doctors"])
    elsewhere = hospital.sends("doctor").browser
    given = doctor.memberships.get(clinic=other_clinic)
    assert works(doctor) == {"North Clinic": "clinician", "South Clinic": "clinician"}  # the clinic's own stays
    ApiToken.objects.issue(membership=given, name="a")
    ApiToken.objects.issue(membership=by_hand, name="b")
    hospital.knows("doctor", groups=[])
    with django_capture_on_commit_callbacks(execute=True):
        here = hospital.sends("doctor").browser
    assert works(doctor) == {"North Clinic": "clinician"}
    assert [*ApiToken.objects.usable().values_list("name", flat=True)] == ["b"]
    assert (is_in(elsewhere), is_in(here)) == (False, True)
    told = AuditEvent.objects.get(object_type="accounts.membership", detail__revoked_tokens="1")
    assert told.detail == {
        "role": "clinician, active → clinician, ended",
        "member": str(doctor.pk),
        "clinic": str(other_clinic.pk),
        "revoked_tokens": "1",
        "origin": hospital.issuer,
    }
    # Back in the group, and in another role; nothing is lost by it, so no session ends.
    hospital.knows("doctor", groups=["south-doctors"])
    hospital.sends("doctor")
    assert works(doctor)["South Clinic"] == "clinician"
    assert is_in(here)


def test_what_a_clinic_decided_no_group_undoes(
    hospital: Hospital, doctor: User, administrator: User, other_clinic: Clinic, member: Callable[..., User]
) -> None:
    from accounts import people

    chief = member("administrator", at=other_clinic)
    hospital.knows("doctor", groups=["south-doctors"])
    hospital.sends("doctor")
    given = doctor.memberships.select_related("clinic", "user").get(clinic=other_clinic)
    people.deactivate(by=chief, membership=given)
    hospital.sends("doctor")
    assert "South Clinic" not in works(doctor)
    # Through the administration too.
    Membership.objects.filter(pk=given.pk).update(from_claims=True, is_active=True)
    given.refresh_from_db()
    given.role = "radiographer"
    given.save()
    hospital.knows("doctor", groups=[])
    hospital.sends("doctor")
    assert works(doctor)["South Clinic"] == "radiographer"
    # Somewhere else too.
    Membership.objects.filter(pk=given.pk).update(from_claims=True)
    given.refresh_from_db()
    given.clinic = Clinic.objects.create(name="West Clinic")
    given.save()
    assert not given.from_claims


def test_groups_of_which_the_provider_said_nothing_for_long_end(
    hospital: Hospital, doctor: User, clinic: Clinic, other_clinic: Clinic, django_capture_on_commit_callbacks: Any
) -> None:
    from datetime import timedelta

    hospital.knows("doctor", groups=["south-doctors"])
    browser = hospital.sends("doctor").browser
    end_forgotten_groups()
    assert (works(doctor)["South Clinic"], is_in(browser)) == ("clinician", True)
    link = ProviderLink.objects.get()
    assert link.groups_at
    ProviderLink.objects.update(groups_at=link.groups_at - timedelta(days=31))
    with django_capture_on_commit_callbacks(execute=True):
        end_forgotten_groups()
    assert (works(doctor), is_in(browser)) == ({"North Clinic": "clinician"}, False)
    assert AuditEvent.objects.filter(detail__role="clinician, active → clinician, ended").count() == 1
    # Whoever is known there still has it again.
    hospital.sends("doctor")
    assert works(doctor)["South Clinic"] == "clinician"


def test_a_lesser_role_ends_sessions_and_the_last_administrator_stays(
    hospital: Hospital, doctor: User, clinic: Clinic, other_clinic: Clinic, django_capture_on_commit_callbacks: Any
) -> None:
    doctor.memberships.update(from_claims=True)
    hospital.knows("doctor", groups=["north-readers"])
    before = hospital.sends("doctor").browser
    assert works(doctor) == {"North Clinic": "radiologist"}
    hospital.knows("doctor", groups=["north-doctors"])
    hospital.sends("doctor")
    assert (works(doctor), is_in(before)) == ({"North Clinic": "clinician"}, False)
    hospital.knows("doctor", groups=["north-admins"])
    hospital.sends("doctor")
    hospital.knows("doctor", groups=[])
    with django_capture_on_commit_callbacks(execute=True):
        assert is_in(hospital.sends("doctor").browser)
    assert works(doctor) == {"North Clinic": "administrator"}
    assert AuditEvent.objects.filter(outcome=Outcome.MINOR, detail__kept__isnull=False).count() == 1
    # A clinic that was given another name takes nobody's work away.
    hospital.knows("doctor", groups=["north-admins"])
    Clinic.objects.filter(pk=clinic.pk).update(name="Northern Clinic")
    Membership.objects.create(user=doctor, clinic=other_clinic, role="clinician", from_claims=True)
    hospital.sends("doctor")
    # What the setting names correctly is taken all the same.
    assert works(doctor) == {"Northern Clinic": "administrator"}


# --- second factor and proofs ------------------------------------------------------------------------------


def test_the_providers_second_factor_counts_only_where_the_site_says_so(
    hospital: Hospital, site: Settings, doctor: User, clinic: Clinic
) -> None:
    from allauth.mfa.totp.internal import auth as totp

    Clinic.objects.filter(pk=clinic.pk).update(second_factor_roles=["clinician"])
    hospital.knows("doctor", amr=["pwd", "mfa"], acr="urn:strong")
    # Required, and none set up: led to set one up, and nothing else opens.
    assert not is_in(hospital.sends("doctor").browser)
    totp.TOTP.activate(doctor, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    assert hospital.sends("doctor").headers["Location"] == reverse("mfa_authenticate")
    half = AuditEvent.objects.filter(event=Event.LOGIN).latest("pk")
    assert (half.person, half.detail["second_factor"]) == (doctor.pk, "asked for")
    for accepted, counts in (("amr=hwk", False), ("amr=mfa", True), ("amr=hwk acr=urn:strong", True)):
        site.OIDC_SECOND_FACTOR = accepted
        assert is_in(hospital.sends("doctor").browser) is counts, accepted
    doctor.authenticator_set.all().delete()
    assert is_in(hospital.sends("doctor").browser)
    assert AuditEvent.objects.filter(event=Event.LOGIN).latest("pk").detail["second_factor"] == "of the provider"


@pytest.fixture
def passwordless(doctor: User, hospital: Hospital) -> User:
    """Signs in by the provider alone."""
    doctor.set_unusable_password()
    doctor.save()
    doctor.memberships.update(role="radiologist")
    hospital.knows("doctor")
    return doctor


def test_a_proof_without_a_password_is_a_new_sign_in_there(
    hospital: Hospital, passwordless: User, clinic: Clinic
) -> None:
    browser = hospital.sends("doctor").browser
    membership = passwordless.memberships.get()
    form = {"name": "scanner", "membership": membership.pk, "scopes": "*", "days": "90"}
    # A token takes a proof even right after the sign-in, and setting up a factor once that was a while ago.
    answer = browser.post(reverse("accounts:issue_token"), form)
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not ApiToken.objects.exists()
    answer = browser.get(answer.headers["Location"])
    assert answer.headers["Location"].startswith(reverse("account_provider_confirm"))
    query = {"next": reverse("accounts:issue_token")}
    hospital.knows("other")
    other = hospital.sends("other", browser, "account_provider_confirm", **query)
    assert "as somebody else" in other.content.decode()
    hospital.knows("doctor", auth_time=int(time.time()) - 900)
    old = hospital.sends("doctor", browser, "account_provider_confirm", **query)
    assert "did not ask who you are" in old.content.decode()
    assert not ApiToken.objects.exists()
    hospital.knows("doctor")
    done = hospital.sends("doctor", browser, "account_provider_confirm", **query)
    assert ApiToken.objects.count() == 1
    assert "scanner" in done.content.decode()
    assert AuditEvent.objects.latest("pk").detail["confirmed"] == hospital.issuer
    # It was for the token, and signs no report.
    assert browser.post(reverse("diagnosis:reading-proof")).json()["code"] == "confirmation_needed"
    # Neither another sign-in nor another language takes a password away that there never was.
    hospital.sends("doctor")
    User.objects.get(pk=passwordless.pk).save()
    assert ApiToken.objects.usable().count() == 1
    later(browser)
    assert browser.get(reverse("mfa_activate_totp")).headers["Location"].startswith(reverse("account_reauthenticate"))


def test_a_signature_without_a_password_follows_a_new_sign_in_there(
    hospital: Hospital, site: Settings, passwordless: User
) -> None:
    from datetime import timedelta

    browser = hospital.sends("doctor").browser
    proof = reverse("diagnosis:reading-proof")
    assert browser.post(proof).json()["code"] == "confirmation_needed"
    query = {"next": reverse("account_provider_confirmed")}
    answer = hospital.sends("doctor", browser, "account_provider_confirm", **query)
    assert "go on in the one that you came from" in browser.get(answer.headers["Location"]).content.decode()
    assert [browser.post(proof).status_code for _ in range(2)] == [200, 200]
    later(browser)
    assert browser.post(proof).json()["code"] == "confirmation_needed"
    site.SIGNING_PROOF = timedelta(0)
    request = hospital.sends("doctor", browser, "account_provider_confirm", **query).wsgi_request
    assert signing.proof_of(request).holds_for(passwordless)
    with pytest.raises(Refusal):
        signing.proof_of(request)


def test_exports_without_a_password_follow_a_new_sign_in_there(
    hospital: Hospital, passwordless: User, patient: Patient, upload: Callable[..., Scan]
) -> None:
    """Of one patient, and of images without names: neither by the sign-in, nor by a confirmation that was long ago."""
    passwordless.memberships.update(role="administrator")
    browser, study = hospital.sends("doctor").browser, str(upload(1).study_id)
    chosen = {"study": study, "purpose": "nodules-2026", "reason": "For the board."}
    everything = reverse("diagnosis:patient-export", args=[patient.pk])
    nameless = reverse("diagnosis:oversight-deidentified")
    exports: list[Callable[[], Any]] = [lambda: browser.post(everything), lambda: browser.post(nameless, chosen)]
    way = f"{reverse('account_provider_confirm')}?next={reverse('account_provider_confirmed')}"
    for export in exports:
        refused = export()
        assert refused.status_code == 422
        assert way in refused.content.decode()
    hospital.knows("doctor", auth_time=int(time.time()) - 900)
    confirmed = {"next": reverse("account_provider_confirmed")}
    old = hospital.sends("doctor", browser, "account_provider_confirm", **confirmed)
    assert "did not ask who you are" in old.content.decode()
    assert [export().status_code for export in exports] == [422, 422]
    hospital.knows("doctor")
    hospital.sends("doctor", browser, "account_provider_confirm", **confirmed)
    for export in exports:
        done = export()
        assert b"".join(done.streaming_content).startswith(b"PK")
    later(browser)
    assert [export().status_code for export in exports] == [422, 422]


def test_a_silent_sign_in_proves_what_the_provider_saw_last(hospital: Hospital, site: Settings, doctor: User) -> None:
    site.OIDC_ASK_EACH_TIME = False
    hospital.knows("doctor", auth_time=int(time.time()) - 900)
    answer = hospital.sends("doctor")
    assert is_in(answer.browser)
    assert not is_proven(answer.wsgi_request)
    factor = answer.browser.get(reverse("mfa_activate_totp"))
    assert factor.headers["Location"].startswith(reverse("account_reauthenticate"))
    hospital.knows("doctor", auth_time=int(time.time()))
    assert is_proven(hospital.sends("doctor").wsgi_request)


def test_a_confirmation_brings_what_the_groups_are_now(
    hospital: Hospital, doctor: User, clinic: Clinic, other_clinic: Clinic
) -> None:
    hospital.knows("doctor", groups=["south-doctors"])
    browser = hospital.sends("doctor").browser
    hospital.knows("doctor", groups=[])
    hospital.sends("doctor", browser, "account_provider_confirm", next=reverse("accounts:profile"))
    assert (works(doctor), is_in(browser)) == ({"North Clinic": "clinician"}, True)


def test_connecting_and_disconnecting_ones_own_account(
    hospital: Hospital,
    doctor: User,
    radiologist: User,
    other_clinic: Clinic,
    admin_user: User,
    client: Client,
    django_capture_on_commit_callbacks: Any,
) -> None:
    client.force_login(doctor)
    hospital.knows("someone", email="other@elsewhere.example", groups=["south-doctors"])
    # A way in for good takes more than the sign-in of a moment ago.
    ask = client.post(reverse("account_provider_connect")).headers["Location"]
    assert ask.startswith(reverse("account_reauthenticate"))
    address = client.post(ask, {"password": PASSWORD}).context["address"]
    assert address.startswith(hospital.issuer)
    client.get(hospital.consent(address, "someone"))
    assert hospital.sends("someone").wsgi_request.user == doctor
    # What is begun by one person is not ended by another who signed in meanwhile.
    address = client.post(reverse("account_provider_connect")).context["address"]
    session = client.session
    session["provider_sign_in"] = session["provider_sign_in"] | {"person": str(radiologist.pk)}
    session.save()
    assert client.get(hospital.consent(address, "someone")).status_code == 400
    elsewhere = hospital.sends("someone").browser
    client.post(reverse("account_provider_disconnect"))
    assert (ProviderLink.objects.standing().exists(), is_in(elsewhere), is_in(client)) == (False, False, True)
    # What groups gave ends with it, and no address brings either back; the person does.
    assert works(doctor) == {"North Clinic": "clinician"}
    hospital.knows("someone", email=doctor.email, groups=["south-doctors"])
    assert "was disconnected from an account" in refused(hospital.sends("someone"), "ended")
    address = client.post(reverse("account_provider_connect")).context["address"]
    client.get(hospital.consent(address, "someone"))
    assert is_in(hospital.sends("someone").browser)
    assert works(doctor)["South Clinic"] == "clinician"
    ApiToken.objects.issue(membership=doctor.memberships.get(clinic__name="North Clinic"), name="of whom?")
    doctor.set_unusable_password()
    doctor.save()
    client.force_login(doctor)
    client.post(reverse("account_provider_disconnect"))
    assert ProviderLink.objects.standing().exists()
    ApiToken.objects.update(revoked_at=None)
    form = {"action": "disconnect_single_sign_on", "_selected_action": [doctor.pk]}
    client.force_login(admin_user)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(reverse("admin:accounts_user_changelist"), form, follow=True)
    assert "1 person is no longer connected." in answer.content.decode()
    # Whoever was the wrong person may have issued tokens.
    assert (ApiToken.objects.usable().exists(), works(doctor)) == (False, {"North Clinic": "clinician"})
    told = AuditEvent.objects.filter(object_type="accounts.providerlink", action="D").latest("pk")
    assert (told.person, told.detail["revoked_tokens"]) == (admin_user.pk, "1")


def test_sessions_of_such_people_are_listed_and_idle_as_all_others(hospital: Hospital, passwordless: User) -> None:
    browser = hospital.sends("doctor").browser
    assert OpenSession.objects.of(passwordless).live().count() == 1
    session = browser.session
    session[idle.SEEN] -= 3600
    session.save()
    assert not is_in(browser)
