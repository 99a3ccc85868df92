"""Who works in a clinic is its administrators' to say, and nothing beyond it: role by role, clinic by clinic."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import idle, people, second_factor
from accounts.models import ApiToken, Clinic, Invitation, Membership, User
from accounts.roles import ROLES
from audit.models import AuditEvent
from audit.vocabulary import Event
from portal.server.listener import Server
from tests.concurrency import together
from tests.conftest import PASSWORD

CHANGES = ("role", "deactivate", "restore", "link", "password", "end_sessions", "second_factor")


@dataclass
class Office:
    """An administrator at their desk."""

    clinic: Clinic
    by: User
    browser: Client

    def post(self, change: str, member: Membership, **fields: str) -> Any:
        return self.browser.post(reverse(f"accounts:person_{change}", args=[member.pk]), fields)

    def invite(self, email: str, *, role: str = "clinician", name: str = "Ines Okafor") -> Any:
        fields = {"email": email, "role": role, "full_name": name}
        return self.browser.post(reverse("accounts:invite"), fields)


@pytest.fixture
def office(clinic: Clinic, administrator: User) -> Office:
    browser = Client()
    browser.force_login(administrator)
    return Office(clinic, administrator, browser)


def link_in(answer: Any) -> str:
    [found] = re.findall(r">https?://testserver(/\S+?)<", answer.content.decode())
    return str(found)


def choose_password(link: str, password: str = "another long password") -> Any:
    browser = Client()
    page = browser.get(link, follow=True)
    if page.status_code != 200:
        return page
    return browser.post(reverse("accounts:invitation"), {"password1": password, "password2": password})


def last() -> AuditEvent:
    return AuditEvent.objects.order_by("pk").last()  # type: ignore[return-value]


def test_only_administrators_open_the_pages_and_change_anybody(
    member: Callable[..., User], clinician: User, other_clinic: Clinic
) -> None:
    target = clinician.memberships.get()
    posts = [reverse(f"accounts:person_{change}", args=[target.pk]) for change in CHANGES]
    gets = [reverse("accounts:people"), reverse("accounts:invite"), reverse("accounts:person", args=[target.pk])]
    for role in ROLES:
        browser = Client()
        browser.force_login(member(role))
        expected = 200 if role == "administrator" else 403
        assert {browser.get(one).status_code for one in gets} == {expected}, role
        if role != "administrator":
            assert {browser.post(one, {"role": "radiologist"}).status_code for one in posts} == {403}, role
    elsewhere = Client()
    elsewhere.force_login(member("administrator", at=other_clinic))
    assert {elsewhere.get(gets[2]).status_code, *(elsewhere.post(one).status_code for one in posts)} == {404}
    assert {Client().get(one).status_code for one in gets} == {302}
    target.refresh_from_db()
    assert (target.role, target.is_active) == ("clinician", True)


def test_a_new_person_comes_in_by_a_link_that_works_once(office: Office) -> None:
    answer = office.invite("New.Person@Clinic.example", role="radiologist")
    link = link_in(answer)
    user = User.objects.get(email="new.person@clinic.example")
    assert not user.has_usable_password()
    assert link in mail.outbox[0].body
    # The bar is still the administrator's, not that of whoever is invited.
    assert f'<a href="{reverse("accounts:people")}" aria-current="page"' in answer.content.decode()
    assert mail.outbox[0].to == [user.email]
    assert "Invited" in office.browser.get(reverse("accounts:people")).content.decode()
    assert link not in str(list(Invitation.objects.values()))
    # Inviting again renews the link and ends the older one.
    newer = link_in(office.invite("new.person@CLINIC.example", role="radiologist"))
    assert choose_password(link).status_code == 410
    assert choose_password(newer)["Location"] == reverse("account_login")
    assert (last().event, last().person) == (Event.RIGHTS, user.pk)
    assert choose_password(newer, "yet another password").status_code == 410
    user.refresh_from_db()
    assert user.check_password("another long password")
    assert User.objects.filter(email__iexact="new.person@clinic.example").count() == 1
    assert user.memberships.get().role == "radiologist"
    assert office.invite(user.email).status_code == 409


def test_the_secret_of_a_link_is_told_nobody_and_a_wrong_one_leaves_nothing(
    office: Office, clinician: User, other_clinic: Clinic
) -> None:
    Clinic.objects.filter(pk=office.clinic.pk).update(name="St Mary's & Co")
    link = link_in(office.invite("new@clinic.example"))
    assert mail.outbox[0].subject == "Your account at St Mary's & Co"
    secret, theirs = link.rstrip("/").rpartition("/")[2], Client()
    theirs.force_login(clinician)
    session = theirs.session
    session[idle.SEEN] -= 3600
    session.save()
    theirs.get(link)
    entry = last()
    assert (entry.event, entry.route) == (Event.LOGOUT, "GET accounts:invitation_link")
    assert secret not in str(AuditEvent.objects.values())
    before = Session.objects.count()
    assert Client().get(reverse("accounts:invitation_link", args=["x" * 40])).status_code == 302
    assert Session.objects.count() == before


def test_neither_does_the_access_log_name_it() -> None:
    lines: list[str] = []
    log = SimpleNamespace(access=lambda _answer, _request, environ, _took: lines.append(environ["PATH_INFO"]))
    server = SimpleNamespace(worker=SimpleNamespace(log=log))
    for path in ("/accounts/invitation/s3cret/", "/accounts/password/reset/key/2-s3cret/", "/accounts/people/7/"):
        Server.log_access(server, None, None, {"PATH_INFO": path}, 0.1)  # type: ignore[arg-type]
    assert lines == ["/accounts/invitation/-/", "/accounts/password/reset/key/-/", "/accounts/people/7/"]


@pytest.mark.parametrize(
    "end", ["a week", "a password", "deactivation", "a closed account", "further rights", "another clinic"]
)
def test_a_link_ends_with(end: str, office: Office, other_clinic: Clinic) -> None:
    link = link_in(office.invite("new@clinic.example"))
    user = User.objects.get(email="new@clinic.example")
    if end == "a week":
        assert Invitation.objects.get().expires_at > timezone.now() + timedelta(days=6, hours=23)
        Invitation.objects.update(expires_at=timezone.now())
    elif end == "a password":
        user.set_password(PASSWORD)
        user.save()
    elif end == "deactivation":
        assert office.post("deactivate", user.memberships.get()).status_code == 302
    elif end == "another clinic":
        Membership.objects.create(user=user, clinic=other_clinic, role="clinician")
    else:
        flag = {"a closed account": {"is_active": False}, "further rights": {"is_staff": True}}[end]
        User.objects.filter(pk=user.pk).update(**flag)
    assert choose_password(link).status_code == 410


def test_an_account_of_another_clinic_is_added_and_stays_its_owners(
    office: Office, member: Callable[..., User], other_clinic: Clinic
) -> None:
    known = member("radiologist", at=other_clinic)
    before = User.objects.get(pk=known.pk).password
    answer = office.invite(known.email.upper(), name="Another Name")
    assert answer.status_code == 302
    known.refresh_from_db()
    assert (known.password, known.full_name) == (before, "Radiologist 2")
    assert User.objects.filter(email__iexact=known.email).count() == 1
    here = known.memberships.get(clinic=office.clinic)
    # Their first administrator's link would open this clinic too, and theirs may hold no link into that one.
    theirs = member("administrator", at=other_clinic)
    invited = people.invite(by=theirs, clinic=other_clinic, full_name="New", email="new@clinic.example", role="trainee")
    assert office.invite("new@clinic.example").status_code == 302
    assert not Invitation.objects.exists()
    with pytest.raises(Exception, match="Forgot your password"):
        people.renew_link(by=theirs, membership=invited.membership)
    shown = [office.browser.get(answer["Location"]), office.browser.get(reverse("accounts:people"))]
    assert not any(other_clinic.name in page.content.decode() for page in shown)
    assert here.role == "clinician"
    mail.outbox.clear()
    assert office.post("password", here).status_code == 302
    assert (mail.outbox[0].to, "It works once" in mail.outbox[0].body) == ([known.email], True)


def test_a_changed_role_counts_at_once_and_is_told(office: Office, clinician: User) -> None:
    theirs, membership = Client(), clinician.memberships.get()
    theirs.force_login(clinician)
    ApiToken.objects.issue(membership=membership, name="Scanner")
    assert theirs.get(reverse("diagnosis:upload")).status_code == 200
    assert office.post("role", membership, role="administrator").status_code == 302
    assert theirs.get(reverse("diagnosis:upload")).status_code == 403
    assert not ApiToken.objects.usable().exists()
    entry = AuditEvent.objects.filter(person=office.by.pk).latest("pk")
    assert (entry.event, entry.object_type, entry.object_id) == (
        Event.RIGHTS,
        "accounts.membership",
        str(membership.pk),
    )
    assert entry.detail == {
        "status": "302",
        "role": "clinician, active → administrator, active",
        "member": str(clinician.pk),
        "clinic": str(office.clinic.pk),
        "revoked_tokens": "1",
    }


def test_whoever_is_deactivated_works_elsewhere_as_before(
    office: Office, clinician: User, other_clinic: Clinic
) -> None:
    here = clinician.memberships.get()
    Membership.objects.create(user=clinician, clinic=other_clinic, role="radiographer")
    theirs = Client()
    theirs.force_login(clinician)
    theirs.post(reverse("accounts:switch_clinic"), {"membership": here.pk}, follow=True)
    ApiToken.objects.issue(membership=here, name="Scanner")
    assert office.post("deactivate", here).status_code == 302
    desk = theirs.get(reverse("diagnosis:home")).content.decode()
    assert other_clinic.name in desk
    assert office.clinic.name not in desk
    assert not ApiToken.objects.usable().exists()
    assert "Deactivated" in office.browser.get(reverse("accounts:people")).content.decode()
    assert office.post("deactivate", here).status_code == 409
    assert last().outcome == "4"
    assert office.post("restore", here).status_code == 302
    here.refresh_from_db()
    assert (here.is_active, here.role) == (True, "clinician")
    assert not ApiToken.objects.usable().exists()


def test_a_lost_second_factor_is_reset(office: Office, clinician: User) -> None:
    membership, theirs = clinician.memberships.get(), Client()
    theirs.force_login(clinician)
    assert office.post("second_factor", membership).status_code == 409
    TOTP.activate(clinician, "JBSWY3DPEHPK3PXP")
    assert (
        "Reset second factor" in office.browser.get(reverse("accounts:person", args=[membership.pk])).content.decode()
    )
    assert "set up" in office.browser.get(reverse("accounts:people")).content.decode()
    assert office.post("second_factor", membership).status_code == 302
    assert not second_factor.has_one(clinician)
    assert theirs.get(reverse("diagnosis:home")).status_code == 302
    entry = AuditEvent.objects.filter(person=office.by.pk).latest("pk")
    assert (entry.detail["second_factor"], entry.detail["member"]) == ("reset", str(clinician.pk))


def test_what_guards_more_than_this_clinic_is_not_reset_here(
    office: Office, clinician: User, other_clinic: Clinic
) -> None:
    TOTP.activate(clinician, "JBSWY3DPEHPK3PXP")
    here = clinician.memberships.get()
    there = Membership.objects.create(user=clinician, clinic=other_clinic, role="radiographer")
    refused = office.post("second_factor", here)
    assert (refused.status_code, "site’s administration" in refused.content.decode()) == (409, True)
    # Whoever answers for both clinics may.
    Membership.objects.create(user=office.by, clinic=other_clinic, role="administrator")
    Membership.objects.filter(pk=here.pk).update(is_active=False)
    assert {office.post(change, here).status_code for change in ("second_factor", "end_sessions")} == {409}
    Membership.objects.filter(pk=here.pk).update(is_active=True)
    User.objects.filter(pk=clinician.pk).update(is_staff=True)
    assert office.post("second_factor", here).status_code == 409
    assert second_factor.has_one(clinician)
    User.objects.filter(pk=clinician.pk).update(is_staff=False)
    assert office.post("second_factor", here).status_code == 302
    assert there.is_active and not second_factor.has_one(clinician)


def test_nobody_below_changes_who_runs_the_site(office: Office) -> None:
    root = User.objects.create_superuser("root@clinic.example", PASSWORD, full_name="Root")
    membership = Membership.objects.create(user=root, clinic=office.clinic, role="clinician")
    answers = {office.post(change, membership, role="radiologist").status_code for change in CHANGES}
    assert answers == {403}
    assert office.invite(root.email).status_code == 403
    membership.refresh_from_db()
    assert (membership.role, membership.is_active) == ("clinician", True)
    assert not mail.outbox


def test_the_last_administrator_stays(office: Office, member: Callable[..., User]) -> None:
    own = office.by.memberships.get()
    # Who was only invited could not sign in and take over.
    office.invite("new@clinic.example", role="administrator")
    for answer in (office.post("role", own, role="clinician"), office.post("deactivate", own)):
        assert answer.status_code == 409
        assert "would be left without an administrator" in answer.content.decode()
    member("administrator")
    assert office.post("role", own, role="clinician")["Location"] == reverse("diagnosis:home")
    assert office.browser.get(reverse("accounts:people")).status_code == 403


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_who_leave_at_once_one_stays(clinic: Clinic, member: Callable[..., User]) -> None:
    both = [member("administrator") for _ in range(2)]

    def leave(number: int) -> str:
        try:
            people.deactivate(by=both[number], membership=both[number].memberships.get())
        except Exception as refusal:  # said below
            return str(refusal)
        return ""

    told = together(2, leave)
    assert sorted(map(bool, told)) == [False, True], told
    assert Membership.objects.filter(clinic=clinic, is_active=True).count() == 1
