"""What the uploader says of an examination: when it was made, who asked for it, and why.

It holds for every file that comes with it, but for what a file says better itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnosis.models.study import ExaminedFrom

EARLIEST = date(1895, 11, 8)  # no X-ray is older
WORDS = ("referring_physician", "ward", "clinical_question", "symptoms")


@dataclass(frozen=True)
class Request:
    """`examined_on`: the day, where a person says it. `is_date_unknown`: nobody knows it, and no file is to guess.

    `examination` is a key that the sender made up, or that of a study: loose files with the same one, of one patient
    and modality, are one examination. `prior_from`: the AE title of the archive from which it was fetched to be
    compared with; empty where somebody sent it.
    """

    examined_on: date | None = None
    is_date_unknown: bool = False
    examination: UUID | None = None
    urgent: bool = False
    priority: str = ""  # of the referrer, a value of Priority; `urgent` is the uploader's own flag
    referring_physician: str = ""
    ward: str = ""
    clinical_question: str = ""
    symptoms: str = ""
    prior_from: str = ""


def plausible_day(day: date) -> None:
    """Raise ValidationError for a day on which nothing was examined."""
    if day > timezone.localdate():
        raise ValidationError(_("This date lies in the future. Check the year."))
    if day < EARLIEST:
        raise ValidationError(_("No X-ray is as old as that. Check the year."))


def noon_of(day: date) -> datetime:
    """How a day without an hour is kept: it stays that day in the time zones of most readers."""
    return timezone.make_aware(datetime.combine(day, time(12)))


def plausible_guess(taken_at: datetime | None) -> datetime | None:
    """What a photograph says, unless its clock was never set."""
    if taken_at is None:
        return None
    guess = timezone.make_aware(taken_at) if timezone.is_naive(taken_at) else taken_at
    return guess if guess.date() >= EARLIEST and guess <= timezone.now() else None


def dated(request: Request, *, in_file: datetime | None, guessed: datetime | None) -> dict[str, Any]:
    """`examined_at` and `examined_from` of a study: the header first, then the person, then a guess."""
    if in_file:
        return {"examined_at": in_file, "examined_from": ""}
    if request.examined_on:
        return {"examined_at": noon_of(request.examined_on), "examined_from": ExaminedFrom.PERSON}
    if guessed and not request.is_date_unknown:
        return {"examined_at": guessed, "examined_from": ExaminedFrom.GUESSED}
    return {"examined_at": None, "examined_from": ""}


def worded(request: Request, in_file: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the request: what the person typed, else the file's words, which `from_file` names."""
    said = {name: getattr(request, name) or in_file.get(name, "") for name in WORDS}
    from_file = [name for name in WORDS if in_file.get(name) and not getattr(request, name)]
    return {**said, "from_file": from_file, "priority": request.priority}
