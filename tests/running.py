"""Fixtures that run the real thing: a worker process, a browser. Loaded by tests/conftest.py."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import redis

from portal.embedded.process import Process
from portal.embedded.worker import worker_process
from tests import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

ROOT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
READY_SECONDS = 180
EXPECT_MS = 60_000


def database_url() -> str:
    """The test database, as another process reaches it."""
    from django.db import connection

    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    password = f":{quote(found['PASSWORD'], safe='')}" if found["PASSWORD"] else ""
    return f"postgres://{found['USER']}{password}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


class Worker:
    """A real worker process, with its beat, on the test database and the test broker; `options` are Celery's."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.log = folder / "worker.log"
        schedule = folder / "beat" / "schedule"
        self._process: Process = worker_process(root=ROOT, schedule=schedule, log=self.log, options=options)
        self._process.environment = {
            **self._process.environment,
            "DATABASE_URL": database_url(),
            "DJANGO_ALLOW_ASYNC_UNSAFE": "",
        }

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    def start(self) -> None:
        """Returns when the worker takes jobs."""
        said = self._said()
        self._process.start()
        deadline = time.monotonic() + READY_SECONDS
        while " ready." not in self._said()[len(said) :]:
            assert self.running and time.monotonic() < deadline, f"The worker did not start:\n{self._said()}"
            time.sleep(0.1)

    def stop(self) -> None:
        """Politely, as a new release does it."""
        self._process.stop()

    def kill(self) -> None:
        """The whole worker at once, as a power cut does it."""
        self._process.sweep()
        self._process.stop()

    def _said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def worker(transactional_db: None, tmp_path: Path) -> Iterator[Worker]:
    """Runs from the first line of the test; it may stop, kill and start it."""
    from django.conf import settings

    redis.Redis.from_url(settings.REDIS_URL).flushdb()  # nothing of an earlier test
    worker = Worker(tmp_path)
    try:
        worker.start()
        yield worker
    finally:
        worker.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium."""
    from playwright.sync_api import expect

    if chromium.find() is None:
        if CI:
            pytest.fail(chromium.MISSING)
        pytest.skip(chromium.MISSING)
    # Playwright keeps an event loop in this thread; Django would then refuse the tests' own queries.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    # A page may be slow while both cores test; what never comes true still fails.
    expect.set_options(timeout=EXPECT_MS)
    with chromium.launched() as browser:
        yield browser
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A fresh page on the running site. The test fails when a script fails or the content policy is broken."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if _breaks_policy(message.text) else None)
    yield page
    context.close()
    assert not faults, faults


def _breaks_policy(text: str) -> bool:
    return "Content Security Policy" in text or "Content-Security-Policy" in text
