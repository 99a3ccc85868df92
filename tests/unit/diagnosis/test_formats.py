"""How numbers and lengths of time are written. In the expected texts "~" stands for a space that does not break."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from diagnosis import formats
from diagnosis.templatetags import clinical, oversight, reading
from portal.templatetags import ui

MEASURED = {"value": 0.952, "low": 0.9304, "high": 0.971}


def shown(text: str) -> str:
    return text.replace(formats.NBSP, "~")


@pytest.mark.parametrize(
    ("write", "value", "english", "german"),
    [
        (formats.percent, 0.634, "63.4~%", "63,4~%"),
        (formats.percent, 0.0, "<~0.1~%", "<~0,1~%"),
        (formats.percent, 0.00099, "<~0.1~%", "<~0,1~%"),
        (formats.percent, 0.0012, "0.1~%", "0,1~%"),
        (formats.percent, 0.9985, "99.9~%", "99,9~%"),
        (formats.percent, 0.9995, ">~99.9~%", ">~99,9~%"),
        (formats.percent, 1.0, ">~99.9~%", ">~99,9~%"),
        (formats.share, 1.0, "100.0~%", "100,0~%"),
        (formats.share, 0.0004, "0.0~%", "0,0~%"),
        (formats.share, None, "–", "–"),
        (formats.decimal, 0.456, "0.46", "0,46"),
        (formats.decimal, -0.5, "−0.50", "−0,50"),
        (formats.decimal, 1234.5, "1234.50", "1234,50"),
        (formats.decimal, None, "–", "–"),
    ],
)
def test_a_number_is_rounded_keeps_its_unit_and_speaks_the_language(
    write: Callable[[float | None], str], value: float | None, english: str, german: str
) -> None:
    assert shown(write(value)) == english
    with translation.override("de"):
        assert shown(write(value)) == german


def test_an_interval_stands_beside_its_value() -> None:
    assert shown(formats.estimate(MEASURED)) == "95.2~% (95~% interval 93.0 to 97.1~%)"
    assert shown(formats.brief_estimate(MEASURED)) == "95~% (93 to 97)"
    assert shown(formats.share_interval((0.9304, 0.971))) == "93.0 to 97.1~%"
    assert formats.decimal_interval((-0.104, 0.971)) == "−0.10 to 0.97"


def test_no_interval_is_no_number() -> None:
    assert (formats.share_interval(None), formats.decimal_interval(None)) == ("–", "")


@pytest.mark.parametrize(
    ("length", "to_the_minute", "to_the_second"),
    [
        (timedelta(), "under~1~min", "under~1~s"),
        (timedelta(seconds=40), "under~1~min", "40~s"),
        (timedelta(seconds=-5), "under~1~min", "under~1~s"),
        (timedelta(minutes=5, seconds=9), "5~min", "5~min 9~s"),
        (timedelta(hours=2), "2~h", "2~h"),
        (timedelta(hours=2, minutes=5, seconds=9), "2~h 5~min", "2~h 5~min"),
        (timedelta(days=3, hours=4, minutes=5), "3~d 4~h", "3~d 4~h"),
        (timedelta(days=3, minutes=5), "3~d", "3~d"),
        (None, "–", "–"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(
    length: timedelta | None, to_the_minute: str, to_the_second: str
) -> None:
    assert shown(formats.duration(length)) == to_the_minute
    assert shown(formats.duration(length, "s")) == to_the_second


def test_waiting_is_counted_from_its_begin() -> None:
    assert shown(formats.waited(timezone.now() - timedelta(hours=3, minutes=12, seconds=5))) == "3~h 12~min"


@pytest.mark.parametrize(("months", "years"), [((1, 1), 36), ((12, 31), 35)])
def test_the_age_changes_on_the_birthday(monkeypatch: pytest.MonkeyPatch, months: tuple[int, int], years: int) -> None:
    monkeypatch.setattr(timezone, "localdate", lambda: date(2026, 6, 15))
    assert formats.age(date(1990, *months)) == years


def test_dates_are_the_language_s_and_times_the_reader_s() -> None:
    when = datetime(2026, 11, 25, 23, 5, tzinfo=UTC)
    with timezone.override("Europe/Berlin"):
        assert (formats.day(when), formats.moment(when)) == ("26 Nov 2026", "26 Nov 2026, 00:05")
        with translation.override("de"):
            assert (formats.day(when), formats.moment(when)) == ("26.11.2026", "26.11.2026, 00:05")
    assert formats.day(date(2026, 11, 25)) == "25 Nov 2026"


def test_a_filter_means_the_same_wherever_it_is_loaded() -> None:
    meanings: dict[str, set[Any]] = {}
    for library in (clinical, oversight, reading, ui):
        for name, function in library.register.filters.items():
            meanings.setdefault(name, set()).add(function)
    assert {name: functions for name, functions in meanings.items() if len(functions) > 1} == {}
