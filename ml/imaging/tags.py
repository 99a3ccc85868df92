"""Reading single DICOM attributes written by anybody: nothing in here raises."""

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

MAX_TEXT = 64  # the length of DICOM's own LO and PN groups
MAX_VALUES = 16
_NAME_GROUPS = 3

_DATE = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})$")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.\d*)?$")
_FIRST_YEAR = 1880
# Later than any that a header can mean: the last hours of 9999 are the year 10000 on clocks further east or west, which
# neither a database nor a page can read again.
_LAST_YEAR = 9000
_SEVERAL = (MultiValue, list, tuple)


def clean(text: str, length: int = MAX_TEXT) -> str:
    """One printable line of at most `length` characters.

    Control, formatting (as right-to-left overrides) and unassigned characters are dropped.
    """
    spaced = re.sub(r"\s+", " ", text[: 16 * length])
    printable = "".join(c for c in spaced if unicodedata.category(c)[0] != "C")
    return printable.strip()[:length].strip()


def parse_date(text: str) -> date | None:
    """A DICOM date, also in the old style 1999.05.24; None when it is not one."""
    found = _DATE.match(text.strip())
    if not found:
        return None
    try:
        day = date(*(int(part) for part in found.groups()))
    except ValueError:
        return None
    return day if day.year >= _FIRST_YEAR else None


def parse_time(text: str) -> time | None:
    """A DICOM time down to the second, also in the old style 11:42:21."""
    found = _TIME.match(text.strip())
    if not found:
        return None
    try:
        hour, minute, second = (int(part or 0) for part in found.groups())
        return time(hour, minute, second)
    except ValueError:
        return None


class Tags:
    """A forgiving view of one data set."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def _value(self, keyword: str) -> Any:
        try:
            return self._dataset.get(keyword)
        except Exception:
            return None

    def has(self, keyword: str) -> bool:
        return self._value(keyword) not in (None, "", b"")

    def texts(self, keyword: str) -> tuple[str, ...]:
        value = self._value(keyword)
        values: Iterable[object] = value if isinstance(value, _SEVERAL) else (value,)
        return tuple(clean(text) for text in _strings(values))[:MAX_VALUES]

    def text(self, keyword: str) -> str:
        return next(iter(self.texts(keyword)), "")

    def uid(self, keyword: str) -> str:
        """As written: some systems write none, or none that is valid."""
        return self.text(keyword).replace(" ", "")

    def name(self, keyword: str) -> str:
        """A person's name; the length of a text is that of each of its groups."""
        written = next(_strings([self._value(keyword)]), "")
        return "=".join(clean(group) for group in written.split("=")[:_NAME_GROUPS])

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """All values, or () when one of them is not a finite number."""
        value = self._value(keyword)
        values = value if isinstance(value, _SEVERAL) else (value,)
        try:
            numbers = tuple(float(item) for item in values[:MAX_VALUES])
        except (TypeError, ValueError, OverflowError):
            return ()
        return numbers if all(math.isfinite(number) for number in numbers) else ()

    def number(self, keyword: str) -> float | None:
        return next(iter(self.numbers(keyword)), None)

    def integer(self, keyword: str) -> int | None:
        """None too for a number outside the 32 bits that PS3.5 6.2 gives an Integer String."""
        number = self.number(keyword)
        return int(number) if number is not None and number == int(number) and -(2**31) <= number < 2**31 else None

    def date(self, keyword: str) -> date | None:
        return parse_date(self.text(keyword))

    def moment(self, day: str, hour: str) -> datetime | None:
        """Date and time of two attributes, without zone; midnight when the time is missing.

        None for a year so late that a clock elsewhere cannot have it.
        """
        found = self.date(day)
        if found is None or found.year > _LAST_YEAR:
            return None
        return datetime.combine(found, parse_time(self.text(hour)) or time())

    def items(self, keyword: str) -> tuple["Tags", ...]:
        """The items of a sequence."""
        value = self._value(keyword)
        try:
            return tuple(Tags(item) for item in (value or ()) if isinstance(item, Dataset))
        except Exception:
            return ()

    def raw(self, keyword: str) -> object:
        """The value as pydicom gives it, None when absent or broken."""
        return self._value(keyword)


def _strings(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if value is None:
            continue
        with suppress(Exception):  # a name in a broken character set
            yield str(value)
