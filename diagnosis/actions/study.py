"""Put right what is known of an examination: its date, who asked for it, and why."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.timezone import localtime
from django.utils.translation import gettext

from accounts.models import User
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Patient, Report, Study, StudyChange
from diagnosis.models.study import ExaminedFrom
from diagnosis.reviews import queue
from diagnosis.rules import study_details
from diagnosis.scans.request import WORDS, noon_of


@transaction.atomic
def amend_study(*, by: User, study: Study, **fields: Any) -> list[StudyChange]:
    """Keep what changed, with a row for each field that says what stood there before; returns these rows.

    `fields`: `examined_on` (a date, or None: not known), `priority` and those of WORDS. Nothing is changed any more
    once a report is signed, whose readers would not see it. Raises PermissionDenied and NotAllowedNow.
    """
    if not study_details.may_amend(study, by):
        raise PermissionDenied(gettext(study_details.NOT_YOURS))
    # Held, so that no report is signed, and no image of the study comes, between the question and the answer.
    list(Patient.objects.select_for_update().filter(pk=study.patient_id))
    list(Report.objects.select_for_update().filter(study=study))
    if reason := study_details.blocked_reason(study):
        raise NotAllowedNow("signed", reason)
    current = Study.objects.get(pk=study.pk)
    new = {name: value for name, value in fields.items() if _differs(current, name, value)}
    changes = [_changed(current, name, value, by=by) for name, value in new.items()]
    current.save(update_fields=[*WORDS, "priority", "from_file", "examined_at", "examined_from"])
    if "priority" in new:
        queue.place_again(current)
    return StudyChange.objects.bulk_create(changes)


@transaction.atomic
def complete_study(*, by: User, study: Study, **words: str) -> list[StudyChange]:
    """Fill in what nobody has said of the study, as its order says it; returns a row for each field.

    `words`: of WORDS, and `priority`. What a person or a file said stays, and so does all of a study whose report is
    signed. Asks for no permission: whoever calls knows that the order is the study's.
    """
    list(Patient.objects.select_for_update().filter(pk=study.patient_id))
    list(Report.objects.select_for_update().filter(study=study))
    if study_details.blocked_reason(study):
        return []
    current = Study.objects.get(pk=study.pk)
    new = {name: value for name, value in words.items() if value and not getattr(current, name)}
    if not new:
        return []
    changes = [_changed(current, name, value, by=by) for name, value in new.items()]
    current.save(update_fields=[*new, "from_file"])
    if "priority" in new:
        queue.place_again(current)
    return StudyChange.objects.bulk_create(changes)


def _differs(study: Study, name: str, value: Any) -> bool:
    if name != "examined_on":
        return bool(getattr(study, name) != value)
    if not study_details.date_is_ours(study):
        raise NotAllowedNow("date_of_file", study_details.DATE_OF_FILE)
    # The same day said again makes a guess certain.
    return _day(study.examined_at) != value or study.examined_from == ExaminedFrom.GUESSED


def _changed(study: Study, name: str, value: Any, *, by: User) -> StudyChange:
    before = _text(_day(study.examined_at) if name == "examined_on" else getattr(study, name))
    if name == "examined_on":
        study.examined_at = noon_of(value) if value else None
        study.examined_from = ExaminedFrom.PERSON if value else ""
    else:
        assert name in (*WORDS, "priority")
        setattr(study, name, value)
        study.from_file = [one for one in study.from_file if one != name]
    return StudyChange(study=study, field=name, before=before, after=_text(value), made_by=by)


def _day(moment: datetime | None) -> date | None:
    return localtime(moment).date() if moment else None


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value or "")
