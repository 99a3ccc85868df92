"""What people do in the browser, as often as the tests need it."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection
from playwright.sync_api import FilePayload, Page, Request, Route, expect

from tests.conftest import PASSWORD
from tests.slow import PATIENCE_SECONDS

if TYPE_CHECKING:
    from accounts.models import User

# A classifier is loaded, and the machine may be busy.
PATIENCE_MS = 120_000
REST_SECONDS = 10
AT_WORK = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
    AND pid <> pg_backend_pid() AND state <> 'idle'
"""


def sign_in(page: Page, user: User) -> None:
    page.goto("/accounts/sign-in/")
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/(desk|reading)/$"))


def drop(page: Page, *files: tuple[str, bytes]) -> None:
    """Drop files as from a folder on the desktop."""
    page.wait_for_load_state()  # before, no script takes them
    given = [[name, b64encode(data).decode()] for name, data in files]
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of files)
                transfer.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name));
            return transfer;
        }""",
        given,
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": transfer})


def choose(page: Page, *files: tuple[str, bytes]) -> None:
    page.wait_for_load_state()
    page.locator("#files").set_input_files(
        [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files]
    )


def choose_by_key(page: Page, *files: FilePayload) -> None:
    """Press Enter on the field of files, and hand it `files` as its dialogue would.

    Enter has to click the field. The dialogue itself is the browser's; a busy one drops it, because a key that was
    pressed more than five seconds ago counts as nobody's wish.
    """
    field = page.locator("#files")
    page.evaluate(
        """() => document.getElementById("files").addEventListener(
            "click", (event) => { event.preventDefault(); event.target.dataset.opened = ""; }, { once: true })"""
    )
    field.press("Enter")
    expect(field).to_have_attribute("data-opened", "")
    field.set_input_files(list(files))


def until(page: Page, seen: Callable[[], bool], what: str) -> None:
    """Wait until `seen`, which may be told by the browser's events: nothing hears them while `eventually` sleeps."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not seen():
        assert time.monotonic() < deadline, f"it never happened: {what}"
        page.wait_for_timeout(50)


def until_sent(page: Page) -> None:
    # The files of a drop or a choice are looked at before they stand in the list.
    expect(page.locator("form[data-upload][aria-busy]")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.locator(".file[data-state=waiting], .file[data-state=sending]")).to_have_count(0, timeout=PATIENCE_MS)


def until_analysed(page: Page) -> None:
    expect(page.locator("[data-following], [data-poll]")).to_have_count(0, timeout=PATIENCE_MS)


@contextmanager
def settled(page: Page) -> Iterator[None]:
    """At the end of the block let nothing new start, and wait for the server's answers to what is under way."""
    under_way: set[Request] = set()
    held: set[Request] = set()

    def begun(request: Request) -> None:
        under_way.add(request)

    def ended(request: Request) -> None:
        under_way.discard(request)

    def hold(route: Route) -> None:
        held.add(route.request)

    page.on("request", begun)
    page.on("requestfinished", ended)
    page.on("requestfailed", ended)
    yield
    # Neither answered nor refused: to scripts a refusal is a fault, or a reason to ask once more.
    page.route("**/*", hold)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while under_way - held and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    _until_the_server_rests()


def _until_the_server_rests() -> None:
    """A browser that gave a request up does not stop the server, which would read a database that is being emptied."""
    if connection.vendor != "postgresql":
        return
    deadline = time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(AT_WORK)
            if cursor.fetchone() is None:
                return
        time.sleep(0.05)
