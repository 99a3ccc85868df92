"""A study that comes in makes the archives of its clinic be asked for earlier ones."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.dispatch import receiver

from diagnosis.actions.receiving import study_arrived
from diagnosis.models import Study
from network import tasks
from network.models import PriorRetrieval, RemoteEntity


@receiver(study_arrived)
def _study_arrived(study: Study, **_: Any) -> None:
    """In the same transaction, once for each study and archive."""
    if not settings.PRIORS_PER_HOUR:
        return
    for archive in RemoteEntity.objects.sources().filter(clinic=study.clinic_id):
        _row, created = PriorRetrieval.objects.get_or_create(entity=archive, study=study)
        if created:
            transaction.on_commit(tasks.wake_retrieval, robust=True)
