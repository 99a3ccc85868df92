"""When an examination was made, in words that say how that is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.utils.translation import gettext as _

from diagnosis import formats
from diagnosis.models import Study
from diagnosis.models.study import ExaminedFrom


def when(study: Study) -> str:
    """ "25 Nov 2026, 14:05", or the day alone where the hour is not known; for lists and pages."""
    return _told(study, formats.moment)


def day(study: Study) -> str:
    """The same without the hour."""
    return _told(study, formats.day)


def _told(study: Study, write: Callable[[datetime], str]) -> str:
    if study.examined_at is None:
        return _("date not known, received %(date)s") % {"date": formats.day(study.received_at)}
    if study.examined_from == ExaminedFrom.GUESSED:
        return _("%(date)s (guessed)") % {"date": formats.day(study.examined_at)}
    return write(study.examined_at) if study.time_is_known else formats.day(study.examined_at)
