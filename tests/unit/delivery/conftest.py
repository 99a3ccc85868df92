"""A receiver, and what stands for its machine."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Clinic
from delivery.models import Content, Destination, Kind
from delivery.senders import SENDERS


@pytest.fixture
def destination(clinic: Clinic) -> Destination:
    return Destination.objects.create(
        clinic=clinic, kind=Kind.WEBHOOK, name="Record", url="https://example.org/", contents=[Content.EVENT]
    )


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the receiver answers, one after the other: text, or an error to raise."""
    queued: list[Any] = []

    def send(_delivery: Any) -> str:
        answer = queued.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer() if callable(answer) else answer)

    monkeypatch.setitem(SENDERS, Kind.WEBHOOK, send)
    return queued
