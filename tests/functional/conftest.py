from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.functional.steps import settled


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """The page of tests/running.py, at rest before the database is emptied under the server."""
    with settled(page):
        yield page
