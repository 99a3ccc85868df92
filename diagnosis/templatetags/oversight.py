"""Words of the administrator's screen. `{% load oversight %}`"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import template

from diagnosis.models import Correction, Report, Scan
from diagnosis.rules import corrections

register = template.Library()
SPACE, DASH = "\u00a0", "–"


@register.filter
def share(value: float | None) -> str:
    """0.634 → "63.4 %"."""
    return DASH if value is None else f"{100 * value:.1f}{SPACE}%"


@register.filter
def share_interval(interval: tuple[float, float] | None) -> str:
    return DASH if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}{SPACE}%"


@register.filter
def two(value: float | None) -> str:
    """Two decimals, with a true minus."""
    return DASH if value is None else f"{value:.2f}".replace("-", "−")


@register.filter
def two_interval(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{two(interval[0])} to {two(interval[1])}"


@register.filter
def span(time: timedelta | None) -> str:
    """The two largest units: "3 d 4 h", "2 h 5 min", "40 s"."""
    if time is None:
        return DASH
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((n for n, (count, _) in enumerate(parts) if count), 3)
    said = [f"{count}{SPACE}{unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(said) or f"0{SPACE}s"


@register.simple_tag
def corrections_of(scan: Scan) -> list[Correction]:
    return corrections.corrections_of(scan)


@register.simple_tag
def signed_under(report: Report) -> dict[str, Any] | None:
    return corrections.signed_under(report)
