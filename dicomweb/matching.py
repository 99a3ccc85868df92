"""How the value of one key is compared with a field (PS3.4 C.2.2.2): single value, list of UIDs, wild card, range."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_noop

from diagnosis.errors import Refusal
from diagnosis.models.modality import Modality

Match = Callable[[str], Q]
MOST_LENGTH, MOST_UIDS, MOST_WILD = 256, 200, 8
UNREADABLE = gettext_noop("“%(value)s” is no value by which %(key)s can be matched.")
# By what this portal tells apart; it does not keep which of DICOM's words for an X-ray a file has.
X_RAYS = frozenset({"CR", "DX", "RG", "XR"})
_TIME = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d{1,6})?)?)?")


class UnreadableValue(Refusal):
    def __init__(self, key: str, value: str) -> None:
        super().__init__("unreadable_value", UNREADABLE, key=key, value=value[:64])


def uids(field: str) -> Match:
    def match(text: str) -> Q:
        listed = [one.strip() for one in re.split(r"[,\\]", text)]
        if len(listed) > MOST_UIDS:
            raise ValueError(text)
        return Q(**{f"{field}__in": listed})

    return match


def words(field: str, *, exact: bool = True) -> Match:
    """`*` stands for any letters, `?` for one. A name is compared without regard to case."""

    def match(text: str) -> Q:
        if not set(text) & {"*", "?"}:
            return Q(**{field if exact else f"{field}__iexact": text})
        return Q(**{f"{field}__{'regex' if exact else 'iregex'}": _pattern(text)})

    return match


def name(field: str) -> Match:
    """Components that are empty at the end may be written or not (PS3.5 6.2)."""
    return lambda text: words(field, exact=False)(text.rstrip("^"))


def _pattern(text: str) -> str:
    if sum(map(text.count, "*?")) > MOST_WILD:
        raise ValueError(text)
    signs = {"*": ".*", "?": "."}
    return "^" + "".join(signs.get(part, re.escape(part)) for part in re.split(r"([*?])", text)) + "$"


def whole_number(field: str) -> Match:
    def match(text: str) -> Q:
        number = int(text)
        if not -(2**31) <= number < 2**31:
            raise ValueError(text)
        return Q(**{field: number})

    return match


def days(field: str, *, is_moment: bool) -> Match:
    """A day, or from one to another; both ends belong to it. Of a moment the day on the clinic's clocks counts."""
    look_up = f"{field}__date" if is_moment else field
    return lambda text: _between(look_up, *_ends(text, _day))


def hours(field: str, known: Q) -> Match:
    """A time of day, or from one to another; a time without minutes is the whole hour."""

    def match(text: str) -> Q:
        first, last = _ends(text, lambda part: (_hour(part, 0), _hour(part, 59)))
        return _between(f"{field}__time", first and first[0], last and last[1]) & known

    return match


def modality(field: str) -> Match:
    def match(text: str) -> Q:
        asked = {one.strip().upper() for one in re.split(r"[,\\]", text)}
        kinds = [Modality.CT] * ("CT" in asked) + [Modality.CXR] * bool(asked & X_RAYS)
        return Q(**{f"{field}__in": kinds})

    return match


def _ends(text: str, read: Callable[[str], Any]) -> tuple[Any, Any]:
    """Of a range or of a single value, which is its own ends; None where one is open."""
    first, dash, last = text.partition("-")
    if not dash:
        return read(first), read(first)
    if not (first or last):
        raise ValueError(text)
    return first and read(first), last and read(last)


def _between(look_up: str, first: Any, last: Any) -> Q:
    bounds = {f"{look_up}__gte": first, f"{look_up}__lte": last}
    return Q(**{name: bound for name, bound in bounds.items() if bound not in (None, "")})


def _day(text: str) -> date:
    if not re.fullmatch(r"\d{8}", text, re.ASCII):
        raise ValueError(text)
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  a day of no time zone


def _hour(text: str, missing: int) -> time:
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(text)
    hour, minute, second = (int(part) if part else missing for part in found.groups())
    return time(hour, minute, second, 999_999 if missing else 0)


def q_of(key: str, text: str, match: Match) -> Q:
    """Raises UnreadableValue."""
    if len(text) > MOST_LENGTH or "\0" in text:
        raise UnreadableValue(key, text)
    try:
        return match(text)
    except ValueError as error:
        raise UnreadableValue(key, text) from error
