"""Drawings of numbers: where each mark stands, worked out here; colours and letters are the style sheet's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from diagnosis import formats

WIDTH = 360.0
# Columns and dots: the field inside the axes.
LEFT, RIGHT, TOP, BOTTOM = 34.0, 354.0, 10.0, 150.0
HEIGHT = 176.0
ROW = 36.0
LABELS_AT_MOST = 6


@dataclass(frozen=True)
class Tick:
    """A number or word on an axis."""

    at: str
    text: str


@dataclass(frozen=True)
class Bar:
    label: str
    text: str
    width: str
    top: str
    baseline: str


@dataclass(frozen=True)
class Bars:
    """Lying bars, one below another."""

    key: str
    title: str
    description: str
    height: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Segment:
    tone: str
    left: str
    top: str
    width: str
    height: str
    description: str


@dataclass(frozen=True)
class Columns:
    """Standing columns of stacked parts."""

    key: str
    title: str
    description: str
    legend: Sequence[tuple[str, str]]
    segments: Sequence[Segment]
    steps: Sequence[Tick]
    ticks: Sequence[Tick]


@dataclass(frozen=True)
class Measured:
    """A value with its interval, or None where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Dot:
    series: int
    x: str
    y: str
    low: str
    high: str
    description: str


@dataclass(frozen=True)
class Dots:
    """Values with whiskers, by month; the series differ in shape, not in colour alone."""

    key: str
    title: str
    description: str
    legend: Sequence[tuple[int, str]]
    dots: Sequence[Dot]
    steps: Sequence[Tick]
    ticks: Sequence[Tick]


def place(value: float, lowest: float) -> str:
    """Where a value from `lowest` to 1 stands on the axis of a small drawing, 2 to 98."""
    return _n(2 + 96 * (max(value, lowest) - lowest) / (1 - lowest))


def bars(key: str, title: str, rows: Sequence[tuple[str, float, str]]) -> Bars:
    """`rows`: label, value (0 or more), and the value as text."""
    most = max((value for _label, value, _text in rows), default=0) or 1
    drawn = [
        Bar(label, text, _n(WIDTH * value / most), _n(ROW * number + 18), _n(ROW * number + 13))
        for number, (label, value, text) in enumerate(rows)
    ]
    description = "; ".join(f"{label}: {text}" for label, _value, text in rows)
    return Bars(key, title, description, _n(ROW * len(rows)), drawn)


def columns(key: str, title: str, labels: Sequence[str], series: Sequence[tuple[str, str, Sequence[int]]]) -> Columns:
    """`series`: tone, name, and one count for each label; stacked in this order from below."""
    sums = [sum(counts) for counts in zip(*(counts for _tone, _name, counts in series), strict=True)]
    top = _ceiling(max(sums, default=0))
    slot = (RIGHT - LEFT) / max(len(labels), 1)
    segments: list[Segment] = []
    for number, label in enumerate(labels):
        below = 0
        for tone, name, counts in series:
            count = counts[number]
            if count:
                height = (BOTTOM - TOP) * count / top
                bottom = BOTTOM - (BOTTOM - TOP) * below / top
                left = LEFT + slot * number + slot * 0.12
                description = _("%(label)s: %(count)d %(name)s") % {"label": label, "count": count, "name": name}
                segments.append(Segment(tone, _n(left), _n(bottom - height), _n(slot * 0.76), _n(height), description))
            below += count
    totals = ", ".join(f"{sum(counts)} {name}" for _tone, name, counts in series)
    legend = [(tone, name) for tone, name, _ in series]
    return Columns(
        key,
        title,
        _("In total: %(counts)s.") % {"counts": totals},
        legend,
        segments,
        _steps(0, top),
        _ticks(labels, slot),
    )


def dots(
    key: str,
    title: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[Measured | None]]],
    *,
    lowest: float = 0.0,
) -> Dots:
    """`series`: name, and one value (`lowest` to 1) or None for each label."""
    slot = (RIGHT - LEFT) / max(len(labels), 1)
    drawn = [
        _dot(number, label, name, value, LEFT + slot * (place + 0.5) + _aside(number, len(series), slot), lowest)
        for number, (name, values) in enumerate(series)
        for place, (label, value) in enumerate(zip(labels, values, strict=True))
        if value is not None
    ]
    description = " ".join(f"{name}: {_last(labels, values)}." for name, values in series)
    legend = [(number, name) for number, (name, _) in enumerate(series)]
    return Dots(key, title, description, legend, drawn, _steps(lowest, 1.0), _ticks(labels, slot))


def _dot(series: int, label: str, name: str, value: Measured, x: float, lowest: float) -> Dot:
    def y(at: float) -> str:
        return _n(BOTTOM - (BOTTOM - TOP) * (max(at, lowest) - lowest) / (1 - lowest))

    interval = formats.decimal_interval((value.low, value.high))
    words = {"label": label, "name": name, "value": formats.decimal(value.value), "interval": interval}
    description = _("%(label)s: %(name)s %(value)s (%(interval)s)") % words
    return Dot(series, _n(x), y(value.value), y(value.low), y(value.high), description)


def _aside(number: int, count: int, slot: float) -> float:
    """Series stand beside each other, so that no whisker hides another."""
    return (number - (count - 1) / 2) * min(slot / (count + 0.6), 11.0)


def _last(labels: Sequence[str], values: Sequence[Measured | None]) -> str:
    known = [(label, value) for label, value in zip(labels, values, strict=True) if value is not None]
    if not known:
        return _("no value")
    label, value = known[-1]
    interval = formats.decimal_interval((value.low, value.high))
    words = {"value": formats.decimal(value.value), "label": label, "interval": interval}
    return _("%(value)s in %(label)s, 95 %% interval %(interval)s") % words


def _ceiling(most: int) -> int:
    """A round number that is not below `most` and has a whole half."""
    if most <= 2:
        return 2
    power = 10 ** (len(str(most)) - 1)
    return next(step * power for step in (1, 2, 4, 6, 8, 10, 20) if step * power >= most and step * power % 2 == 0)


def _steps(low: float, high: float) -> list[Tick]:
    middle = (low + high) / 2
    spans = [(BOTTOM, low), ((TOP + BOTTOM) / 2, middle), (TOP, high)]
    return [Tick(_n(y), formats.decimal(value, 0 if value == int(value) else 1)) for y, value in spans]


def _ticks(labels: Sequence[str], slot: float) -> list[Tick]:
    every = max(1, -(-len(labels) // LABELS_AT_MOST))
    return [Tick(_n(LEFT + slot * (n + 0.5)), label) for n, label in enumerate(labels) if n % every == 0]


def _n(value: float) -> str:
    """As SVG wants it, in every language."""
    return f"{value:.1f}"
