"""Who writes privately: workers and the beat do, and whoever only imports the application does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.signals import beat_init, celeryd_init

from portal import web_server

ROOT = Path(__file__).resolve().parents[3]
OPEN, PRIVATE = 0o022, 0o077


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(OPEN)
    yield
    os.umask(before)


def umask() -> int:
    found = os.umask(OPEN)
    os.umask(found)
    return found


def test_an_import_changes_nothing_for_commands_that_write_sources() -> None:
    show = "import os; os.umask(0o022); import portal; print(os.umask(0o022))"
    done = subprocess.run([sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) == OPEN


@pytest.mark.parametrize("start", [celeryd_init, beat_init])
def test_worker_and_beat_write_privately(start: object) -> None:
    start.send(sender=None, instance=None, conf=None, options={})  # type: ignore[attr-defined]
    assert umask() == PRIVATE


def test_so_does_the_web_server() -> None:
    assert web_server.umask == PRIVATE
