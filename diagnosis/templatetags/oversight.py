"""Words of the administrator's screen. `{% load oversight %}`"""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from diagnosis import formats
from diagnosis.proportion import Proportion

register = template.Library()
register.filter("share", formats.share)
register.filter("share_interval", formats.share_interval)
register.filter("decimal", formats.decimal)
register.filter("decimal_interval", formats.decimal_interval)
register.filter("duration", formats.duration)


@register.simple_tag
def rate(part: int, whole: int) -> str:
    """ "25.0 %"; "n = 3, too few" where a rate would say nothing, "–" where there is nothing to rate."""
    proportion = Proportion(part, whole)
    if proportion.share is None or proportion.is_shown:
        return formats.share(proportion.share)
    return _("n = %(n)d, too few") % {"n": whole}
