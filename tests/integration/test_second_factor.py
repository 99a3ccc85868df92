"""Second factors: who has one, codes, who must have one, and the reset for somebody who lost theirs."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.core import mail
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import idle, second_factor
from accounts.models import Clinic, User
from audit.models import AuditEvent
from audit.vocabulary import Event, Outcome
from diagnosis.models import Patient
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


@pytest.fixture
def careful(clinician: User) -> User:
    """Has an authenticator app and recovery codes."""
    totp.TOTP.activate(clinician, SECRET)
    RecoveryCodes.activate(clinician)
    return clinician


def test_a_reset_takes_every_factor_ends_every_session_and_is_told(
    careful: User, radiologist: User, admin_user: User, django_capture_on_commit_callbacks: Any
) -> None:
    there, colleague, administration = Client(), Client(), Client()
    for client, user in ((there, careful), (colleague, radiologist), (administration, admin_user)):
        client.force_login(user)
    assert [*second_factor.summary([careful, radiologist])] == [careful.pk]
    form = {"action": "reset_second_factor", "_selected_action": [careful.pk, radiologist.pk]}
    with django_capture_on_commit_callbacks(execute=True):
        answer = administration.post(reverse("admin:accounts_user_changelist"), form, follow=True)
    assert "The second factor of 1 person was reset." in answer.content.decode()
    assert not Authenticator.objects.exists()
    assert not second_factor.summary([careful])
    assert there.get(reverse("accounts:profile")).status_code == 302
    assert colleague.get(reverse("accounts:profile")).status_code == 200
    assert [message.to for message in mail.outbox] == [[careful.email]]
    told = AuditEvent.objects.get(detail__second_factor="reset")
    assert (told.person, told.object_id) == (admin_user.pk, str(careful.pk))


# --- codes -------------------------------------------------------------------------------------------------


def sign_in(client: Client, user: User) -> Any:
    return client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})


def type_code(client: Client, code: str) -> Any:
    return client.post(reverse("mfa_authenticate"), {"code": code})


def code_of_now(secret: str = SECRET) -> str:
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("accounts:profile")).status_code == 200


def test_a_code_is_asked_for_and_taken_once(careful: User) -> None:
    client, code = Client(), code_of_now()
    assert sign_in(client, careful).url == reverse("mfa_authenticate")
    assert not is_signed_in(client)
    assert "This code is not right." in type_code(client, "000000").content.decode()
    told = AuditEvent.objects.latest("pk")
    assert (told.event, told.person, told.outcome) == (Event.LOGIN, careful.pk, Outcome.MINOR)
    assert type_code(client, code).status_code == 302
    assert is_signed_in(client)
    assert AuditEvent.objects.filter(event=Event.LOGIN, outcome=Outcome.SUCCESS, person=careful.pk).count() == 1
    again = Client()
    sign_in(again, careful)
    key = Authenticator.objects.get(type="totp").wrap()._get_used_cache_key(code)
    # The clock may be half a minute wrong either way, and so long is the code remembered.
    assert cache.ttl(key) > 60 if hasattr(cache, "ttl") else cache.get(key)
    type_code(again, code)
    assert not is_signed_in(again)


def test_an_export_takes_a_code_in_place_of_the_password(patient: Patient, administrator: User, client: Client) -> None:
    address = reverse("diagnosis:patient-export", args=[patient.pk])
    client.force_login(administrator)
    assert reverse("mfa_reauthenticate") not in client.get(address).content.decode()
    totp.TOTP.activate(administrator, SECRET)
    Authenticator.objects.create(user=administrator, type="webauthn", data={})
    page = client.get(address).content.decode()
    assert all(f"{reverse(way)}?next=" in page for way in ("mfa_reauthenticate", "mfa_reauthenticate_webauthn"))
    assert client.post(address).status_code == 422
    client.post(reverse("mfa_reauthenticate"), {"code": code_of_now()})
    assert "You confirmed a short while ago" in client.get(address).content.decode()
    assert b"".join(client.post(address).streaming_content).startswith(b"PK")
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 400
    session.save()
    assert client.post(address).status_code == 422


def test_a_recovery_code_signs_in_once(careful: User) -> None:
    code = RecoveryCodes.activate(careful).generate_codes()[0]
    for expected in (True, False):
        client = Client()
        sign_in(client, careful)
        type_code(client, code)
        assert is_signed_in(client) is expected
        assert not expected or AuditEvent.objects.latest("pk").detail["with_factor"] == "recovery_codes"


def test_wrong_codes_make_one_wait_even_for_the_right_one(careful: User) -> None:
    client = Client()
    sign_in(client, careful)
    answers = [type_code(client, f"{number:06}").content.decode() for number in range(6)]
    assert "Too many wrong codes" not in answers[4]
    assert "Too many wrong codes were typed." in type_code(client, code_of_now()).content.decode()
    assert not is_signed_in(client)
    told = AuditEvent.objects.filter(person=careful.pk, event=Event.LOGIN, outcome=Outcome.MINOR)
    assert [*told.order_by("pk").values_list("detail__second_factor", flat=True)] == ["totp"] * 5 + [
        "not looked at"
    ] * 2


def test_codes_that_come_at_once_are_looked_at_one_by_one(careful: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is looked at, another one, even the right one, is not."""
    client, second = Client(), Client()
    for one in (client, second):
        sign_in(one, careful)
    check = totp.TOTP.validate_code
    answers = []

    def check_slowly(self: Any, code: str) -> bool:
        answers.append(type_code(second, code_of_now()).content.decode())
        return bool(check(self, code))

    monkeypatch.setattr(totp.TOTP, "validate_code", check_slowly)
    type_code(client, "000000")
    assert ["Too many wrong codes were typed." in answer for answer in answers] == [True]
    assert not is_signed_in(second)
    monkeypatch.undo()
    type_code(second, code_of_now())
    assert is_signed_in(second)


