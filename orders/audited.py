"""Which systems may place orders is a right: whatever changes it is told to the audit trail."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from audit.notes import current, note_detail, note_event, note_object
from audit.record import record
from audit.vocabulary import Action, Event
from orders.models import OrderSource


@receiver(post_save, sender=OrderSource)
def _source_saved(instance: OrderSource, created: bool, **_: Any) -> None:
    action = Action.CREATE if created else Action.UPDATE
    told = {
        "source": instance.name,
        "networks": ", ".join(instance.networks.split()),
        "worklist": instance.worklist_host,
        "fhir": instance.fhir_system,
        "clinic": str(instance.clinic_id),
        "state": "active" if instance.is_active else "off",
    }
    kind = instance._meta.label_lower
    if current() is None:
        record(Event.RIGHTS, action, object_type=kind, object_id=str(instance.pk), detail=told)
        return
    note_event(Event.RIGHTS, action)
    note_object(kind, instance.pk)
    note_detail(**told)
