"""How numbers, shares, lengths of time and dates are written, for every page, e-mail, report and sentence of the API.

Numbers and dates follow the active language (`django.utils.formats`; portal/formats holds the dates). A number never
breaks away from its unit. The template tag libraries register these functions under their own names.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

NBSP, DASH, MINUS = "\u00a0", "–", "\u2212"
# A probability is never shown as a certainty, which no classifier has.
LEAST, MOST = 0.001, 0.999
LARGEST_UNIT_FIRST = ("d", "h", "min", "s")


def decimal(value: float | None, places: int = 2) -> str:
    """0.5 → "0.50", -0.5 → "−0.50", None → "–"; rounded as Python rounds."""
    if value is None:
        return DASH
    rounded = Decimal(f"{value:.{places}f}")
    return number_format(rounded, places, use_l10n=True).replace("-", MINUS)


def decimal_interval(interval: tuple[float, float] | None, places: int = 2) -> str:
    """(0.41, 0.63) → "0.41 to 0.63"; empty where there is none."""
    if interval is None:
        return ""
    low, high = interval
    return _("%(low)s to %(high)s") % {"low": decimal(low, places), "high": decimal(high, places)}


def share(part: float | None, places: int = 1) -> str:
    """A measured share (0 to 1) as it is: all of 60 cases are "100.0 %", and their interval says what that is worth."""
    return DASH if part is None else _unbroken(_("%(number)s %%") % {"number": decimal(100 * part, places)})


def share_interval(interval: tuple[float, float] | None, places: int = 1) -> str:
    """(0.93, 0.971) → "93.0 to 97.1 %"."""
    if interval is None:
        return DASH
    low, high = interval
    return _("%(low)s to %(high)s") % {"low": decimal(100 * low, places), "high": share(high, places)}


def percent(probability: float) -> str:
    """A classifier's probability (0 to 1): 0.634 → "63.4 %", 0 → "< 0.1 %", 1 → "> 99.9 %"."""
    if probability < LEAST:
        return f"<{NBSP}{share(LEAST)}"
    if probability > MOST:
        return f">{NBSP}{share(MOST)}"
    return share(probability)


def estimate(measured: dict[str, Any]) -> str:
    """A stored {value, low, high}, each 0 to 1: "95.2 % (95 % interval 93.0 to 97.1 %)"."""
    return _("%(value)s (%(level)s interval %(interval)s)") % {
        "value": share(float(measured["value"])),
        "level": share(0.95, 0),
        "interval": share_interval((float(measured["low"]), float(measured["high"]))),
    }


def brief_estimate(measured: dict[str, Any]) -> str:
    """A stored {value, low, high}, each 0 to 1, where there is little room: "95 % (93 to 97)"."""
    value, low, high = (float(measured[name]) for name in ("value", "low", "high"))
    return f"{share(value, 0)} ({decimal_interval((100 * low, 100 * high), 0)})"


def duration(length: timedelta | None, smallest: str = "min") -> str:
    """The two largest units: "3 d 4 h", "2 h 5 min", "40 min"; below one of `smallest` ("min" or "s") "under 1 min"."""
    if length is None:
        return DASH
    counts = _counts(max(int(length.total_seconds()), 0))
    kept = [pair for pair in zip(LARGEST_UNIT_FIRST, counts, strict=True) if smallest == "s" or pair[0] != "s"]
    first = next((place for place, (_unit, count) in enumerate(kept) if count), None)
    if first is None:
        return _unbroken(_("under %(length)s") % {"length": _in_unit(1, smallest)})
    return " ".join(_in_unit(count, unit) for unit, count in kept[first : first + 2] if count)


def waited(since: datetime) -> str:
    """How long ago that was, in the words of `duration`."""
    return duration(timezone.now() - since)


def age(birth_date: date) -> int:
    """In whole years, today."""
    today = timezone.localdate()
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


def day(when: date | datetime) -> str:
    """ "25 Nov 2026", in the reader's time zone."""
    return date_format(_local(when), "DATE_FORMAT")


def moment(when: datetime) -> str:
    """ "25 Nov 2026, 14:05", in the reader's time zone."""
    return date_format(_local(when), "DATETIME_FORMAT")


def _local(when: date | datetime) -> date | datetime:
    return timezone.localtime(when) if isinstance(when, datetime) else when


def _counts(seconds: int) -> tuple[int, int, int, int]:
    """Days, hours, minutes and seconds."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return days, hours, minutes, seconds


def _in_unit(count: int, unit: str) -> str:
    units = {
        "d": _("%(count)s d"),
        "h": _("%(count)s h"),
        "min": _("%(count)s min"),
        "s": _("%(count)s s"),
    }
    return _unbroken(units[unit] % {"count": count})


def _unbroken(text: str) -> str:
    return text.replace(" ", NBSP)
