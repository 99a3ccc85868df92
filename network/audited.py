"""Who may send is a right: whatever changes it is told to the audit trail."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from audit.record import tell_rights
from audit.vocabulary import Action
from network.models import RemoteEntity


@receiver(post_save, sender=RemoteEntity)
def _entity_saved(instance: RemoteEntity, created: bool, **_: Any) -> None:
    told = {
        "entity": instance.title,
        "networks": ", ".join(instance.networks.split()),
        "port for reports": str(instance.report_port or ""),
        "priors": f"{instance.priors_by} {instance.query_host}:{instance.query_port}" if instance.priors_by else "",
        "clinic": str(instance.clinic_id),
        "state": "active" if instance.is_active else "off",
    }
    action = Action.CREATE if created else Action.UPDATE
    tell_rights(instance._meta.label_lower, instance.pk, action, told)
