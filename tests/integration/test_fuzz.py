"""A small slice of `python -m tests.fuzz`, and that it would notice."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.fuzz import files, requests
from tests.fuzz.cases import Case, Outcome, run

SEED, CASES = 20261126, 200


@pytest.mark.django_db
def test_spoilt_files_and_requests_are_refused_or_accepted(tmp_path: Path) -> None:
    sources = (files.source, requests.source(requests.make_world()))
    tally = run(sources, count=CASES, seed=SEED, folder=tmp_path)
    assert tally.cases == CASES
    assert {kind for kind, _ in tally.outcomes} == {"file", "request", "archive"}
    assert tally.of(Outcome.ACCEPTED) > 20 and tally.of(Outcome.REFUSED) > 40
    faults = {one.name: one.read_text()[-2000:] for one in tmp_path.glob("*.txt")}
    assert faults == {}


def test_what_breaks_is_counted_and_kept(tmp_path: Path) -> None:
    def broken(chance: Random) -> Case:
        sent = chance.randbytes(4)
        return Case("file", sent, lambda: (Outcome.ACCEPTED, str(1 // (sent[0] % 2))))

    tally, again = (run([broken], count=20, seed=1, folder=tmp_path / name) for name in ("a", "b"))
    assert 0 < tally.of(Outcome.CRASH) < 20
    kept = {one.name: one.read_bytes() for one in (tmp_path / "a").glob("*.file")}
    assert len(kept) == tally.of(Outcome.CRASH)
    assert kept == {one.name: one.read_bytes() for one in (tmp_path / "b").glob("*.file")}
    assert tally.outcomes == again.outcomes
    assert "ZeroDivisionError" in next((tmp_path / "a").glob("*.txt")).read_text()
