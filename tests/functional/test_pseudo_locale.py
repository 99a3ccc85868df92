"""Every page in the pseudo-locale, by every role: what stands on it untranslated is listed.

`PSEUDO_PAGES=diagnosis:queue,diagnosis:review pytest tests/functional/test_pseudo_locale.py` walks only these.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings as project
from django.core.management import call_command
from django.http import HttpRequest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import translation
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer
from reportlab.pdfgen.canvas import Canvas

from accounts.models import Clinic, Membership, User
from diagnosis.models import Patient, Report, Review
from diagnosis.reports.pdf import document
from diagnosis.reports.picture import Picture
from fhir.catalogue import KINDS
from portal.catalogues import PSEUDO
from tests.conftest import CI, PASSWORD
from tests.functional.pseudo_world import World, fill
from tests.functional.steps import choose, settled, until_sent
from tests.functional.unwrapped import left_over, unwrapped
from tests.images import xray_png

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(800)]

# By what they are read: addresses under which nobody reads a page.
NOT_PAGES = {
    "answers a form or a script": [
        *("accounts:issue_token", "accounts:revoke_token", "accounts:save_locale", "accounts:switch_clinic"),
        *("accounts:end_session", "accounts:end_other_sessions", "accounts:person_role", "accounts:person_deactivate"),
        *("accounts:person_restore", "accounts:person_link", "accounts:person_password"),
        *("accounts:person_end_sessions", "accounts:person_second_factor"),
        *("diagnosis:analysis-cancel", "diagnosis:analysis-rerun", "diagnosis:notification"),
        *("diagnosis:notifications-read", "diagnosis:notifications-unread", "diagnosis:correction-undo"),
        *("diagnosis:withdrawal-restore", "diagnosis:deletion-confirm", "diagnosis:deletion-drop"),
        *("diagnosis:deletions-confirm", "diagnosis:hold-lift", "diagnosis:retention-rule"),
        *("diagnosis:patient-emergency", "diagnosis:emergency-end", "diagnosis:emergency-review"),
        *("diagnosis:regroup-undo", "diagnosis:scan-attention", "diagnosis:critical-acknowledge"),
        *(
            "diagnosis:critical-told",
            "diagnosis:critical-withdraw",
            "diagnosis:study-follow",
            "diagnosis:patient-follow",
        ),
        "diagnosis:study-ordered-by",
        *("network:received-attach", "network:received-reject", "network:received-bring-back"),
        "network:prior-again",
        *("orders:cancel", "orders:policy", "orders:proposal-drop"),
        *("delivery:delivery-again", "delivery:delivery-cancel", "delivery:destination-echo"),
        *("diagnosis:report-addendum", "diagnosis:report-revise", "diagnosis:report-sign", "diagnosis:report-error"),
        *("diagnosis:report-hand-over", "diagnosis:report-take-back", "diagnosis:report-send-back"),
        *("diagnosis:report-authorise", "diagnosis:phrase-remove"),
        *("diagnosis:reading-sign", "diagnosis:reading-proof"),
        *("diagnosis:review-claim", "diagnosis:review-decide", "diagnosis:review-draft"),
        *("diagnosis:review-impression", "diagnosis:review-leave", "diagnosis:review-next"),
        *("diagnosis:review-release", "diagnosis:review-renew", "diagnosis:review-second"),
        *("diagnosis:queue-filter-save", "diagnosis:queue-filter-delete"),
        *("diagnosis:second-look-take", "diagnosis:second-look-return"),
        *("diagnosis:review-urgent", "diagnosis:review-neighbours", "diagnosis:scan-progress"),
        *("diagnosis:scan-viewer", "diagnosis:scan-slices", "diagnosis:scan-slice-scores", "admin:autocomplete"),
    ],
    "part of a page that is walked": [
        *("diagnosis:scan-result", "diagnosis:study-result", "diagnosis:review-result"),
    ],
    "a file": [
        *("diagnosis:scan-image", "diagnosis:scan-thumbnail", "diagnosis:scan-original", "diagnosis:scan-greyscale"),
        *("diagnosis:prediction-attention", "diagnosis:prediction-seen", "diagnosis:oversight-download"),
        *("diagnosis:report-key-image", "network:received-preview", "diagnosis:acceptance-paper"),
        *("script_catalogue", "admin:jsi18n"),
    ],
    "a file, with a test of its own below": ["diagnosis:report-pdf"],
    "for programs": [
        *(
            "accounts:alive",
            "healthz",
            "readyz",
            "api:analysis",
            "api:analysis-cancel",
            "api:attention",
            "api:classifiers",
        ),
        *("api:ensembles", "api:patient", "api:patient-history", "api:patients", "api:scan", "api:scan-analyses"),
        *("api:scan-image", "api:scan-original", "api:scans", "api:schema", "api:token", "api:token-current"),
        *("api:tokens", "api:archives", "api:studies", "api:study", "api:one-series", "api:images", "api:image"),
        *("api:analysis-images", "api:reviews", "api:review", "api:reports", "api:report", "api:report-pdf"),
        *(f"api:{noun}" for noun in ("orders", "order", "notices", "notice", "people", "person")),
        *("api:study-take-back", "predecessor:sendbase64", "predecessor:upload"),
        *(f"dicomweb:dicom-find-{what}" for what in ("studies", "series", "instances")),
        *("dicomweb:dicom-study-find-series", "dicomweb:dicom-study-find-instances"),
        "dicomweb:dicom-series-find-instances",
        *(f"dicomweb:dicom-{level}{what}" for level in ("study", "series", "instance") for what in ("", "-metadata")),
        *(f"dicomweb:dicom-{level}-thumbnail" for level in ("study", "series", "instance", "instance-frames")),
        *("dicomweb:dicom-instance-frames", "dicomweb:dicom-instance-rendered"),
        "dicomweb:dicom-instance-frames-rendered",
        "fhir:metadata",
        *(f"fhir:{kind}{ending}" for kind in KINDS for ending in ("", "-search", "-form")),
    ],
    "documentation for programmers, in English": ["api:docs"],
    "for those who build pages, with DEBUG=1": ["portal:styleguide"],
    "takes a passkey, see test_passkey.py": ["mfa_authenticate", "mfa_remove_webauthn", "mfa_reauthenticate_webauthn"],
    "leads elsewhere": [
        "mfa_list_webauthn",
        "accounts:invitation_link",
        *("admin:login", "admin:logout", "admin:password_change", "admin:password_change_done", "admin:view_on_site"),
    ],
    "always refused: nothing is added or deleted there": [
        *("admin:accounts_apitoken_add", "admin:accounts_apitoken_delete", "admin:accounts_clinic_delete"),
        *("admin:accounts_user_delete", "admin:diagnosis_analysis_add", "admin:diagnosis_analysis_delete"),
        *("admin:diagnosis_patient_add", "admin:diagnosis_patient_delete", "admin:diagnosis_scan_add"),
        *("admin:diagnosis_scan_delete", "admin:portal_contactmessage_add", "admin:network_remoteentity_delete"),
        "admin:orders_ordersource_delete",
    ],
}
VISITORS = (
    *("portal:home", "portal:about", "portal:questions", "portal:contact", "portal:contact_thanks"),
    *("account_login", "account_signup", "account_inactive", "account_reset_password"),
    *("account_reset_password_done", "account_reset_password_from_key", "account_reset_password_from_key_done"),
    "accounts:invitation",
)
STAFF = (
    *("portal:home", "portal:about", "portal:questions", "portal:contact", "portal:contact_thanks"),
    *("account_change_password", "account_logout", "account_reauthenticate", "accounts:profile"),
    *("mfa_index", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp"),
    *("mfa_add_webauthn", "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "accounts:second_factor_policy"),
    *("accounts:people", "accounts:invite", "accounts:person"),
    *("diagnosis:home", "diagnosis:upload", "diagnosis:scan-list", "diagnosis:scan-detail", "diagnosis:scan-upload"),
    *("diagnosis:study-detail", "diagnosis:study-take-back", "diagnosis:study-details"),
    *("diagnosis:scan-view", "diagnosis:analysis-detail", "diagnosis:model-card", "diagnosis:notifications"),
    *("diagnosis:patient-list", "diagnosis:patient-create", "diagnosis:patient-detail", "diagnosis:patient-edit"),
    *("diagnosis:patient-compare", "diagnosis:patient-merge", "diagnosis:scan-move"),
    *("diagnosis:patient-access", "diagnosis:oversight-access"),
    *("diagnosis:study-delete", "diagnosis:oversight-deletions", "diagnosis:oversight-retention"),
    *("diagnosis:patient-hold", "diagnosis:patient-export", "diagnosis:oversight-deidentified"),
    *("diagnosis:patient-confidential", "diagnosis:oversight-emergency"),
    *("diagnosis:study-regroup", "diagnosis:study-critical", "diagnosis:oversight-critical"),
    *("diagnosis:queue", "diagnosis:review", "diagnosis:reading-unsigned", "diagnosis:reading-preference"),
    *("diagnosis:second-looks", "diagnosis:second-look", "diagnosis:reading-authorisation"),
    *("diagnosis:phrases", "diagnosis:phrase-add", "diagnosis:phrase-change"),
    *("diagnosis:reading-policy", "diagnosis:report-detail", "diagnosis:report-verify"),
    "diagnosis:report-correct",
    *("network:received", "network:received-rejected", "network:received-study", "network:received-register"),
    "network:priors",
    *("orders:list", "orders:order"),
    *("delivery:outbox", "delivery:destinations", "delivery:destination", "delivery:destination-add"),
    *("diagnosis:oversight-overview", "diagnosis:oversight-jobs", "diagnosis:oversight-reading"),
    *("diagnosis:oversight-agreement", "diagnosis:oversight-work", "diagnosis:oversight-corrections"),
    *("diagnosis:oversight-classifiers", "diagnosis:oversight-acceptance", "diagnosis:acceptance-set"),
)
ADMINISTRATION = (
    *("admin:index", "admin:app_list", "admin:auth_user_password_change", "admin:accounts_user_add"),
    *("admin:accounts_clinic_add", "admin:auth_group_add", "admin:auth_group_delete"),
    *("admin:portal_contactmessage_delete", "admin:network_remoteentity_add"),
    "admin:orders_ordersource_add",
    *(
        f"admin:{model}_{page}"
        for model in (
            *("accounts_user", "accounts_clinic", "accounts_apitoken", "auth_group", "portal_contactmessage"),
            *("diagnosis_patient", "diagnosis_scan", "diagnosis_analysis", "network_remoteentity"),
            "orders_ordersource",
        )
        for page in ("changelist", "change", "history")
    ),
)
ROLES = {
    "visitor": VISITORS,
    "radiographer": STAFF,
    "clinician": STAFF,
    "radiologist": STAFF,
    # Who has taken a second look and not decided it yet.
    "second": ("diagnosis:second-looks", "diagnosis:second-look"),
    "administrator": STAFF,
    "root": (*STAFF, *ADMINISTRATION),
}
ON_A_PHONE = (
    *("diagnosis:home", "diagnosis:patient-detail", "diagnosis:scan-detail", "diagnosis:scan-view"),
    "diagnosis:study-detail",
    *("diagnosis:queue", "diagnosis:review", "diagnosis:report-detail", "diagnosis:notifications"),
    *("accounts:profile", "portal:home"),
)
# What Django's own administration says in English whatever the language, and what it keeps in the database.
OF_DJANGO = re.compile(
    r"img alt: (Search|True|False)"
    r"|option(?: title)?: [|\s]*Can (add|change|delete|view) [a-z -]+"
    r"|p: [: ]*md5[: *\w]+"
)
# Workers' names, and versions with the code of a class.
OF_ANALYSES = re.compile(
    r"(td\.field-worker|div\.readonly|p|td\.field-by): test|p: [\d.]+: (normal|covid|indeterminate)"
)
PHONE = {"width": 390, "height": 844}
NOWHERE = "/nowhere/"
# What is not translated yet, by page, with the reason. To be emptied; nothing is added.
REMAINING: dict[str, str] = {}


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
    people = {role: member(role) for role in ("radiographer", "clinician", "radiologist", "administrator")}
    people["second"] = member("radiologist")
    people["root"] = User.objects.create_superuser("root@clinic.example", PASSWORD, full_name="Ines Okafor")
    Membership.objects.create(user=people["root"], clinic=clinic, role="administrator")
    TOTP.activate(people["root"], "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(people["root"])
    yield fill(World(clinic, people, [patient]))
    script_catalogue.script.cache_clear()
    script_catalogue.digest.cache_clear()


def confirm(client: Client, user: User) -> None:
    """As if the password had just been typed again: the pages behind it are walked, not its form."""
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, method="password", reauthenticated=True)
    request.session.save()


def names() -> set[str]:
    """Every address that has a name."""

    def walk(resolver: URLResolver, spaces: tuple[str, ...] = ()) -> Iterator[str]:
        for pattern in resolver.url_patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern, (*spaces, pattern.namespace) if pattern.namespace else spaces)
            elif isinstance(pattern, URLPattern) and pattern.name:
                yield ":".join((*spaces, pattern.name))

    return set(walk(get_resolver()))


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer, world: World) -> Iterator[Callable[..., Page]]:
    """`visit(role)`: a browser in which that person is signed in, and that asks for the pseudo-locale."""
    opened: list[Page] = []

    def start(role: str, **options: Any) -> Page:
        headers = {"Accept-Language": PSEUDO}
        context = browser.new_context(base_url=live_server.url, extra_http_headers=headers, **options)
        if role in world.people:
            client = Client()
            client.force_login(world.people[role])
            confirm(client, world.people[role])
            session = client.cookies[project.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        opened.append(context.new_page())
        return opened[-1]

    yield start
    for page in opened:
        with settled(page):
            page.goto("/healthz")
        page.context.close()


def test_every_address_is_a_page_that_is_walked_or_named_as_none() -> None:
    silent = [name for several in NOT_PAGES.values() for name in several]
    walked = {name for pages in ROLES.values() for name in pages}
    assert len(silent) == len(set(silent))
    assert not walked & set(silent)
    assert walked | set(silent) == names()
    assert set(REMAINING) <= walked
    assert set(ON_A_PHONE) <= walked


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_untranslated(role: str, visit: Callable[..., Page], world: World) -> None:
    _refuse_untranslated(_walk(visit(role), ROLES[role], world))


def test_nothing_is_untranslated_or_too_wide_on_a_phone(visit: Callable[..., Page], world: World) -> None:
    page = visit("radiologist", viewport=PHONE, has_touch=True, is_mobile=True)
    _refuse_untranslated(_walk(page, ON_A_PHONE, world, width=PHONE["width"]))


def test_german_fits_a_phone(visit: Callable[..., Page], world: World) -> None:
    """Long words do not break where the pseudo-locale's do."""
    Clinic.objects.update(language="de")
    page = visit("radiologist", viewport=PHONE, has_touch=True, is_mobile=True)
    for name in ON_A_PHONE:
        for address in world.addresses(name):
            page.goto(address)
            assert page.locator("html").get_attribute("lang") == "de"
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
    # Who has the most areas: the bar at the bottom is fixed, so that it would not widen the page.
    page = visit("administrator", viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto(world.addresses("orders:list")[0])
    assert page.locator(".bar-nav ul").evaluate("bar => bar.scrollWidth") <= PHONE["width"]


def test_nobody_finds_a_missing_page_in_english(visit: Callable[..., Page], world: World) -> None:
    page = visit("radiologist")
    page.goto(NOWHERE)
    assert not unwrapped(page, data=[*world.data(), NOWHERE])


def test_what_becomes_of_uploaded_files_is_translated(visit: Callable[..., Page], world: World) -> None:
    """Taken, here already, and no image at all: the rows are written by the script."""
    page = visit("radiographer")
    page.goto(world.addresses("diagnosis:scan-upload")[0])
    page.locator("input[name=modality][value=cxr]").check(force=True)
    choose(page, ("a.png", xray_png(99)), ("b.png", b"No image."))
    until_sent(page)
    choose(page, ("c.png", xray_png(99)))
    until_sent(page)
    expect(page.locator(".file")).to_have_count(3)
    assert not unwrapped(page, data=[*world.data(), "b.png", "c.png"])


def test_the_answers_to_a_review_are_translated(visit: Callable[..., Page], world: World) -> None:
    """Refused where something is missing, then decided."""
    page = visit("radiologist")
    page.goto(world.addresses("diagnosis:review")[1])
    page.locator("#decide").click()
    expect(page.locator("[data-missing=category]")).to_be_visible()
    assert not unwrapped(page, data=world.data())
    page.locator("label:has(input[name=category][value=negative])").click()
    page.locator("label:has(input[name=decision][value=agree])").click()
    page.locator("label:has(input[name=image_quality][value=good])").click()
    page.locator("#id_impression").fill("Clear lungs.")
    # The page sends the form itself, once what was typed has been kept.
    with page.expect_navigation():
        page.locator("#decide").click()
    assert not unwrapped(page, data=world.data())
    assert Review.objects.filter(study=world.scans[2].study, status="decided").exists()


@pytest.mark.parametrize("state", ["final", "preliminary"])
def test_the_printed_report_is_translated(state: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text that is laid out on the page and in its margin, in the order of the layout."""
    laid_out: list[str] = []

    def listening(lay_out: Callable[..., Any], words_at: int) -> Callable[..., Any]:
        def heard(*given: Any, **options: Any) -> Any:
            laid_out.append(given[words_at])
            return lay_out(*given, **options)

        return heard

    monkeypatch.setattr(document, "_text", listening(document._text, 1))
    for name in ("drawString", "drawRightString", "drawCentredString"):
        monkeypatch.setattr(Canvas, name, listening(getattr(Canvas, name), 3))
    report = Report.objects.get(status=state, study=world.scans[0 if state == "final" else 5].study)
    with translation.override(PSEUDO):
        printed = document.render_pdf(
            report, pictures=(Picture(xray_png()),), verification_url="http://127.0.0.1/verify/"
        )
    assert printed.startswith(b"%PDF")
    codes = [report.content_sha256, report.content_sha256[:12], "0" * 12, "http://127.0.0.1/verify/"]
    left = [words for words in laid_out if left_over(words, data=[*world.data(), *codes])]
    assert not left, "\n".join(left)
    assert any("⟦" in words for words in laid_out)


def _walk(page: Page, pages: tuple[str, ...], world: World, *, width: int = 0) -> dict[str, list[str]]:
    """By page, what a reader finds in English there, and what makes it wider than `width`."""
    found: dict[str, list[str]] = {}
    for name in _asked_for(pages):
        words: list[str] = []
        for address in world.addresses(name):
            response = page.goto(address)
            assert response is not None
            words += [f"answered {response.status}"] if response.status >= 500 else unwrapped(page, data=world.data())
            wide = page.evaluate("document.documentElement.scrollWidth")
            words += [f"{wide} px wide"] if width and wide > width else []
        if name.startswith("admin:"):
            words = [one for one in words if not OF_DJANGO.fullmatch(one) and not OF_ANALYSES.fullmatch(one)]
        if words and name not in REMAINING:
            found[name] = list(dict.fromkeys(words))
    return found


def _asked_for(pages: tuple[str, ...]) -> list[str]:
    asked = os.environ.get("PSEUDO_PAGES", "all")
    return [name for name in pages if asked == "all" or name in asked.split(",")]


def _refuse_untranslated(found: dict[str, list[str]]) -> None:
    lines = [f"{name}: {words}" for name, several in found.items() for words in several]
    assert not lines, f"{len(lines)} texts are not translated:\n" + "\n".join(lines)
