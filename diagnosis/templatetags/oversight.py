"""Words of the administrator's screen. `{% load oversight %}`"""

from __future__ import annotations

from typing import Any

from django import template

from diagnosis import formats
from diagnosis.models import Correction, Report, Scan
from diagnosis.rules import corrections

register = template.Library()
register.filter("share", formats.share)
register.filter("share_interval", formats.share_interval)
register.filter("decimal", formats.decimal)
register.filter("decimal_interval", formats.decimal_interval)
register.filter("duration", formats.duration)


@register.simple_tag
def corrections_of(scan: Scan) -> list[Correction]:
    return corrections.corrections_of(scan)


@register.simple_tag
def signed_under(report: Report) -> dict[str, Any] | None:
    return corrections.signed_under(report)
