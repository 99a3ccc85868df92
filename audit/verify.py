"""Whether the trail is whole: every link of every chain, and the anchors outside the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from audit import anchor
from audit.chain import link
from audit.key import same
from audit.models import AuditEvent

AT_ONCE = 2000


@dataclass(frozen=True)
class Fault:
    """The first thing that is wrong with one chain. `near`: when the last sound entry before it was written."""

    chain: str
    place: int
    sentence: str
    near: str

    def __str__(self) -> str:
        sound = f"The last sound entry before it is of {self.near}." if self.near else "No entry before it is sound."
        return f"chain {self.chain}, place {self.place}: {self.sentence} {sound}"


@dataclass(frozen=True)
class Findings:
    entries: int
    chains: int
    anchors: int
    faults: tuple[Fault, ...]

    @property
    def first(self) -> Fault | None:
        """The one that lies furthest back."""
        return min(self.faults, key=lambda fault: fault.near, default=None)


def verify(*, anchors_file: Path | None = None) -> Findings:
    """Read the whole trail. Raises anchor.AnchorsBroken where the anchors themselves were changed."""
    known = list(anchor.anchors(anchors_file))
    ends = _ends(known)
    entries, faults, met = 0, [], set[str]()
    for key, rows in groupby(_rows(), key=attrgetter("chain")):
        chain = _Chain(str(key), ends.get(str(key), {}))
        met.add(chain.key)
        entries += chain.read(rows)
        faults += [chain.fault] if chain.fault else []
    faults += [_missing(key, heads) for key, heads in ends.items() if key not in met]
    return Findings(entries, len(met), len(known), tuple(faults))


def _rows() -> Iterator[AuditEvent]:
    return AuditEvent.objects.order_by("chain", "position", "pk").iterator(chunk_size=AT_ONCE)


def _ends(known: list[anchor.Anchor]) -> dict[str, dict[int, tuple[str, str]]]:
    """By chain and place: the link that was anchored there, and when."""
    found: dict[str, dict[int, tuple[str, str]]] = {}
    for one in known:
        for chain, (place, its_link) in one.heads.items():
            found.setdefault(chain, {})[place] = (its_link, one.at.isoformat(timespec="seconds"))
    return found


class _Chain:
    """Reads one chain from its beginning, and remembers the first fault."""

    def __init__(self, key: str, anchored: dict[int, tuple[str, str]]) -> None:
        self.key, self.anchored = key, anchored
        self.place, self.last, self.near = 0, "", ""
        self.fault: Fault | None = None

    def read(self, rows: Iterator[AuditEvent]) -> int:
        count = 0
        for row in rows:
            count += 1
            self.fault = self.fault or self._look_at(row)
        cut = max(self.anchored, default=-1)
        if self.fault is None and cut >= self.place:
            self.fault = self._found(f"the end was cut off: places up to {cut} were anchored {self.anchored[cut][1]}.")
        return count

    def _look_at(self, row: AuditEvent) -> Fault | None:
        if row.position > self.place:
            return self._found(f"removed: the next entry has place {row.position} (row {row.pk}, {_time(row)}).")
        if row.position < self.place:
            return self._found(f"inserted: place {row.position} is taken twice (row {row.pk}, {_time(row)}).")
        if not same(row.link, link(self.last, row)):
            return self._found(f"changed, inserted or moved here: row {row.pk}, {_time(row)}.")
        if row.position in self.anchored and not same(self.anchored[row.position][0], row.link):
            return self._found(f"not the entry that was anchored {self.anchored[row.position][1]}: row {row.pk}.")
        self.place, self.last, self.near = row.position + 1, row.link, _time(row)
        return None

    def _found(self, sentence: str) -> Fault:
        return Fault(self.key, self.place, sentence, self.near)


def _missing(key: str, heads: dict[int, tuple[str, str]]) -> Fault:
    end = max(heads)
    return Fault(key, 0, f"removed: all {end + 1} entries of the chain, anchored {heads[end][1]}.", "")


def _time(row: AuditEvent) -> str:
    return row.at.isoformat(timespec="seconds")
