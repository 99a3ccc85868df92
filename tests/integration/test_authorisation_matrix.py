"""Everybody asks for everything; what they get is what docs/authorisation.md says."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.test import Client

from accounts.models import ApiToken, Clinic, Invitation, OpenSession, User
from accounts.roles import ROLES
from diagnosis.models import Notification, Phrase, SavedFilter, SecondLook
from ml.serving import catalogue
from network.models import RemoteEntity
from orders.models import OrderSource
from portal import script_catalogue
from portal.models import ContactMessage
from tests.authorisation import (
    ALLOWED,
    AS_AT_HOME,
    HIDDEN,
    LED,
    LETTERS,
    NO_METHOD,
    PAGE,
    REFUSED,
    SIGN_IN,
    Matrix,
    Route,
    ask,
    cells,
    drawing,
    routes,
)
from tests.integration.test_audit_routes import World, world
from tests.unit.diagnosis.views.test_permission_matrix import CLINIC_VIEWS, OBJECT_VIEWS, may

__all__ = ["world"]  # a fixture

COLUMNS = {"radiographer": "Rg", "clinician": "Cl", "trainee": "Tr", "radiologist": "Rd", "administrator": "Ad"}
FIRST = (COLUMNS["radiologist"], COLUMNS["administrator"])
ANYBODY, LEFT, SITE = "any", "left", "site"
THERE = "′"
# What visitors may open.
PUBLIC = {
    *("account_inactive", "account_login", "account_logout", "account_signup", "accounts:alive", "api:tokens"),
    *("account_reset_password", "account_reset_password_done", "account_reset_password_from_key"),
    *("account_reset_password_from_key_done", "accounts:invitation", "accounts:invitation_link"),
    *("portal:home", "portal:about", "portal:questions", "portal:contact", "portal:contact_thanks"),
    *("admin:logout", "healthz", "readyz", "script_catalogue", "mfa_authenticate", "fhir:metadata"),
    "diagnosis:report-verify",  # by whoever holds the paper; it says no name
}
# With a key in their address that is of no clinic; whoever has no passkey is led away from removing one.
OF_NO_CLINIC = {
    *("diagnosis:model-card", "diagnosis:oversight-download", "mfa_remove_webauthn", "fhir:Device"),
    "delivery:destination-add",  # its argument is a kind
}
# Where nobody gets through, and why.
CLOSED = {
    "GET portal:styleguide": "only with DEBUG",
    "GET api:token-current": "only with a token",
    "DELETE api:token-current": "only with a token",
    **dict.fromkeys(("POST predecessor:sendbase64", "POST predecessor:upload"), "only with a token"),
    "POST accounts:switch_clinic": "a form without a clinic",
    "POST diagnosis:oversight-jobs": "a form without analyses",
    "POST diagnosis:regroup-undo": "the correction is of another kind: see test_regrouping",
    "POST diagnosis:patient-confidential": "a form without an act",
    "POST diagnosis:emergency-end": "another person's, and it has ended",
    "POST network:received-attach": "a form without a patient",
    **dict.fromkeys(("POST dicomweb:dicom-find-studies", "POST dicomweb:dicom-study"), "only with DICOMWEB_STORE"),
    "GET network:received-preview": "nothing was received but names",
    "GET diagnosis:acceptance-paper": "the set is not closed: see test_acceptance",
}


@pytest.fixture
def subjects(world: World, clinic: Clinic) -> World:
    """What the other test has no need to open: one's own things, people, and the rows of the administration."""
    own, person = world.people["radiologist"], world.people["other"]
    notice = Notification.objects.of(own).first()
    assert notice
    card = catalogue(settings.ML_WEIGHTS_ROOT)[0]
    token, _ = ApiToken.objects.issue(membership=own.memberships.get(), name="matrix")
    secret = Invitation.objects.issue(
        user=User.objects.create_user("new@clinic.example", None), by=world.people["root"]
    )
    TOTP.activate(own, "A" * 32)
    RecoveryCodes.activate(own)
    passkey = Authenticator.objects.create(user=person, type=Authenticator.Type.WEBAUTHN, data={"name": "Key"})
    message = ContactMessage.objects.create(name="Ines", email="ines@clinic.example", subject="A", body="B")
    world.subjects |= {
        "notification": [notice.pk],
        "notice": [notice.pk],
        "token": [token.pk],
        "revoke_token": [token.pk],
        "end_session": [OpenSession.objects.create(user=own, digest="0" * 64).pk],
        "mfa_remove_webauthn": [passkey.pk],
        "queue-filter-delete": [SavedFilter.objects.create(user=own, name="Mine", chosen={}).pk],
        "phrase": [Phrase.objects.create(clinic=clinic, owner=own, name="Mine", findings="Clear.").pk],
        "person": [person.memberships.get().pk],
        "invitation_link": [secret],
        "account_reset_password_from_key": ["1", "nothing"],
        "model-card": [card.name, card.version],
        "analysis-rerun": world.subjects["scan"],
        "second-look-take": [SecondLook.objects.get().report_id],
        "script_catalogue": ["en-gb", script_catalogue.digest("en-gb")],
        "app_list": ["accounts"],
        "accounts_user": [person.pk],
        "auth_user_password_change": [person.pk],
        "accounts_clinic": [clinic.pk],
        "accounts_apitoken": [token.pk],
        "auth_group": [Group.objects.create(name="Staff").pk],
        "portal_contactmessage": [message.pk],
        "network_remoteentity": [RemoteEntity.objects.get(title="MODALITY").pk],
        "orders_ordersource": [OrderSource.objects.get().pk],
        "view_on_site": [ContentType.objects.get_for_model(User).pk, person.pk],
    }
    return world


