"""What a request says of itself while it is answered: of what, of whom. The middleware makes one entry of it.

Outside a request these do nothing, so that the same function may serve a page, a command and a worker.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from audit.vocabulary import Action, Event, Outcome


@dataclass
class Notes:
    """`objects`: kind and key; the first is what the request is about."""

    event: Event | None = None
    action: Action | None = None
    outcome: Outcome | None = None
    person: uuid.UUID | None = None
    login: str = ""
    objects: dict[tuple[str, str], None] = field(default_factory=dict)
    patient: uuid.UUID | None = None
    patients: dict[uuid.UUID, None] = field(default_factory=dict)
    detail: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.event or self.objects or self.patients)


_notes: ContextVar[Notes | None] = ContextVar("notes of the request", default=None)


@contextmanager
def collecting() -> Iterator[Notes]:
    notes = Notes()
    mark = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(mark)


def current() -> Notes | None:
    """None outside a request."""
    return _notes.get()


def note_object(kind: str, key: object, *, patient: uuid.UUID | None = None) -> None:
    """Say what is looked at or changed, and whose it is. The first call names the entry's object and patient."""
    if (notes := _notes.get()) is None:
        return
    notes.objects.setdefault((kind, str(key)))
    if patient is None:
        return
    if notes.patient is None:
        notes.patient = patient
    elif patient != notes.patient:
        notes.patients.setdefault(patient)


def note_list(kind: str, patients: Iterable[uuid.UUID | None]) -> None:
    """Say which patients stand on a list of `kind`; an empty list is an entry too: somebody searched."""
    if (notes := _notes.get()) is None:
        return
    notes.objects.setdefault((f"list of {kind}", ""))
    notes.patients.update(dict.fromkeys(patient for patient in patients if patient))


def note_event(event: Event, action: Action | None = None) -> None:
    """Say what happens, where it is more than looking or changing: an export, an upload."""
    if (notes := _notes.get()) is not None:
        notes.event, notes.action = event, action or notes.action


def note_refused(person: uuid.UUID, **texts: str) -> None:
    """Say who was refused, where the request itself does not come to know its person."""
    if (notes := _notes.get()) is not None:
        notes.event, notes.person = Event.SECURITY, person
        notes.detail |= texts


def note_detail(**texts: str) -> None:
    if (notes := _notes.get()) is not None:
        notes.detail |= texts
