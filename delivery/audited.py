"""Where data of patients are sent is a right: whatever changes it is told to the audit trail."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.db.models.signals import post_save
from django.dispatch import receiver

from audit.notes import current, note_detail, note_event, note_object
from audit.record import record
from audit.vocabulary import Action, Event
from delivery.models import Delivery, DeliveryAttempt, Destination, Outcome


@receiver(post_save, sender=Destination)
def _destination_saved(instance: Destination, created: bool, **_: Any) -> None:
    action = Action.CREATE if created else Action.UPDATE
    told = {
        "destination": instance.name,
        "kind": instance.kind,
        "to": _where(instance),
        "contents": ", ".join(instance.contents),
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


def _where(destination: Destination) -> str:
    """Of a webhook without path and query, in which many receivers carry a secret: the trail is never erased."""
    if not destination.url:
        return f"{destination.host}:{destination.port}"
    parts = urlsplit(destination.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@receiver(post_save, sender=DeliveryAttempt)
def _tried(instance: DeliveryAttempt, created: bool, **_: Any) -> None:
    """One entry for each time that something of a patient left the portal."""
    delivery: Delivery = instance.delivery
    if instance.outcome != Outcome.DELIVERED or delivery.study is None:
        return
    record(
        Event.EXPORT,
        Action.EXECUTE,
        route=f"delivery {delivery.destination.kind}",
        object_type="diagnosis.study",
        object_id=str(delivery.study_id),
        patient=delivery.study.patient_id,
        detail={"to": str(delivery.destination_id), "content": delivery.content},
    )
