"""Where data of patients are sent is a right: whatever changes it is told to the audit trail."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from audit.record import tell_rights
from audit.vocabulary import Action
from delivery.departures import address_of
from delivery.models import Destination


@receiver(post_save, sender=Destination)
def _destination_saved(instance: Destination, created: bool, **_: Any) -> None:
    told = {
        "destination": instance.name,
        "kind": instance.kind,
        "to": address_of(instance),
        "contents": ", ".join(instance.contents),
        "clinic": str(instance.clinic_id),
        "state": "active" if instance.is_active else "off",
    }
    action = Action.CREATE if created else Action.UPDATE
    tell_rights(instance._meta.label_lower, instance.pk, action, told)
