"""Who may send is a right: whatever changes it is told to the audit trail."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from audit.notes import current, note_detail, note_event, note_object
from audit.record import record
from audit.vocabulary import Action, Event
from network.models import RemoteEntity


@receiver(post_save, sender=RemoteEntity)
def _entity_saved(instance: RemoteEntity, created: bool, **_: Any) -> None:
    action = Action.CREATE if created else Action.UPDATE
    told = {
        "entity": instance.title,
        "networks": ", ".join(instance.networks.split()),
        "port for reports": str(instance.report_port or ""),
        "priors": f"{instance.priors_by} {instance.query_host}:{instance.query_port}" if instance.priors_by else "",
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
