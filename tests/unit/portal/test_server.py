"""What the web server adds to waitress: turns, places, patience. The whole runs in tests/integration/test_doors.py."""

from __future__ import annotations

from threading import Lock
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from accounts.sender import Sender
from portal.server import patience
from portal.server.lanes import FairQueue
from portal.server.places import Places

NORTH, SOUTH = uuid4(), uuid4()
ANNA, BEN, CLARA = Sender(uuid4(), NORTH), Sender(uuid4(), NORTH), Sender(uuid4(), SOUTH)


class Upload:
    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.done = False

    def service(self) -> None:
        self.done = True

    def cancel(self) -> None:
        raise AssertionError("nothing is cancelled here")


def queue_of(*senders: Sender, at_once: int = 9) -> FairQueue:
    queue = FairQueue(at_once=at_once, lock=Lock())
    for sender in senders:
        queue.add(Upload(sender), sender)
    return queue


def order(queue: FairQueue) -> list[Sender]:
    taken = []
    while queue:
        work: Any = queue.popleft().work
        taken.append(work.sender)
    return taken


def test_clinics_take_turns_and_in_them_people() -> None:
    queue = queue_of(ANNA, ANNA, ANNA, BEN, CLARA, CLARA)
    assert len(queue) == 6
    assert order(queue) == [ANNA, CLARA, BEN, CLARA, ANNA, ANNA]
    assert len(queue) == 0


def test_one_person_never_has_every_thread() -> None:
    queue = queue_of(ANNA, ANNA, ANNA, CLARA, at_once=2)
    turns = [queue.popleft() for _ in range(3)]
    assert [turn.person for turn in turns] == [ANNA.person, CLARA.person, ANNA.person]
    assert not queue and len(queue) == 1
    turns[0].service()
    assert turns[0].work.done and queue  # type: ignore[attr-defined]
    assert queue.popleft().person == ANNA.person


def test_a_turn_that_fails_ends_too() -> None:
    queue = queue_of(ANNA, ANNA, at_once=1)
    turn = queue.popleft()
    turn.work.service = lambda: 1 / 0  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError):
        turn.service()
    assert queue


def test_places_of_a_person_and_of_a_clinic() -> None:
    places = Places(person=2, clinic=3)
    assert [places.take(ANNA) for _ in range(3)] == [True, True, False]
    assert [places.take(BEN), places.take(BEN), places.take(CLARA)] == [True, False, True]
    places.give_back(ANNA)
    assert places.take(BEN) and not places.take(ANNA)


@pytest.mark.parametrize(
    ("spent", "finished", "received", "slow"),
    [
        (19, False, 0, False),
        (21, False, 0, True),
        (59, True, 0, False),
        (61, True, 0, True),
        (3600, True, 8 << 20, True),
    ],
)
def test_a_head_has_seconds_and_a_body_a_slowest_line(spent: float, finished: bool, received: int, slow: bool) -> None:
    request: Any = SimpleNamespace(asks=False, begun=0, headers_finished=finished, body_bytes_received=received)
    slowest = 60 + received / patience.SLOWEST_BYTES_PER_SECOND
    assert patience.too_slow(request, spent if received == 0 else slowest + 1) is slow
    request.asks = True
    assert not patience.too_slow(request, spent)


def test_a_crowd_loses_those_that_wait_longest() -> None:
    channels: list[Any] = [
        SimpleNamespace(requests=[], total_outbufs_len=0, last_activity=age) for age in range(9, 0, -1)
    ]
    channels[-1].requests = ["at work"]
    assert patience.superfluous(channels, most=20) == []
    closed = patience.superfluous(channels, most=10)
    assert [channel.last_activity for channel in closed] == [2, 3, 4]
