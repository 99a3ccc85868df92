"""Pages and uploads have threads of their own, and uploads take turns: by clinic, then by person."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol
from uuid import UUID

from waitress.task import ThreadedTaskDispatcher

from accounts.sender import Sender


class Work(Protocol):
    """What waitress's threads do: a channel with a request that has arrived, for example."""

    def service(self) -> None: ...

    def cancel(self) -> None: ...


@dataclass
class Turn:
    """One upload that a thread works on; when it ends, its person may have the next."""

    work: Work
    person: UUID
    queue: FairQueue

    def service(self) -> None:
        try:
            self.work.service()
        finally:
            self.queue.end(self.person)

    def cancel(self) -> None:
        self.work.cancel()


class FairQueue:
    """In the place of waitress's deque. True while something in it may be begun now.

    The clinic that had a turn goes to the end of the line, and in it the person who had one; one person never has
    more than `at_once` turns at a time. All but `end` is called under the dispatcher's `lock`.
    """

    def __init__(self, *, at_once: int, lock: Lock) -> None:
        self._at_once = at_once
        self._lock = lock
        self._running: Counter[UUID] = Counter()
        self._clinics: OrderedDict[UUID, OrderedDict[UUID, deque[Work]]] = OrderedDict()

    def add(self, work: Work, sender: Sender) -> None:
        people = self._clinics.setdefault(sender.clinic, OrderedDict())
        people.setdefault(sender.person, deque()).append(work)

    def append(self, channel: Any) -> None:
        self.add(channel, channel.requests[0].sender)

    def __len__(self) -> int:
        return sum(len(waiting) for people in self._clinics.values() for waiting in people.values())

    def __bool__(self) -> bool:
        return self._next() is not None

    def popleft(self) -> Turn:
        found = self._next()
        if found is None:
            raise IndexError("nothing in the queue may begin")
        clinic, person = found
        work = self._clinics[clinic][person].popleft()
        self._move_to_the_end(clinic, person)
        self._running[person] += 1
        return Turn(work, person, self)

    def end(self, person: UUID) -> None:
        with self._lock:
            self._running[person] -= 1

    def _next(self) -> tuple[UUID, UUID] | None:
        for clinic, people in self._clinics.items():
            for person in people:
                if self._running[person] < self._at_once:
                    return clinic, person
        return None

    def _move_to_the_end(self, clinic: UUID, person: UUID) -> None:
        people = self._clinics[clinic]
        people.move_to_end(person)
        if not people[person]:
            del people[person]
        self._clinics.move_to_end(clinic)
        if not people:
            del self._clinics[clinic]


class UploadThreads(ThreadedTaskDispatcher):
    """At least one thread is always left for somebody else's upload."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.queue = FairQueue(at_once=max(1, count - 1), lock=self.lock)
        self.set_thread_count(count)


class Lanes:
    """Gives each request that has arrived to the threads for its kind; in the place of waitress's dispatcher."""

    def __init__(self, *, pages: int, uploads: int) -> None:
        self._pages = ThreadedTaskDispatcher()
        self._pages.set_thread_count(pages)
        self._uploads = UploadThreads(uploads)

    def add_task(self, channel: Any) -> None:
        lane = self._uploads if channel.requests[0].sender else self._pages
        lane.add_task(channel)

    def shutdown(self, timeout: float = 5) -> None:
        for lane in (self._uploads, self._pages):
            lane.shutdown(timeout=timeout)
