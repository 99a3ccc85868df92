"""What `manage.py check --deploy` looks at beyond Django's own checks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, register
from django.core.checks import Warning as Caution

from ml.confinement import report_of_this_host
from ml.imaging.sandbox import Isolation


@register("decoder", deploy=True)
def decoder(**_: Any) -> list[CheckMessage]:
    """Whether a file from outside could do harm by way of a decoder, on the host where this runs."""
    if settings.DECODER_ISOLATION not in set(Isolation):
        allowed = ", ".join(Isolation)
        return [Error(f"DECODER_ISOLATION is one of: {allowed}.", id="portal.E002")]
    report = report_of_this_host()
    found = "; ".join(report.lines())
    if not report.contains_attackers:
        return [Caution(f"This host cannot contain whoever takes over a decoder: {found}.", id="portal.W002")]
    if report.missing:
        return [Info(f"Files are decoded behind fewer layers than there are: {found}.", id="portal.I002")]
    return []
