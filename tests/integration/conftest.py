from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.test_serve import Portal


@pytest.fixture
def var() -> Iterator[Path]:
    """The data folder of a portal."""
    # Not tmp_path: a long path would move the socket elsewhere, which has a test of its own.
    with tempfile.TemporaryDirectory(prefix="portal-serve-") as var:
        yield Path(var)


@pytest.fixture
def start_portal(var: Path) -> Iterator[Callable[..., Portal]]:
    """`start_portal(host=…, SETTING=…)`: `manage.py serve` on `var`. Each is ended, and proved to be gone."""
    from tests.integration.test_serve import Portal

    started: list[Portal] = []

    def start(**options: str) -> Portal:
        started.append(Portal(var, **options))
        return started[-1]

    yield start
    for portal in reversed(started):  # they share the folder by which each knows its processes
        portal.close()
