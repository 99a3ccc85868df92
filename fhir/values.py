"""What stands behind a search parameter: lists, tokens, dates, references and texts of R4, as conditions of a query."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from diagnosis.errors import Refusal

NOTHING = Q(pk__in=[])
BAD_DATE = gettext_noop(
    "“%(value)s” is no date that can be searched for. Write it like 2026-03, 2026-03-02 or ge2026-03-02T08:00:00Z."
)
EMPTY = gettext_noop("“%(parameter)s” is empty. Give it a value, or leave it out to ask for everything.")
BAD_TEXT = gettext_noop("“%(parameter)s” has a character that no text has.")
PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb)?(\d.*)", re.DOTALL)
DAY = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(?:\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?")
Find = Callable[[str], Q]


class BadParameter(Refusal):
    """A search parameter has a value that means nothing."""


def alternatives(parameter: str, text: str) -> list[str]:
    """What commas separate; a comma behind a backslash belongs to a value. Raises BadParameter where one is empty."""
    parts = [re.sub(r"\\([,|$\\])", r"\1", one).strip() for one in re.split(r"(?<!\\),", text)]
    if not all(parts):
        raise BadParameter("empty_parameter", EMPTY, parameter=parameter)
    if "\0" in text:
        raise BadParameter("bad_parameter", BAD_TEXT, parameter=parameter)
    return parts


def split_token(value: str) -> tuple[str | None, str]:
    """System and code; None: of any system."""
    system, bar, code = value.rpartition("|")
    return (system if bar else None), code


def token(field: str, *, system: str, codes: dict[str, str] | None = None) -> Find:
    """A code of one `system`; `codes`: from FHIR's word to the row's, where they differ."""

    def find(value: str) -> Q:
        named, code = split_token(value)
        stored = code if codes is None else codes.get(code)
        return Q(**{field: stored}) if named in (None, "", system) and stored is not None else NOTHING

    return find


def constant(code: str, *, system: str) -> Find:
    """What every row has alike."""

    def find(value: str) -> Q:
        named, asked = split_token(value)
        return Q() if named in (None, system) and asked == code else NOTHING

    return find


def key(value: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(value)
    except ValueError:
        return None


def by_key(value: str) -> Q:
    """`_id`."""
    found = key(value)
    return Q(pk=found) if found else NOTHING


def target(value: str, kind: str) -> str:
    """The id that a reference names: `Patient/1`, `1`, or an address that ends so; empty: of another type."""
    *_rest, type_, id_ = ["", kind, *value.removeprefix("urn:uuid:").split("/")][-2:] if "/" in value else (kind, value)
    return str(id_) if type_ == kind else ""


def reference(field: str, kind: str) -> Find:
    def find(value: str) -> Q:
        found = key(target(value, kind))
        return Q(**{field: found}) if found else NOTHING

    return find


def text(*fields: str) -> Find:
    """The beginning of one of `fields`, whatever its case."""

    def find(value: str) -> Q:
        found = NOTHING
        for field in fields:
            found |= Q(**{f"{field}__istartswith": value})
        return found

    return find


def moment(field: str) -> Find:
    """A field with a time, compared as R4 does: with all the time that a date of this precision covers."""

    def find(value: str) -> Q:
        prefix, low, high = span(value)
        return _between(field, prefix, low, high)

    return find


def day(field: str) -> Find:
    """A field with a date."""

    def find(value: str) -> Q:
        prefix, low, high = span(value)
        try:
            first, last = timezone.localtime(low).date(), timezone.localtime(high - timedelta(microseconds=1)).date()
        except OverflowError as error:  # at the edge of what a calendar has
            raise BadParameter("bad_date", BAD_DATE, value=value) from error
        return _between(field, prefix, first, last + timedelta(days=1))

    return find


def _between(field: str, prefix: str, low: Any, high: Any) -> Q:
    """`low` is in, `high` is not."""
    inside = Q(**{f"{field}__gte": low, f"{field}__lt": high})
    return {
        "eq": inside,
        "ne": ~inside & Q(**{f"{field}__isnull": False}),
        "gt": Q(**{f"{field}__gte": high}),
        "sa": Q(**{f"{field}__gte": high}),
        "lt": Q(**{f"{field}__lt": low}),
        "eb": Q(**{f"{field}__lt": low}),
        "ge": Q(**{f"{field}__gte": low}),
        "le": Q(**{f"{field}__lt": high}),
    }[prefix]


def span(value: str) -> tuple[str, datetime, datetime]:
    """The prefix, and the time from when to when. Raises BadParameter."""
    found = PREFIX.fullmatch(value)
    try:
        if not found:
            raise ValueError(value)
        return found[1] or "eq", *_span(found[2].replace(" ", "+"))  # a plus sign in an address is a blank
    except (ValueError, OverflowError) as error:
        raise BadParameter("bad_date", BAD_DATE, value=value) from error


def _span(written: str) -> tuple[datetime, datetime]:
    if whole := DAY.fullmatch(written):
        year, month, number = (int(part) if part else None for part in whole.groups())
        first = date(year or 0, month or 1, number or 1)
        return _midnight(first), _midnight(_after(first, has_month=month is not None, has_day=number is not None))
    found = MOMENT.fullmatch(written)
    if not found:
        raise ValueError(written)
    begin = datetime.fromisoformat(written)
    begin = begin if timezone.is_aware(begin) else timezone.make_aware(begin)
    return begin.astimezone(UTC), begin.astimezone(UTC) + _precision(found[1])


def _precision(seconds: str | None) -> timedelta:
    if not seconds:
        return timedelta(minutes=1)
    digits = len(seconds.partition(".")[2])
    return timedelta(microseconds=10 ** (6 - digits))


def _after(first: date, *, has_month: bool, has_day: bool) -> date:
    if has_day:
        return first + timedelta(days=1)
    if has_month:
        return date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return date(first.year + 1, 1, 1)


def _midnight(when: date) -> datetime:
    return datetime.combine(when, time.min, tzinfo=timezone.get_current_timezone())
