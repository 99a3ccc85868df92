"""Every page in the pseudo-locale, by every role: what stands on it untranslated is listed.

`PSEUDO_PAGES=all pytest tests/functional/test_pseudo_locale.py` walks all pages, `PSEUDO_PAGES=diagnosis:queue` one;
without it those of DONE.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import ApiToken, Clinic, Membership, User
from diagnosis.models import Patient, Scan
from portal import product
from portal.catalogues import PSEUDO
from portal.models import ContactMessage
from tests.conftest import CI, PASSWORD
from tests.factories import WORDS, finish, new_case, new_patient, read
from tests.functional.steps import settled
from tests.functional.unwrapped import unwrapped

pytestmark = pytest.mark.django_db(transaction=True)

# No page of words: why nobody reads anything there.
NOT_PAGES = {
    "answers a form or a script": [
        *("accounts:issue_token", "accounts:revoke_token", "accounts:save_locale", "accounts:switch_clinic"),
        *("diagnosis:analysis-cancel", "diagnosis:analysis-rerun", "diagnosis:notification"),
        *("diagnosis:notifications-read", "diagnosis:report-addendum", "diagnosis:report-revise"),
        *("diagnosis:report-sign", "diagnosis:review-claim", "diagnosis:review-decide", "diagnosis:review-draft"),
        *("diagnosis:review-impression", "diagnosis:review-leave", "diagnosis:review-next"),
        *("diagnosis:review-release", "diagnosis:review-renew", "diagnosis:review-second", "diagnosis:review-urgent"),
        *("diagnosis:review-neighbours", "diagnosis:notifications-unread", "diagnosis:scan-progress"),
        *("diagnosis:scan-viewer", "diagnosis:scan-slices", "diagnosis:scan-slice-scores"),
        *("diagnosis:correction-undo", "admin:autocomplete"),
    ],
    "part of a page that is walked": ["diagnosis:scan-result", "diagnosis:review-result"],
    "a file": [
        *("diagnosis:scan-image", "diagnosis:scan-thumbnail", "diagnosis:scan-original", "diagnosis:scan-greyscale"),
        *("diagnosis:prediction-attention", "diagnosis:prediction-seen", "diagnosis:report-pdf"),
        *("diagnosis:oversight-download", "script_catalogue", "admin:jsi18n"),
    ],
    "for programs, or their documentation in English": ["healthz", "readyz", "api:"],
    "for those who build pages, with DEBUG=1": ["portal:styleguide"],
    "leads elsewhere": [
        *("admin:login", "admin:logout", "admin:password_change", "admin:password_change_done", "admin:view_on_site"),
    ],
}
# The pages whose every word is translated, with the templates and modules they show.
DONE: set[str] = {
    *("portal:home", "portal:questions", "portal:contact", "portal:contact_thanks"),
    *("account_login", "account_signup", "account_inactive", "account_reset_password"),
    *("account_reset_password_done", "account_reset_password_from_key", "account_reset_password_from_key_done"),
    *("account_change_password", "account_logout", "account_reauthenticate", "accounts:profile"),
}
OPEN = ("portal:", "account_")
# Open pages on which somebody who is signed in has something to do.
OPEN_TO_STAFF = ("portal:", "account_change_password", "account_logout", "account_reauthenticate")
OWN_ARGUMENTS = {
    "account_reset_password_from_key": "key",
    "admin:app_list": "app",
    "admin:auth_user_password_change": "accounts_user",
    "diagnosis:model-card": "card",
    "diagnosis:report-verify": "code",
    "diagnosis:scan-upload": "patient",
}
ROLES = ("visitor", "radiographer", "clinician", "radiologist", "administrator", "root")


@dataclass
class World:
    """A clinic at work: something to see on every page."""

    clinic: Clinic
    people: dict[str, User]
    patients: list[Patient] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    arguments: dict[str, Any] = field(default_factory=dict)

    def data(self) -> list[str]:
        """Names and numbers that belong to people, files and classifiers, in every way they are written."""
        found = [
            product.NAME,
            self.clinic.name,
            "a.png",
            "Ward 3 scanner",
            "Ward staff",
            WORDS["impression"],
            "Clear lungs.",
        ]
        found += ["Ada", "ada@clinic.example", "Trying it", "How?"]
        found += ["panel-cxr", "held-out images", "the test part", *(f"classifier-{number}" for number in range(3))]
        for user in self.people.values():
            found += [user.full_name, user.email]
        for patient in self.patients:
            found += [str(patient), patient.family_name, patient.given_name, patient.medical_record_number]
        return found


@pytest.fixture(scope="module")
def pseudo_locale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("xgettext") is None:
        reason = "There is no xgettext to collect sentences with: apt-get install gettext."
        if CI:
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("pseudo")
    call_command("pseudo_locale", into=folder, verbosity=0)
    return folder


@pytest.fixture
def world(
    settings: Any, pseudo_locale: Path, clinic: Clinic, member: Callable[..., User], patient: Patient
) -> Iterator[World]:
    from portal import script_catalogue

    settings.LANGUAGES = [*project.LANGUAGES, (PSEUDO, "Pseudo")]
    settings.LOCALE_PATHS = [*project.LOCALE_PATHS, pseudo_locale]
    people = {role: member(role) for role in ROLES[1:-1]}
    people["root"] = User.objects.create_superuser("root@clinic.example", PASSWORD, full_name="Ines Okafor")
    Membership.objects.create(user=people["root"], clinic=clinic, role="administrator")
    yield _filled(World(clinic, people, [patient]))
    script_catalogue.script.cache_clear()
    script_catalogue.digest.cache_clear()


def _filled(world: World) -> World:
    from diagnosis.actions.report import sign_report

    by, reader = world.people["radiographer"], world.people["radiologist"]
    Clinic.objects.filter(pk=world.clinic.pk).update(language=PSEUDO)
    world.patients.append(new_patient(world.clinic, by, "N2"))
    reviews = [new_case(by, world.patients[number % 2], number, urgent=number == 1) for number in range(4)]
    world.scans = [review.scan for review in reviews]
    analysis = finish(world.scans[0], 0.9, 0.2, combined=0.55, outside=0.6)
    finish(world.scans[1], 0.1)
    finish(world.scans[2], 0.6, without="no panel")
    report = read(reader, reviews[0], decision="agree", findings="Clear lungs.").report
    sign_report(by=reader, report=report, password=PASSWORD)
    report.refresh_from_db()
    token, _secret = ApiToken.objects.issue(membership=by.memberships.get(), name="Ward 3 scanner")
    message = ContactMessage.objects.create(name="Ada", email="ada@clinic.example", subject="Trying it", body="How?")
    patient = world.patients[0]
    given = {
        "patient": patient.pk,
        "scan": world.scans[0].pk,
        "analysis": analysis.pk,
        "review": reviews[2].pk,
        "report": report.pk,
        "code": report.verification_code,
        "accounts_user": by.pk,
        "accounts_clinic": world.clinic.pk,
        "accounts_apitoken": token.pk,
        "portal_contactmessage": message.pk,
        "auth_group": Group.objects.create(name="Ward staff").pk,
        "app": "accounts",
        "diagnosis_patient": patient.pk,
        "diagnosis_scan": world.scans[0].pk,
        "diagnosis_analysis": analysis.pk,
    }
    world.arguments = {
        **{name: [one] for name, one in given.items()},
        "card": ["classifier-0", "1.2.3"],
        "key": ["1", "set-password"],
    }
    return world


def names() -> list[str]:
    """Every address that has a name, so that a new page cannot be forgotten here."""

    def walk(resolver: URLResolver, spaces: tuple[str, ...] = ()) -> Iterator[str]:
        for pattern in resolver.url_patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern, (*spaces, pattern.namespace) if pattern.namespace else spaces)
            elif isinstance(pattern, URLPattern) and pattern.name:
                yield ":".join((*spaces, pattern.name))

    silent = tuple(name for several in NOT_PAGES.values() for name in several)
    return sorted({name for name in walk(get_resolver()) if not name.startswith(silent)} | set(_exact(silent)))


def _exact(silent: tuple[str, ...]) -> list[str]:
    """Pages whose names only begin like one of NOT_PAGES."""
    return [name for name in ("diagnosis:notifications", "diagnosis:review", "admin:index") if name not in silent]


def address(name: str, world: World) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return reverse(name, args=world.arguments[about(name)])


def about(name: str) -> str:
    """Which of World.arguments the page wants: that of its own name, else that of what its name begins with."""
    if name in OWN_ARGUMENTS:
        return OWN_ARGUMENTS[name]
    space, _colon, rest = name.partition(":")
    return rest.rpartition("_")[0] if space == "admin" else rest.split("-")[0]


def wanted(role: str) -> list[str]:
    asked = os.environ.get("PSEUDO_PAGES", "")
    chosen = names() if asked == "all" else asked.split(",") if asked else [name for name in names() if name in DONE]
    if role == "visitor":
        return [name for name in chosen if name.startswith(OPEN)]
    return [name for name in chosen if not name.startswith(OPEN) or name.startswith(OPEN_TO_STAFF)]


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer, world: World) -> Iterator[Callable[[str], Page]]:
    """`visit(role)`: a browser in which that person is signed in, and that asks for the pseudo-locale."""
    opened: list[Page] = []

    def start(role: str) -> Page:
        context = browser.new_context(base_url=live_server.url, extra_http_headers={"Accept-Language": PSEUDO})
        if role in world.people:
            client = Client()
            client.force_login(world.people[role])
            session = client.cookies[project.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        opened.append(context.new_page())
        return opened[-1]

    yield start
    for page in opened:
        with settled(page):
            page.goto("/healthz")
        page.context.close()


def test_every_page_is_walked_or_named_as_none() -> None:
    """And DONE names none that is gone."""
    assert set(names()) >= DONE


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_untranslated(role: str, visit: Callable[[str], Page], world: World) -> None:
    page = visit(role)
    found: dict[str, list[str]] = {}
    for name in wanted(role):
        response = page.goto(address(name, world))
        assert response is not None
        if response.status >= 500:
            found[name] = [f"answered {response.status}"]
            continue
        if words := unwrapped(page, data=world.data()):
            found[name] = words
    lines = [f"{name}: {words}" for name, several in found.items() for words in several]
    assert not lines, f"{len(lines)} texts are not translated:\n" + "\n".join(lines)
