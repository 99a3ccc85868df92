"""Small words of the reading room. `{% load reading %}`"""

from __future__ import annotations

from django import template

from diagnosis import formats

register = template.Library()
register.filter("duration", formats.duration)
register.filter("waited", formats.waited)
register.filter("brief_estimate", formats.brief_estimate)
