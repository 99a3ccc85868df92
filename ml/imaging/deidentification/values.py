"""The values of an attribute that may leave: what is not such a value is not there."""

from collections.abc import Iterable
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.valuerep import DSfloat

from ml.imaging.deidentification.attributes import CODES, DATE, OTHER, TIME
from ml.imaging.tags import Tags

# Every place in it has a meaning.
_PLACED = frozenset({"ImageType"})
# Bounds of the binary kinds (PS3.5 6.2).
_WHOLE = {"US": (0, 2**16), "SS": (-(2**15), 2**15), "UL": (0, 2**32), "SL": (-(2**31), 2**31)}


def numbers(tags: Tags, keyword: str, *, signed: bool) -> tuple[str, Any] | None:
    """VR and values; `signed` where the kind follows the pixels. None where they are no numbers of that kind."""
    found, kind = tags.numbers(keyword), kind_of(keyword, signed=signed)
    if not found:
        return None
    if kind in _WHOLE or kind == "IS":
        low, high = _WHOLE.get(kind, (-(2**31), 2**31))
        whole = [int(number) for number in found]
        return (kind, whole) if all(low <= number < high for number in whole) else None
    return kind, [DSfloat(number, auto_format=True) for number in found] if kind == "DS" else list(found)


def kind_of(keyword: str, *, signed: bool) -> str:
    kind = str(dictionary_VR(keyword))
    return ("SS" if signed else "US") if kind == "US or SS" else kind


def codes(tags: Tags, keyword: str) -> list[str]:
    """Words of the standard alone."""
    pattern = CODES[keyword]
    found = [text.upper() for text in tags.texts(keyword)]
    if keyword in _PLACED:
        return [text if pattern.fullmatch(text) else OTHER for text in found]
    return [text for text in found if pattern.fullmatch(text)]


def moment(tags: Tags, day: str, hour: str) -> Iterable[tuple[str, str]]:
    """Keyword and text of a date, and of the time with it."""
    date, time = tags.text(day).replace(".", ""), tags.text(hour).replace(":", "")
    if not DATE.fullmatch(date):
        return
    yield day, date
    if TIME.fullmatch(time):
        yield hour, time