@pytest.fixture
def actors(subjects: World, member: Callable[..., User], other_clinic: Clinic) -> dict[str, Client]:
    """Column → how it asks."""
    left = member("radiologist")
    left.memberships.update(is_active=False)
    people = {column: subjects.people.get(role) or member(role) for role, column in COLUMNS.items()}
    people |= {column + THERE: member(role, at=other_clinic) for role, column in COLUMNS.items()}
    people |= {LEFT: left, SITE: User.objects.create_superuser("site@clinic.example", None, full_name="Site")}
    clients = {column: Client(raise_request_exception=False) for column in (ANYBODY, *people)}
    for column, user in people.items():
        clients[column].force_login(user)
    return clients


@pytest.fixture
def quiet(settings: Any) -> Iterator[None]:
    """No pages are drawn, thousands of refusals are not logged, and nobody has to sign in again meanwhile."""
    settings.TEMPLATES = [{"BACKEND": "tests.authorisation.Unrendered"}]
    settings.IDLE_SECONDS, settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0, 24 * 3600
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def matrix(subjects: World, actors: dict[str, Client], quiet: None) -> Matrix:
    made: Matrix = {}
    for route in routes():
        cache.clear()  # limits of one do not close the door to the next
        where = subjects.address(route.name)
        for method in route.methods:
            if letters := _letters(route, method, where, actors):
                made[route, method] = letters
    return made


def _letters(route: Route, method: str, where: str, actors: dict[str, Client]) -> dict[str, str]:
    """Empty where the address does not take the method, which the first of them are told."""
    first = {column: ask(actors[column], method, where) for column in FIRST}
    if set(first.values()) == {NO_METHOD}:
        return {}
    rest = {
        column: ask(actors[column], method, where)
        for column in actors
        if column not in first and not _is_as_at_home(route, column)
    }
    return {column: {**first, **rest}.get(column, AS_AT_HOME) for column in actors}


def _is_as_at_home(route: Route, column: str) -> bool:
    return column.endswith(THERE) and not route.arguments


def test_everybody_gets_what_the_page_says(matrix: Matrix) -> None:
    faults = [*_open(matrix), *_against_the_table(matrix), *_for_nobody(matrix)]
    print(f"\nauthorisation cells {cells(matrix)}, open {len(faults)}")  # for tests.bench.safe
    page = drawing(matrix)
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(page)
    assert set(COLUMNS) == set(ROLES)
    assert not faults, "\n".join(faults)
    stale = sorted(set(page.splitlines()) ^ set(PAGE.read_text().splitlines()))
    assert not stale, "\n".join(["docs/authorisation.md is stale; read what changed, then run make docs:", *stale])


def _open(matrix: Matrix) -> Iterator[str]:
    """Cells that nobody may have, whatever the page says."""
    for (route, method), letters in matrix.items():
        for column, letter in letters.items():
            if letter not in LETTERS or (letter == ALLOWED and not _may_be_open(route, column)):
                yield f"{method} {route.name}: {column} got {letter}"


def _may_be_open(route: Route, column: str) -> bool:
    if column == ANYBODY:
        return route.name in PUBLIC
    is_outside = column.endswith(THERE) or column in (LEFT, SITE)
    is_theirs = route.name in PUBLIC | OF_NO_CLINIC or not route.arguments
    return is_theirs or not is_outside or (column == SITE and route.name.startswith("admin:"))


def _against_the_table(matrix: Matrix) -> Iterator[str]:
    """What should be, of the pages that the table of permissions lists, asked as it says."""
    for (route, method), letters in matrix.items():
        space, _, view = route.name.partition(":")
        if space != "diagnosis" or view not in {*OBJECT_VIEWS, *CLINIC_VIEWS}:
            continue
        asked = OBJECT_VIEWS[view][2].upper() if view in OBJECT_VIEWS else "GET"
        if (method, asked) == ("GET", "POST"):
            yield f"{route.name}: a link changes something"
        elif method == asked:
            wrong = [column for column, right in _expected(view, letters) if letters[column] not in right]
            yield from (f"{method} {route.name}: {column} got {letters[column]}" for column in wrong)


def _expected(view: str, letters: dict[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    needed = OBJECT_VIEWS[view][1] if view in OBJECT_VIEWS else CLINIC_VIEWS[view]
    yield ANYBODY, (SIGN_IN,)
    for role, column in COLUMNS.items():
        yield column, (ALLOWED, LED) if may(role, needed) else (REFUSED,)
    if view in OBJECT_VIEWS:
        yield from ((column, (HIDDEN,)) for column in letters if column == LEFT or column.endswith(THERE))


def _for_nobody(matrix: Matrix) -> Iterator[str]:
    """Where nobody gets through there was nothing at the address, and the row would prove nothing.

    In the administration much is closed to everybody.
    """
    for (route, method), letters in matrix.items():
        is_closed = f"{method} {route.name}" in CLOSED or route.name.startswith("admin:")
        if not is_closed and not {ALLOWED, LED} & set(letters.values()):
            yield f"{method} {route.name}: nobody got through"
