"""Which systems may place orders is a right: whatever changes it is told to the audit trail."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from audit.record import tell_rights
from audit.vocabulary import Action
from orders.models import OrderSource


@receiver(post_save, sender=OrderSource)
def _source_saved(instance: OrderSource, created: bool, **_: Any) -> None:
    told = {
        "source": instance.name,
        "networks": ", ".join(instance.networks.split()),
        "worklist": instance.worklist_host,
        "fhir": instance.fhir_system,
        "clinic": str(instance.clinic_id),
        "state": "active" if instance.is_active else "off",
    }
    action = Action.CREATE if created else Action.UPDATE
    tell_rights(instance._meta.label_lower, instance.pk, action, told)
