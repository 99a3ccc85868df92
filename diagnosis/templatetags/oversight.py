"""Words of the administrator's screen. `{% load oversight %}`"""

from __future__ import annotations

from django import template

from diagnosis import formats

register = template.Library()
register.filter("share", formats.share)
register.filter("share_interval", formats.share_interval)
register.filter("decimal", formats.decimal)
register.filter("decimal_interval", formats.decimal_interval)
register.filter("duration", formats.duration)
