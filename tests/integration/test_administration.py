"""The administration: staff, clinics, tokens and contact messages."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, Clinic, Membership, User
from portal.models import ContactMessage
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser() -> User:
    return User.objects.create_superuser("root@clinic.example", PASSWORD, full_name="Ines Okafor")


@pytest.fixture
def helper() -> User:
    """May use the pages of staff and messages, and is no superuser."""
    user = User.objects.create_user("helper@clinic.example", PASSWORD, full_name="Tomas Berg", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label__in=["accounts", "portal"], codename__regex="^(view|change|add)_"
        )
    )
    return user


@pytest.fixture
def admin(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


def message(**changes: Any) -> ContactMessage:
    fields = {"name": "Ada", "email": "ada@clinic.example", "subject": "Trying it", "body": "How?"} | changes
    return ContactMessage.objects.create(**fields)


def act(client: Client, model: str, action: str, *rows: Any) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(reverse(f"admin:{model}_changelist"), data, follow=True).content.decode()


PAGES = [
    *("admin:index", "admin:accounts_user_changelist", "admin:accounts_user_add", "admin:accounts_clinic_changelist"),
    *("admin:accounts_clinic_add", "admin:accounts_apitoken_changelist", "admin:portal_contactmessage_changelist"),
]


@pytest.mark.parametrize("name", PAGES)
def test_pages_open(admin: Client, name: str) -> None:
    answer = admin.get(reverse(name))
    assert answer.status_code == 200
    assert "Chest Imaging Portal" in answer.content.decode()
    assert "css/admin.css" in answer.content.decode()


def test_marking_as_handled_says_who_and_when(admin: Client, superuser: User) -> None:
    new, other = message(), message(subject="Another")
    assert "1 message marked as handled." in act(admin, "portal_contactmessage", "mark_as_handled", new)
    new.refresh_from_db()
    assert new.handled_by == superuser
    assert new.handled_at is not None
    other.refresh_from_db()
    assert other.handled_by is None


def test_handled_messages_keep_who_and_when(admin: Client, radiographer: User) -> None:
    row = message()
    ContactMessage.objects.filter(pk=row.pk).handle(by=radiographer)
    row.refresh_from_db()
    shown = act(admin, "portal_contactmessage", "mark_as_handled", row)
    assert "0 messages marked as handled. 1 was handled earlier and stays as it is." in shown
    again = ContactMessage.objects.get(pk=row.pk)
    assert (again.handled_by, again.handled_at) == (radiographer, row.handled_at)


def test_messages_are_filtered_by_state(admin: Client, superuser: User) -> None:
    message(subject="A new one")
    ContactMessage.objects.filter(pk=message(subject="A handled one").pk).handle(by=superuser)
    address = reverse("admin:portal_contactmessage_changelist")
    new, handled = (admin.get(address, {"state": state}).content.decode() for state in ("new", "handled"))
    assert "A new one" in new
    assert "A handled one" not in new
    assert "A handled one" in handled
    assert "A new one" not in handled


def test_messages_are_read_only(admin: Client) -> None:
    row = message()
    address = reverse("admin:portal_contactmessage_change", args=[row.pk])
    assert 'name="body"' not in admin.get(address).content.decode()
    admin.post(address, {"body": "something else", "subject": "x"})
    row.refresh_from_db()
    assert row.body == "How?"
    assert admin.get(reverse("admin:portal_contactmessage_add")).status_code == 403


def test_a_message_cannot_smuggle_markup_into_the_administration(admin: Client) -> None:
    row = message(subject="<script>alert(1)</script>", body="<img src=x>")
    address = reverse("admin:portal_contactmessage_change", args=[row.pk])
    for shown in (admin.get(reverse("admin:portal_contactmessage_changelist")), admin.get(address)):
        assert "<script>alert" not in shown.content.decode()
        assert "<img src=x>" not in shown.content.decode()


def test_tokens_show_no_digest_and_can_be_revoked(admin: Client, clinician: User) -> None:
    token, secret = ApiToken.objects.issue(membership=clinician.memberships.get(), name="Ward 3 scanner")
    for address in (
        reverse("admin:accounts_apitoken_changelist"),
        reverse("admin:accounts_apitoken_change", args=[token.pk]),
    ):
        shown = admin.get(address).content.decode()
        assert "Ward 3 scanner" in shown
        assert token.digest not in shown
        assert secret not in shown
    assert "1 token revoked." in act(admin, "accounts_apitoken", "revoke", token)
    assert not ApiToken.objects.usable().exists()
    assert admin.get(reverse("admin:accounts_apitoken_add")).status_code == 403


def inline(prefix: str, *rows: dict[str, Any]) -> dict[str, Any]:
    """The fields of a table of rows inside a form of the administration."""
    fields: dict[str, Any] = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        fields |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return fields


def test_a_new_person_is_made_with_a_role_in_a_clinic(admin: Client, clinic: Clinic) -> None:
    fields = {
        "email": "New.Person@Clinic.example",
        "full_name": "New Person",
        "usable_password": "true",
        "password1": "a long enough pass phrase",
        "password2": "a long enough pass phrase",
        **inline("memberships", {"clinic": clinic.pk, "role": "radiographer", "is_active": "on"}),
    }
    answer = admin.post(reverse("admin:accounts_user_add"), fields)
    assert answer.status_code == 302, answer.content.decode()
    person = User.objects.get(full_name="New Person")
    assert person.check_password("a long enough pass phrase")
    assert (person.is_staff, person.is_superuser) == (False, False)
    assert person.memberships.get().role == "radiographer"


def test_a_person_without_password_chooses_one_through_the_mail(admin: Client) -> None:
    from django.core import mail

    fields = {"email": "later@clinic.example", "full_name": "Later", "usable_password": "false"} | inline("memberships")
    assert admin.post(reverse("admin:accounts_user_add"), fields).status_code == 302
    assert not User.objects.get(email="later@clinic.example").has_usable_password()
    Client().post(reverse("account_reset_password"), {"email": "later@clinic.example"})
    assert "It works once" in mail.outbox[0].body


def test_passwords_are_spoken_of_in_plain_words(admin: Client, clinician: User) -> None:
    later = User.objects.create_user("later@clinic.example", None, full_name="Later")
    pages = [reverse("admin:accounts_user_add")]
    for user in (clinician, later):
        pages += [
            reverse(f"admin:{name}", args=[user.pk]) for name in ("accounts_user_change", "auth_user_password_change")
        ]
    for page in pages:
        assert "authentication" not in admin.get(page).content.decode()
    address = reverse("admin:auth_user_password_change", args=[later.pk])
    fields = {"password1": "a long enough pass phrase", "password2": "a long enough pass phrase", "set-password": "1"}
    assert admin.post(address, fields).status_code == 302
    later.refresh_from_db()
    assert later.check_password("a long enough pass phrase")
    assert admin.post(address, {"usable_password": "false", "unset-password": "1"}).status_code == 302
    later.refresh_from_db()
    assert not later.has_usable_password()


def test_an_address_is_taken_in_any_case(admin: Client, clinician: User) -> None:
    fields = {"email": clinician.email.upper(), "full_name": "Twin", "usable_password": "false"} | inline("memberships")
    answer = admin.post(reverse("admin:accounts_user_add"), fields)
    assert answer.status_code == 200
    assert not User.objects.filter(full_name="Twin").exists()


@pytest.mark.parametrize("model", ["user", "clinic", "apitoken"])
def test_what_history_names_is_never_deleted(admin: Client, clinician: User, model: str) -> None:
    ApiToken.objects.issue(membership=clinician.memberships.get(), name="Scanner")
    row = {"user": clinician, "clinic": Clinic.objects.get(), "apitoken": ApiToken.objects.get()}[model]
    assert admin.get(reverse(f"admin:accounts_{model}_delete", args=[row.pk])).status_code == 403
    assert "delete_selected" not in admin.get(reverse(f"admin:accounts_{model}_changelist")).content.decode()


def test_a_helper_cannot_raise_anybody(client: Client, helper: User, clinician: User) -> None:
    client.force_login(helper)
    address = reverse("admin:accounts_user_change", args=[clinician.pk])
    assert 'name="is_superuser"' not in client.get(address).content.decode()
    own = Membership.objects.get(user=clinician)
    fields = {
        "email": clinician.email,
        "full_name": "Renamed",
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        **inline("memberships", {"id": own.pk, "user": clinician.pk, "clinic": own.clinic_id, "role": own.role}),
        "memberships-INITIAL_FORMS": 1,
        "memberships-0-is_active": "on",
    }
    answer = client.post(address, fields)
    assert answer.status_code == 302, answer.content.decode()
    clinician.refresh_from_db()
    assert clinician.full_name == "Renamed"
    assert (clinician.is_staff, clinician.is_superuser) == (False, False)


def test_a_helper_cannot_take_over_a_superuser(client: Client, helper: User, superuser: User) -> None:
    client.force_login(helper)
    new = {
        "password1": "a long enough pass phrase",
        "password2": "a long enough pass phrase",
        "usable_password": "true",
    }
    answer = client.post(reverse("admin:auth_user_password_change", args=[superuser.pk]), new)
    assert answer.status_code == 403
    superuser.refresh_from_db()
    assert superuser.check_password(PASSWORD)
    client.post(reverse("admin:accounts_user_change", args=[superuser.pk]), {"email": "mine@clinic.example"})
    superuser.refresh_from_db()
    assert superuser.email == "root@clinic.example"


def test_the_list_of_staff_asks_the_database_no_more_for_more_people(
    admin: Client, member: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(6):
        member("clinician")
    with django_assert_max_num_queries(14):
        admin.get(reverse("admin:accounts_user_changelist"))


def test_addresses_and_factors_beside_the_account_have_no_page(admin: Client, clinician: User) -> None:
    index = admin.get(reverse("admin:index")).content.decode()
    assert "Email addresses" not in index
    assert "uthenticator" not in index and admin.get("/admin/mfa/authenticator/").status_code == 404
    person = admin.get(reverse("admin:accounts_user_change", args=[clinician.pk])).content.decode()
    assert "Can add patient" in person and "authenticator" not in person


def test_a_message_is_handled_where_it_is_read(admin: Client, superuser: User) -> None:
    row = message()
    address = reverse("admin:portal_contactmessage_change", args=[row.pk])
    shown = admin.get(address).content.decode()
    assert "Mark as handled" in shown
    assert 'name="_save"' not in shown
    act(admin, "portal_contactmessage", "mark_as_handled", row)
    assert "Mark as handled" not in admin.get(address).content.decode()


def test_whoever_may_only_look_cannot_handle(client: Client, helper: User) -> None:
    helper.user_permissions.set(Permission.objects.filter(codename="view_contactmessage"))
    client.force_login(helper)
    row = message()
    act(client, "portal_contactmessage", "mark_as_handled", row)
    row.refresh_from_db()
    assert row.handled_at is None
