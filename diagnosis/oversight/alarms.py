"""Tells a clinic's administrators once that the answers of its classifiers have moved."""

from __future__ import annotations

from accounts.models import Clinic, Membership
from accounts.permissions import Permission
from diagnosis import notifications
from diagnosis.models import DriftAlarm
from diagnosis.oversight import usage
from diagnosis.oversight.drift import watched


def tell_of_drift(clinic: Clinic) -> int:
    """Keep each new alarm and mail the administrators, without a clinical word. Returns how many were new."""
    new = 0
    for version, found in watched(usage.weekly([clinic.pk])):
        if found.since is None:
            continue
        _, is_new = DriftAlarm.objects.get_or_create(
            clinic=clinic,
            name=version.name,
            version=version.version,
            since=found.since,
            defaults={"is_higher": found.is_higher},
        )
        new += is_new
    if new:
        people = Membership.objects.people(Permission.MANAGE_CLINIC, clinic.pk)
        notifications.mail_of_drift(people, clinic)
    return new
