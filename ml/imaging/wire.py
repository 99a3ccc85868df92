"""What the decoding helper and its caller tell each other, as notes of `ml.confinement.wire`.

Nothing is unpickled: the helper may have been taken over by the file that it decoded.
"""

from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

import numpy as np

from ml.imaging.facts import Fact
from ml.imaging.greyscale import Greyscale
from ml.imaging.header import DicomHeader
from ml.imaging.identity import DicomIdentity
from ml.imaging.names import NameGroup, PersonName
from ml.imaging.role import Role
from ml.imaging.tone import Tone
from ml.spec import Modality


def header_to_note(header: DicomHeader | None) -> dict[str, Any] | None:
    if header is None:
        return None
    note = asdict(header)
    for moment in ("birth_date", "acquired_at"):
        note[moment] = note[moment].isoformat() if note[moment] else None
    return note


# Of the fields of a header: those whose type can be asked for just as it is written.
_PLAIN = {
    field.name: field.type for field in fields(DicomHeader) if field.type in (str, bool, int | None, float | None)
}


def header_from_note(note: dict[str, Any] | None) -> DicomHeader | None:
    """Raises TypeError, ValueError, KeyError or AttributeError for what `header_to_note` does not write."""
    if note is None:
        return None
    for name, kind in _PLAIN.items():
        if not isinstance(note[name], kind):  # type: ignore[arg-type]  # a type or a union of types
            raise TypeError(f"{name} is of another type")
    born, acquired, spacing = (
        note["birth_date"],
        note["acquired_at"],
        note["pixel_spacing"],
    )
    read = {
        "modality": Modality(note["modality"]),
        "birth_date": date.fromisoformat(born) if born else None,
        "acquired_at": datetime.fromisoformat(acquired) if acquired else None,
        "pixel_spacing": (float(spacing[0]), float(spacing[1])) if spacing else None,
        "image_type": tuple(map(str, note["image_type"])),
        "person": PersonName(tuple(map(_group, note["person"]["groups"]))),
        "role": Role(note["role"]),
    }
    return DicomHeader(**{**note, **read})


def identity_to_note(identity: DicomIdentity) -> dict[str, Any]:
    note = asdict(identity)
    for moment in ("birth_date", "acquired_at"):
        note[moment] = note[moment].isoformat() if note[moment] else None
    return note


_TEXTS = [field.name for field in fields(DicomIdentity) if field.type is str]


def identity_from_note(note: dict[str, Any]) -> DicomIdentity:
    """Raises TypeError, ValueError, KeyError or AttributeError for what `identity_to_note` does not write."""
    if not all(isinstance(note[name], str) for name in _TEXTS):
        raise TypeError("a text is of another type")
    read = {
        "birth_date": date.fromisoformat(note["birth_date"]) if note["birth_date"] else None,
        "acquired_at": datetime.fromisoformat(note["acquired_at"]) if note["acquired_at"] else None,
        "person": PersonName(tuple(map(_group, note["person"]["groups"]))),
    }
    return DicomIdentity(**{**note, **read})


def _group(note: dict[str, Any]) -> NameGroup:
    return NameGroup(**{str(part): str(text) for part, text in note.items()})


def fact_to_note(fact: Fact | None) -> dict[str, Any] | None:
    return None if fact is None else {"code": fact.code, "params": dict(fact.params)}


def fact_from_note(note: dict[str, Any] | None) -> Fact | None:
    """Raises KeyError for a fact that no sentence tells."""
    return None if note is None else Fact(str(note["code"]), dict(note["params"]))


def facts_to_note(facts: Iterable[Fact]) -> list[dict[str, Any] | None]:
    return [fact_to_note(fact) for fact in facts]


def facts_from_note(note: list[dict[str, Any]]) -> tuple[Fact, ...]:
    """Raises as `fact_from_note` does."""
    return tuple(fact for fact in map(fact_from_note, note) if fact)


# The kinds of number that a helper may send; anything else is not looked at.
_KINDS = {"uint8": np.uint8, "uint16": np.uint16, "int16": np.int16}


def greyscale_to_note(found: Greyscale) -> dict[str, Any]:
    told = {field.name: getattr(found, field.name) for field in fields(found) if field.name not in ("raw", "tone")}
    told["facts"] = facts_to_note(found.facts)
    return {**told, "kind": found.raw.dtype.name, "shape": found.raw.shape, "tone": asdict(found.tone)}


def greyscale_from_note(note: dict[str, Any], raw: bytes) -> Greyscale:
    """Raises ValueError when the bytes are not as many as the note says."""
    height, width = note["shape"]
    tone, spacing = note["tone"], note["spacing"]
    return Greyscale(
        raw=np.frombuffer(raw, _KINDS[note["kind"]]).reshape(int(height), int(width)),
        bits=int(note["bits"]),
        tone=Tone(float(tone["centre"]), float(tone["width"]), tuple(map(int, tone["curve"])), float(tone["span"])),
        slope=float(note["slope"]),
        intercept=float(note["intercept"]),
        unit=str(note["unit"])[:8],
        spacing=(float(spacing[0]), float(spacing[1])) if spacing else None,
        spacing_at_detector=bool(note["spacing_at_detector"]),
        facts=facts_from_note(note["facts"]),
    )
