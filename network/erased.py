"""With a study that is deleted goes what the network keeps of it: rows that name it, and files that nothing shows."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import receiver

from diagnosis.actions.deletion import study_erased
from diagnosis.models import Scan, Study
from network import spool
from network.models import InstanceStatus, ReceivedInstance, ReceivedStudy


@receiver(study_erased)
def _study_erased(study: Study, **_: Any) -> None:
    """In the same transaction. A file that stays behind has no row any more, and is swept."""
    images = list(Scan.with_withdrawn.filter(series__study=study).values_list("pk", flat=True))
    kept = list(_kept_with(study).values_list("pk", flat=True))
    gone = ReceivedInstance.objects.filter(scan__in=images) | ReceivedInstance.objects.filter(pk__in=kept)
    groups = list(gone.exclude(study=None).values_list("study", flat=True).distinct())
    ReceivedInstance.objects.filter(pk__in=list(gone.values_list("pk", flat=True))).delete()
    ReceivedStudy.objects.filter(pk__in=groups, instances=None).delete()
    for key in kept:
        transaction.on_commit(partial(spool.remove, key), robust=True)


def _kept_with(study: Study) -> QuerySet[ReceivedInstance]:
    """Of an X-ray and a CT under one study UID, whichever is deleted last takes along what belongs to both."""
    same = {"patient": study.patient_id, "study_instance_uid": study.study_instance_uid}
    if not study.study_instance_uid or Study.objects.filter(**same).exclude(pk=study.pk).exists():
        return ReceivedInstance.objects.none()
    found = ReceivedStudy.objects.filter(clinic=study.clinic_id, **same)
    return ReceivedInstance.objects.filter(study__in=found, status=InstanceStatus.KEPT)
