"""What the world sees: a few open pages, and a closed door in front of everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse

from diagnosis.results import intended_use
from portal import urls as portal_urls
from tests.unit.ml.specs import POINT, SPEC

pytestmark = pytest.mark.django_db

OPEN = ["portal:home", "portal:about", "portal:questions", "portal:contact", "portal:contact_thanks"]
ENTRANCE = [
    "account_login",
    "account_signup",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
]


@pytest.mark.parametrize("name", OPEN + ENTRANCE)
def test_open_to_everybody(client: Client, name: str) -> None:
    answer = client.get(reverse(name))
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    page = answer.content.decode()
    assert page.count("<h1") == 1
    assert 'href="#main"' in page
    assert '<html lang="en-GB"' in page


@pytest.mark.parametrize("name", ["portal:home", "portal:about", "portal:questions"])
def test_signed_in_staff_see_them_in_their_own_shell(client: Client, clinician: Any, name: str) -> None:
    client.force_login(clinician)
    page = client.get(reverse(name)).content.decode()
    assert "Sign out" in page
    assert reverse("diagnosis:home") in page


def test_the_about_page_says_what_it_must_not_be_used_for(client: Client) -> None:
    page = client.get(reverse("portal:about")).content.decode()
    for sentence in (
        "Not a diagnosis",
        "Not for screening",
        "viral test is the specific test",
        "not a certified medical device",
    ):
        assert sentence in page
    assert intended_use.SENTENCE in page.replace("&#x27;", "'")


def install(root: Path, text: str) -> None:
    folder = root / "tiny-cxr" / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(text)


def test_the_about_page_shows_the_measured_numbers_of_the_active_classifiers(client: Client, tmp_path: Path) -> None:
    install(tmp_path, SPEC.to_json())
    with override_settings(ML_WEIGHTS_ROOT=tmp_path):
        page = client.get(reverse("portal:about")).content.decode().replace("\u00a0", " ")
    assert "tiny-cxr" in page
    for number in ("94.0 %", "(90.0 % to 97.0 %)", "81.0 %", "(78.0 % to 85.0 %)", POINT.measured_on):
        assert number in page
    assert SPEC.must_not_use in page


def test_a_switched_off_classifier_is_not_advertised(client: Client, tmp_path: Path) -> None:
    install(tmp_path, SPEC.to_json())
    with override_settings(ML_WEIGHTS_ROOT=tmp_path, INACTIVE_CLASSIFIERS=frozenset({"tiny-cxr"})):
        assert "tiny-cxr" not in client.get(reverse("portal:about")).content.decode()


def test_a_damaged_classifier_does_not_hide_what_the_portal_must_not_be_used_for(
    client: Client, tmp_path: Path
) -> None:
    install(tmp_path, "{")
    with override_settings(ML_WEIGHTS_ROOT=tmp_path):
        page = client.get(reverse("portal:about")).content.decode()
    assert "Not a diagnosis" in page
    assert "No classifier is active here" in page


def test_without_a_classifier_the_about_page_says_so(client: Client, tmp_path: Path) -> None:
    with override_settings(ML_WEIGHTS_ROOT=tmp_path):
        assert "No classifier is active here" in client.get(reverse("portal:about")).content.decode()


def test_there_are_enough_questions(client: Client) -> None:
    assert client.get(reverse("portal:questions")).content.decode().count("<details>") >= 10


def test_the_style_guide_is_for_developers_only(client: Client) -> None:
    assert client.get(reverse("portal:styleguide")).status_code == 404
    with override_settings(DEBUG=True):
        assert client.get(reverse("portal:styleguide")).status_code == 200


def patterns(resolver: URLResolver, prefix: str = "") -> list[tuple[str, URLPattern]]:
    found = []
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            found += patterns(entry, prefix + str(entry.pattern))
        else:
            found.append((prefix + str(entry.pattern), entry))
    return found


def test_nothing_else_is_open() -> None:
    """The views that may be called without signing in, by their addresses; a new one has to be added here."""
    openly = {
        address
        for address, entry in patterns(get_resolver())
        if not getattr(entry.callback, "login_required", True) and not address.startswith(("api/", "fhir/", "admin/"))
    }
    assert openly == {
        *("", "about/", "questions/", "contact/", "contact/thanks/", "styleguide/", "healthz", "readyz"),
        "jsi18n/<str:language>/<str:digest>.js",  # the translations of the scripts
        *("accounts/sign-in/", "accounts/sign-up/", "accounts/sign-out/", "accounts/inactive/"),
        "verify/<slug:code>/",  # where the code on a report leads; it says only whether the report is genuine
        *("accounts/password/reset/", "accounts/password/reset/sent/", "accounts/password/reset/key/done/"),
        r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        "accounts/second-factor/code/",  # the second step of signing in
        "accounts/alive/",  # says that nobody is signed in
        *("accounts/invitation/", "accounts/invitation/<str:secret>/"),  # where somebody new chooses a password
        *("sendbase64", "upload"),  # programs of the old kind, which bring a token as those of api/ do
    }


@pytest.mark.parametrize(
    "name", ["diagnosis:home", "diagnosis:patient-list", "accounts:profile", "account_change_password"]
)
def test_everything_else_asks_to_sign_in(client: Client, name: str) -> None:
    answer = client.get(reverse(name))
    assert (answer.status_code, answer.url) == (302, f"{reverse('account_login')}?next={reverse(name)}")


# --- pages of errors ---------------------------------------------------------------------------------------


@login_not_required
def fail(request: Any) -> HttpResponse:
    raise RuntimeError("a secret detail")


@login_not_required
def refuse(request: Any) -> HttpResponse:
    raise PermissionDenied("Your role in North Clinic does not allow you to upload scans.")


@login_not_required
def misread(request: Any) -> HttpResponse:
    raise BadRequest("a secret detail")


urlpatterns = [*portal_urls.urlpatterns, path("fail/", fail), path("refuse/", refuse), path("misread/", misread)]
handler400, handler403, handler404 = portal_urls.handler400, portal_urls.handler403, portal_urls.handler404
handler429, handler500 = portal_urls.handler429, portal_urls.handler500


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "status", "sentence"),
    [
        ("/fail/", 500, "Something went wrong"),
        ("/misread/", 400, "The portal could not read this request"),
        ("/refuse/", 403, "Your role in North Clinic does not allow you to upload scans."),
        ("/nothing-here/", 404, "This page does not exist"),
    ],
)
def test_an_error_says_what_happened_and_no_more(client: Client, address: str, status: int, sentence: str) -> None:
    client.raise_request_exception = False
    answer = client.get(address)
    page = answer.content.decode()
    assert answer.status_code == status
    assert sentence in page
    assert "secret detail" not in page
    assert "Chest Imaging Portal" in page
    assert "css/tokens.css" in page


def test_the_error_page_needs_neither_person_nor_database(django_assert_num_queries: Any) -> None:
    from portal.views import errors

    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with django_assert_num_queries(0):
        assert errors.server_error(request).status_code == 500


def test_every_page_in_the_manifest_of_the_installed_app_exists(client: Client, clinician: Any) -> None:
    import json

    manifest = json.loads((Path(settings.BASE_DIR) / "static" / "manifest.webmanifest").read_text())
    client.force_login(clinician)
    assert client.get(manifest["start_url"]).status_code == 200
    for icon in manifest["icons"]:
        assert (Path(settings.BASE_DIR) / "static" / icon["src"]).exists()
