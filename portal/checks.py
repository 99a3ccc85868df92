"""What `manage.py check --deploy` looks at beyond Django's own checks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, register
from django.core.checks import Warning as Caution

from ml.confinement import report_of_this_host
from ml.imaging.sandbox import Isolation
from portal.backup.envelope import Envelope
from portal.backup.errors import BackupFailed


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


@register("backup", deploy=True)
def backup(**_: Any) -> list[CheckMessage]:
    """Whether a backup is made every day, for somebody who can read it."""
    if not settings.BACKUP_ROOT:
        hint = "Set BACKUP_ROOT and BACKUP_RECIPIENTS, or see to it by other means: docs/manual/backup.md."
        return [Caution("The portal makes no backups.", hint=hint, id="portal.W003")]
    try:
        named = Envelope.to(settings.BACKUP_RECIPIENTS).recipients
    except BackupFailed as failed:
        return [Error(str(failed), id="portal.E003")]
    return (
        []
        if named
        else [Error("BACKUP_ROOT is set and BACKUP_RECIPIENTS is not: no backup is made.", id="portal.E003")]
    )
