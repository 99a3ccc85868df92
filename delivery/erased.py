"""With a study that is deleted goes what the outbox keeps of it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.dispatch import receiver

from delivery.models import Content, Delivery
from delivery.states import OPEN, DeliveryStatus
from diagnosis.actions.deletion import study_erased
from diagnosis.models import Study


@receiver(study_erased)
def _study_erased(study: Study, **_: Any) -> None:
    """In the same transaction. The rows stay, with when something was sent and whereto, and without its words."""
    # An event that goes beside its study's line names the study in its words alone.
    named = Q(study=None, content=Content.EVENT, payload__data__study=str(study.pk))
    about = Q(study=study) | Q(report__study=study) | named
    of_study = list(Delivery.objects.filter(about).values_list("pk", flat=True))
    rows = Delivery.objects.filter(pk__in=of_study)
    # Whoever sends one at this moment finds that the lease is gone, and writes nothing back.
    rows.filter(status__in=OPEN).update(status=DeliveryStatus.CANCELLED, held_until=None)
    rows.update(study=None, report=None, payload={}, last_answer="")
