from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.test import Client

if TYPE_CHECKING:
    from accounts.models import User
    from diagnosis.models import Analysis, Prediction, Scan

As = Callable[["User"], Client]


@pytest.fixture
def as_() -> As:
    """`as_(radiographer).get(…)`: a browser in which that person is signed in."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def finished(scan: Scan) -> Analysis:
    """The analysis of `scan`, run by the real runner with the shipped classifiers."""
    from diagnosis.analyses import runner

    analysis = scan.analyses.get()
    runner.run(analysis.pk, worker="test")
    analysis.refresh_from_db()
    assert analysis.status == "succeeded", analysis.failure_detail or analysis.failure_reason
    return analysis


@pytest.fixture
def prediction(finished: Analysis) -> Prediction:
    first = finished.predictions.first()
    assert first
    return first
