"""The pure parts of `make chaos-hospital`: kills follow from the seed, and what is lost or doubled is found."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from tests.bench.chaos import counting
from tests.bench.chaos.counting import Analysis, Archived, Found, Image
from tests.bench.chaos.schedule import VICTIMS, kills
from tests.bench.chaos.studies import files, planned

RESULT = {"sr": "SR", "sc": "OT"}
FOUND = Found(
    acknowledged={"a": "1", "b": "1", "c": "2"},
    images=[Image("a", "1", "row 1"), Image("b", "1", "row 1"), Image("c", "2", "row 2")],
    analyses=[
        # The second image of study 1 came late: its first result was sent, and a newer one took its place.
        Analysis("1", 1, ended=True, images=frozenset("a"), objects={"old sr": "SR", "old sc": "OT"}),
        Analysis("1", 2, ended=True, images=frozenset("ab"), objects=RESULT),
        Analysis("2", 1, ended=True),  # refused for what it shows
    ],
    archive=[
        Archived("old sr", "1", "SR"),
        Archived("old sc", "1", "OT"),
        Archived("sr", "1", "SR"),
        Archived("sc", "1", "OT"),
    ],
)


def test_kills_follow_from_the_seed_and_meet_every_part() -> None:
    first = list(islice(kills(1, pause=6), 12))
    assert first == list(islice(kills(1, pause=6), 12))
    assert first != list(islice(kills(2, pause=6), 12))
    for begin in (0, 6):
        assert {kill.victim for kill in first[begin : begin + 6]} == set(VICTIMS)
    assert all(0 <= kill.after <= 12 and 0.2 <= kill.away <= 6 for kill in first)


def test_studies_follow_from_the_seed_and_share_no_uid() -> None:
    first, second = planned(1, 16, every=1), planned(2, 16, every=1)
    assert first == planned(1, 16, every=1)
    uids = [uid for study in (*first, *second) for uid in (study.uid, study.series, *study.instances)]
    assert len(set(uids)) == len(uids) == 100
    assert sum(study.over_the_web for study in first) == 3
    assert files(first[7]) == files(first[7])
    assert len(set(files(first[7]).values())) == 2


def test_nothing_is_lost_or_doubled_where_all_is_there_once() -> None:
    assert (counting.lost(FOUND), counting.duplicated(FOUND)) == ([], [])
    assert [*counting.numbers(FOUND).values()] == [3, 1, 1, 4]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images": FOUND.images[:2]}, "image c of study 2 is not there"),
        ({"images": [*FOUND.images[:2], Image("c", "2", "row 2", whole=False)]}, "image c of study 2 is not there"),
        ({"analyses": FOUND.analyses[:2]}, "study 2 has no analysis that ended"),
        ({"analyses": [*FOUND.analyses, Analysis("2", 2, ended=False)]}, "study 2 has no analysis that ended"),
        ({"analyses": [FOUND.analyses[0], FOUND.analyses[2]]}, "image b is not in the result of study 1"),
        ({"archive": FOUND.archive[:3]}, "OT sc of study 1 is not in the archive"),
    ],
)
def test_what_is_lost_is_found(changes: dict[str, object], said: str) -> None:
    assert counting.lost(replace(FOUND, **changes)) == [said]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images": [*FOUND.images, Image("c", "2", "row 2")]}, ["image c is there 2 times"]),
        ({"images": [*FOUND.images, Image("d", "2", "row 3")]}, ["study 2 is in 2 rows"]),
        (
            {"analyses": [*FOUND.analyses, Analysis("1", 3, ended=True, images=frozenset("ab"), objects=RESULT)]},
            ["study 1 was analysed 2 times as it is"],
        ),
        # Under the UID of an object that is there, and under one of its own.
        (
            {"archive": [*FOUND.archive, Archived("sr", "2", "OT")]},
            ["sr is in the archive 2 times", "study 2 has 1 OT too many in the archive"],
        ),
        ({"archive": [*FOUND.archive, Archived("other", "1", "SR")]}, ["study 1 has 1 SR too many in the archive"]),
    ],
)
def test_what_is_there_twice_is_found(changes: dict[str, object], said: list[str]) -> None:
    assert counting.duplicated(replace(FOUND, **changes)) == said  # type: ignore[arg-type]