def test_secrets_are_encrypted_and_open_with_the_key_before(careful: User, settings: Settings) -> None:
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert SECRET not in kept
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [settings.SECRET_KEY]
    client = Client()
    sign_in(client, careful)
    assert type_code(client, code_of_now()).status_code == 302
    settings.SECRET_KEY_FALLBACKS = []
    client = Client()
    sign_in(client, careful)
    assert "can no longer be checked" in type_code(client, code_of_now()).content.decode()


def test_whoever_is_asked_for_a_code_signs_in_anew_after_a_reset(careful: User, admin_user: User) -> None:
    client = Client()
    sign_in(client, careful)
    second_factor.reset(careful, by=admin_user)
    page = client.get(reverse("mfa_authenticate"))
    assert page.url == reverse("account_login")
    assert client.get(page.url).status_code == 200


# --- setting up --------------------------------------------------------------------------------------------


def confirm(client: Client, then: str) -> Any:
    return client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": then})


def test_setting_up_and_removing_take_the_password_and_are_told(
    client: Client, clinician: User, django_capture_on_commit_callbacks: Any
) -> None:
    client.force_login(clinician)
    page = reverse("mfa_activate_totp")
    assert client.get(page).url.startswith(reverse("account_reauthenticate"))
    assert confirm(client, page).url == page
    shown = client.get(page)
    assert "data:image/svg+xml;base64," in shown.content.decode()
    secret = shown.context["form"].secret
    assert client.post(page, {"code": "000000"}).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(page, {"code": code_of_now(secret)}).url == reverse("mfa_view_recovery_codes")
    once, later = (client.get(reverse("mfa_view_recovery_codes")).content.decode() for _ in range(2))
    code = RecoveryCodes.activate(clinician).generate_codes()[0]
    assert code in once and code not in later
    assert mail.outbox[-1].subject == "An authenticator app was added to your account"
    assert client.post(reverse("mfa_deactivate_totp")).status_code == 302
    assert not Authenticator.objects.exists()
    told = AuditEvent.objects.filter(event=Event.RIGHTS, object_id=str(clinician.pk), detail__has_key="second_factor")
    # Here the database says "committed" only after the request; a page's own entry names both kinds at once.
    assert {*told.values_list("action", "detail__second_factor")} == {
        *(("C", "totp"), ("C", "recovery_codes")),
        ("D", "totp, recovery_codes"),
    }


# --- who must have one -------------------------------------------------------------------------------------


def some_time_ago(client: Client) -> None:
    """The sign-in no longer counts as a proof."""
    session = client.session
    session[idle.SINCE] -= 600
    session.save()


def test_the_administration_changes_rights_only_after_a_recent_proof(
    client: Client, admin_user: User, clinician: User
) -> None:
    client.force_login(admin_user)
    pages = [reverse("admin:accounts_user_change", args=[clinician.pk]), reverse("admin:accounts_clinic_add")]
    pages += [reverse("admin:auth_user_password_change", args=[clinician.pk]), reverse("admin:auth_group_add")]
    assert {client.get(page).status_code for page in pages} == {200}
    session = client.session
    del session[idle.SINCE]  # signed in before this was counted
    session.save()
    assert all(client.get(page).url.startswith(reverse("account_reauthenticate")) for page in pages)
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 200
    client.post(reverse("account_reauthenticate"), {"password": "password", "next": pages[0]})
    assert client.get(pages[0]).status_code == 200


