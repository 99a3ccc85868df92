"""How often a running analysis says that its worker lives."""

from __future__ import annotations

import uuid
from typing import Any

from diagnosis.analyses.lease import Lease


class Clock:
    """Stands for the wait between two renewals; keeps how long it was asked to wait, and ends it at once."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return len(self.waits) > 3


def test_a_lease_outlasts_two_missed_renewals(settings: Any, monkeypatch: Any) -> None:
    lease, clock = Lease(uuid.uuid4(), uuid.uuid4()), Clock()
    renewed: list[bool] = []
    monkeypatch.setattr(lease, "_done", clock)
    monkeypatch.setattr(lease, "_renew", lambda: renewed.append(True) or True)
    lease._renew_until_done()
    assert len(renewed) == 3
    assert all(0 < 3 * seconds <= settings.ANALYSIS_LEASE.total_seconds() for seconds in clock.waits)
