"""What `manage.py check --deploy` looks at beyond Django's own checks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from accounts.models import Clinic
from accounts.openid import configured, is_on
from ml.confinement import report_of_this_host
from ml.imaging.sandbox import Isolation
from portal.backup.envelope import Envelope
from portal.backup.errors import BackupFailed

NOT_ASKED = Caution(
    "OIDC_ASK_EACH_TIME is 0: whoever comes next to a computer may be signed in as the one before.", id="portal.W005"
)


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


@register("single sign-on", deploy=True)
def single_sign_on(**_: Any) -> list[CheckMessage]:
    """Whether the provider is set up so that somebody can sign in by it, into clinics that exist."""
    if not is_on():
        return []
    try:
        grants = configured().grants
        missing = {grant.clinic for grant in grants} - set(Clinic.objects.values_list("name", flat=True))
    except ImproperlyConfigured as error:
        return [Error(str(error), id="portal.E004")]
    except DatabaseError:  # not there yet
        return []
    cautions = [_missing(missing)] if missing else []
    return cautions if settings.OIDC_ASK_EACH_TIME else [*cautions, NOT_ASKED]


def _missing(clinics: set[str]) -> CheckMessage:
    return Caution(f"OIDC_ROLES names clinics that do not exist: {', '.join(sorted(clinics))}.", id="portal.W004")