def test_a_form_waits_for_the_proof_unless_it_carries_a_password_or_a_file(
    client: Client, admin_user: User, clinic: Clinic
) -> None:
    def prove(page: str) -> Any:
        return client.post(reverse("account_reauthenticate"), {"password": "password", "next": page})

    client.force_login(admin_user)
    some_time_ago(client)
    made, page = reverse("admin:accounts_user_add"), reverse("admin:accounts_clinic_change", args=[clinic.pk])
    numbers = {f"{rows}-{kind}_FORMS": 0 for rows in ("letterhead", "memberships") for kind in ("TOTAL", "INITIAL")}
    form = {"name": clinic.name, "is_active": "on", "second_factor_roles": ["clinician"], **numbers}
    secret = {"email": "new@clinic.example", "full_name": "New", "password1": "quartz4711", "password2": "quartz4711"}
    file = SimpleUploadedFile("logo.png", b"no picture", "image/png")
    for address, fields in ((made, secret), (page, form | {"letterhead-0-new_logo": file})):
        asked = client.post(address, fields)
        assert "Then fill in the form once more." in client.get(asked.url).content.decode()
        assert STATE_SESSION_KEY not in client.session
        assert "quartz4711" not in str(dict(client.session))
    client.post(page, form)
    assert prove(page).status_code == 302
    clinic.refresh_from_db()
    assert clinic.second_factor_roles == ["clinician"]
    told = AuditEvent.objects.latest("pk")
    assert (told.route, told.object_type, told.object_id, told.detail["second_factor_roles"]) == (
        "POST admin:accounts_clinic_change",
        "accounts.clinic",
        str(clinic.pk),
        "clinician",
    )


def test_whoever_must_have_one_opens_nothing_before(clinician: User, member: Any, clinic: Clinic) -> None:
    administrator = member("administrator")
    client = Client()
    client.force_login(administrator)
    page = reverse("accounts:second_factor_policy")
    some_time_ago(client)
    asked = client.post(page, {"decided": "1", "second_factor_roles": ["clinician"]})
    assert asked.url.startswith(reverse("account_reauthenticate"))
    clinic.refresh_from_db()
    assert not clinic.second_factor_roles
    assert confirm(client, page).status_code == 302  # and the form that was sent goes through
    client.post(page, {"decided": "1", "second_factor_roles": ["clinician"]})
    clinic.refresh_from_db()
    assert clinic.second_factor_roles == ["clinician"]
    assert AuditEvent.objects.filter(detail__second_factor_roles="clinician", person=administrator.pk).exists()

    client = Client()
    sign_in(client, clinician)
    for name in ("diagnosis:home", "accounts:profile", "accounts:issue_token"):
        assert client.get(reverse(name)).url == reverse("mfa_index")
    for headers in ({}, {"Authorization": "Basic eDp4"}):
        assert client.get("/api/v1/patients/", headers=headers).json()["code"] == "second_factor_due"
    assert "Set up a second factor to go on" in client.get(reverse("mfa_index")).content.decode()
    confirm(client, reverse("mfa_activate_totp"))
    secret = client.get(reverse("mfa_activate_totp")).context["form"].secret
    fields = {"email": clinician.email, "password": PASSWORD, "name": "x"}
    assert Client().post("/api/v1/tokens/", fields, "application/json").json()["code"] == "second_factor"
    client.post(reverse("mfa_activate_totp"), {"code": code_of_now(secret)})
    assert client.get(reverse("diagnosis:home")).status_code == 302 or is_signed_in(client)
    assert Client().post("/api/v1/tokens/", fields, "application/json").json()["code"] == "second_factor"


def test_only_who_manages_staff_decides_it(client: Client, radiologist: User) -> None:
    client.force_login(radiologist)
    confirm(client, reverse("accounts:second_factor_policy"))
    assert client.get(reverse("accounts:second_factor_policy")).status_code == 403


def test_the_administration_may_be_asked_for_one(admin_user: User, settings: Settings) -> None:
    assert not second_factor.must_have(admin_user)
    settings.SECOND_FACTOR_FOR_ADMINISTRATION = True
    assert second_factor.must_have(admin_user)
