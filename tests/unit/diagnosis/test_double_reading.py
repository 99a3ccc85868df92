"""Which scans a clinic's sampling gives to a second reader."""

from __future__ import annotations

import uuid

import pytest

from diagnosis.actions.review import is_sampled

SCANS = [uuid.UUID(int=number) for number in range(4000)]


@pytest.mark.parametrize(("percent", "low", "high"), [(0, 0, 0), (1, 20, 60), (50, 1850, 2150), (100, 4000, 4000)])
def test_the_share_is_the_clinics(percent: int, low: int, high: int) -> None:
    """4000 scans: none of them at 0 %, all at 100 %, about as many as asked for between."""
    assert low <= sum(is_sampled(scan, percent) for scan in SCANS) <= high


def test_a_scan_that_is_sampled_stays_so_when_the_share_grows() -> None:
    assert all(is_sampled(scan, 30) for scan in SCANS if is_sampled(scan, 10))
