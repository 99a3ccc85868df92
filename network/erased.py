"""With a study that is deleted goes what the network keeps of it: words that name it, and files."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import receiver

from diagnosis.actions.deletion import study_erased
from diagnosis.models import Scan, Study
from network import spool
from network.models import ErasedStudy, InstanceStatus, PriorRetrieval, ReceivedInstance, ReceivedStudy
from network.models.erased_study import digest_of
from network.states import OPEN, RetrievalStatus


@receiver(study_erased)
def _study_erased(study: Study, **_: Any) -> None:
    """In the same transaction. The rows stay with UID and hash: a sender that retries files none of it by itself.

    A file that stays behind is that of a row that says filed, and is swept.
    """
    if study.study_instance_uid:
        ErasedStudy.objects.get_or_create(clinic=study.clinic, digest=digest_of(study.study_instance_uid))
    images = list(Scan.with_withdrawn.filter(series__study=study).values_list("pk", flat=True))
    kept = list(_kept_with(study).values_list("pk", flat=True))
    gone = ReceivedInstance.objects.filter(scan__in=images) | ReceivedInstance.objects.filter(pk__in=kept)
    groups = list(gone.exclude(study=None).values_list("study", flat=True).distinct())
    keys = list(gone.values_list("pk", flat=True))
    ReceivedInstance.objects.filter(pk__in=keys).update(
        status=InstanceStatus.FILED, study=None, scan=None, held_until=None, reason_code="", reason_params={}
    )
    _forget_retrievals(study)
    ReceivedStudy.objects.filter(pk__in=groups, instances=None).delete()
    transaction.on_commit(lambda: _remove(keys), robust=True)


def _forget_retrievals(study: Study) -> None:
    """What an archive named of the patient for its sake, and where an archive named the study itself."""
    for row in PriorRetrieval.objects.naming(study.study_instance_uid, study.patient_id):
        left = [one for one in row.found if one["uid"] != study.study_instance_uid]
        PriorRetrieval.objects.filter(pk=row.pk).update(found=left)
    asked = PriorRetrieval.objects.filter(study=study)
    # Whoever fetches at this moment finds that the lease is gone, and writes nothing back.
    asked.filter(status__in=OPEN).update(status=RetrievalStatus.FAILED, held_until=None)
    asked.update(study=None, found=[], last_answer="")


def _remove(keys: list[UUID]) -> None:
    for key in keys:
        spool.remove(key)


def _kept_with(study: Study) -> QuerySet[ReceivedInstance]:
    """Of an X-ray and a CT under one study UID, whichever is deleted last takes along what belongs to both."""
    same = {"patient": study.patient_id, "study_instance_uid": study.study_instance_uid}
    if not study.study_instance_uid or Study.objects.filter(**same).exclude(pk=study.pk).exists():
        return ReceivedInstance.objects.none()
    found = ReceivedStudy.objects.filter(clinic=study.clinic_id, **same)
    return ReceivedInstance.objects.filter(study__in=found, status=InstanceStatus.KEPT)
