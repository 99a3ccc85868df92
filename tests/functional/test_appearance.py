"""The shell in a real browser: policy, small screens, keyboard, themes. The `page` fixture fails on a broken policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import ApiToken, Clinic, Membership, User
from portal.models import ContactMessage
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"width": 390, "height": 844}
PUBLIC = ["portal:home", "portal:about", "portal:questions", "portal:contact", "portal:contact_thanks", "account_login"]
STAFF = ["diagnosis:home", "accounts:profile", "account_change_password", "account_logout", "portal:home"]
ADMIN = [
    *("admin:index", "admin:accounts_user_changelist", "admin:accounts_user_add", "admin:accounts_clinic_changelist"),
    *("admin:accounts_apitoken_changelist", "admin:portal_contactmessage_changelist"),
]
# Links inside a line of text are excepted (WCAG 2.5.8); what is left are controls.
CONTROLS = ".bar a, .bar summary, .bar input, .foot a, .button, main input, main select"
TOO_SMALL = f"""() => [...document.querySelectorAll('{CONTROLS}')]
  .filter((e) => e.checkVisibility() && !e.closest('.trap') && e.type !== 'hidden')
  .map((e) => [e.getBoundingClientRect(), e])
  .filter(([box]) => box.height < 43.5 || box.width < 43.5)
  .map(([box, e]) => e.outerHTML)"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


@pytest.fixture
def everything() -> User:
    """A superuser with two clinics, a token and a message to handle: every part of the shell has something to show."""
    user = User.objects.create_superuser("root@clinic.example", PASSWORD, full_name="Ines Okafor")
    for name, role in (("North Clinic", "radiologist"), ("A Hospital with a Long Name by the River", "administrator")):
        place = Clinic.objects.create(name=name)
        membership = Membership.objects.create(user=user, clinic=place, role=role)
    ApiToken.objects.issue(membership=membership, name="Ward 3 scanner")
    ContactMessage.objects.create(name="Ada", email="ada@clinic.example", subject="Trying it", body="How?")
    return user


def sign_in(page: Page, user: User) -> None:
    page.goto(reverse("account_login"))
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/desk/")


@pytest.mark.parametrize("name", PUBLIC)
def test_public_pages_fit_a_phone(page: Page, name: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(reverse(name))
    assert page.evaluate(OVERFLOW) == 0
    assert page.evaluate(TOO_SMALL) == []


def test_staff_pages_fit_a_phone(page: Page, everything: User) -> None:
    page.set_viewport_size(PHONE)
    sign_in(page, everything)
    for name in STAFF:
        page.goto(reverse(name))
        assert page.evaluate(OVERFLOW) == 0, name
        assert page.evaluate(TOO_SMALL) == [], name
    bar = page.get_by_role("navigation", name="Main").bounding_box()
    assert bar is not None
    assert round(bar["y"] + bar["height"]) == PHONE["height"]  # under the thumb


def test_the_last_line_is_not_behind_the_bar_at_the_bottom(page: Page, everything: User) -> None:
    page.set_viewport_size(PHONE)
    sign_in(page, everything)
    page.goto(reverse("accounts:profile"))
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    last, bar = (
        page.locator(".foot a").last.bounding_box(),
        page.get_by_role("navigation", name="Main").bounding_box(),
    )
    assert last is not None
    assert bar is not None
    assert last["y"] + last["height"] <= bar["y"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_administration_keeps_the_policy(page: Page, everything: User, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    sign_in(page, everything)
    addresses = [reverse(name) for name in ADMIN]
    addresses.append(reverse("admin:accounts_user_change", args=[everything.pk]))
    addresses.append(reverse("admin:portal_contactmessage_change", args=[ContactMessage.objects.get().pk]))
    for address in addresses:
        page.goto(address)
        page.locator("#content").wait_for()


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_the_theme_follows_the_system_until_somebody_chooses(page: Page) -> None:
    page.goto(reverse("portal:home"))
    light = background(page)
    page.emulate_media(color_scheme="dark")
    dark = background(page)
    assert light != dark
    page.locator("summary[aria-label='Appearance']").click()
    page.get_by_role("button", name="Light").click()
    assert background(page) == light
    page.goto(reverse("portal:about"))
    assert background(page) == light
    assert page.evaluate("localStorage.getItem('theme')") == "light"


def test_the_choice_holds_in_the_administration(page: Page, everything: User) -> None:
    sign_in(page, everything)
    page.locator("summary[aria-label^='Your account']").click()
    page.get_by_role("button", name="Dark").click()
    chosen = background(page)
    page.goto(reverse("admin:index"))
    assert background(page) == chosen


def test_the_first_tab_offers_to_skip_to_the_content(page: Page) -> None:
    page.goto(reverse("portal:home"))
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    box = skip.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()  # with the next frame


def test_focus_is_visible_on_every_stop(page: Page, everything: User) -> None:
    sign_in(page, everything)
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", page.evaluate("document.activeElement.outerHTML")


def test_menus_close_with_escape_and_give_the_focus_back(page: Page, everything: User) -> None:
    sign_in(page, everything)
    summary = page.locator("summary[aria-label^='Your account']")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="Sign out").is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert not page.get_by_role("button", name="Sign out").is_visible()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == summary.get_attribute("aria-label")


def test_control_k_leads_to_the_search(page: Page, everything: User) -> None:
    sign_in(page, everything)
    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.id") == "bar-search"


def test_switching_the_clinic_with_the_keyboard(page: Page, everything: User) -> None:
    sign_in(page, everything)
    page.locator("summary[aria-label^='Clinic:']").press("Enter")
    page.locator("button[name=membership]", has_text="North Clinic").press("Enter")
    page.get_by_text("You now work in North Clinic as Radiologist.").wait_for()


@pytest.fixture
def plain(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page without JavaScript."""
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_signing_in_and_out_works_without_javascript(plain: Page, everything: User) -> None:
    sign_in(plain, everything)
    plain.locator("summary[aria-label^='Your account']").click()
    assert not plain.get_by_role("button", name="Dark").is_visible()
    plain.get_by_role("button", name="Sign out").click()
    plain.get_by_role("heading", name="A second look at chest images").wait_for()


def test_a_message_is_sent_without_javascript_by_somebody_who_takes_time(
    plain: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.forms.contact.FASTEST_SECONDS", 0)
    plain.goto(reverse("portal:contact"))
    plain.get_by_label("Your name").fill("Ada Moreau")
    plain.get_by_label("Your e-mail address").fill("ada@clinic.example")
    plain.get_by_label("Subject").fill("Trying it")
    plain.get_by_label("Message").fill("How do we start?")
    plain.get_by_role("button", name="Send the message").click()
    plain.get_by_text("Thank you for your message").wait_for()
    assert ContactMessage.objects.get().subject == "Trying it"


def test_print_leaves_the_shell_out(page: Page, everything: User) -> None:
    sign_in(page, everything)
    page.emulate_media(media="print")
    assert not page.locator("header.bar").is_visible()
    assert page.get_by_text("Decision support, not a diagnosis.").is_visible()
