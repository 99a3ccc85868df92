"""What happens to studies and reports, told to their orders once it is committed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.signals import post_save
from django.dispatch import receiver

from diagnosis.actions.deletion import study_erased
from diagnosis.models import Addendum, Correction, ReportTransition, Study, Withdrawal
from diagnosis.models.correction import CorrectionKind
from orders import actions, following
from orders.hl7 import results
from orders.models import MessageBody, Order, OrderTransition
from orders.states import OrderStatus


@receiver(post_save, sender=Study)
def _study_filed(instance: Study, created: bool, **_: Any) -> None:
    if created and instance.accession_number:
        _afterwards(following.study_filed, instance.pk)


@receiver(post_save, sender=ReportTransition)
def _report_moved(instance: ReportTransition, **_: Any) -> None:
    _afterwards(following.study_changed, instance.report.study_id)
    if instance.report.is_final:
        results.enqueue(instance.report)


@receiver(post_save, sender=Addendum)
def _addendum_signed(instance: Addendum, **_: Any) -> None:
    results.enqueue(instance.report)


@receiver(post_save, sender=OrderTransition)
def _order_moved(instance: OrderTransition, created: bool, **_: Any) -> None:
    """One that came after its report was signed gets it all the same."""
    if created and instance.target == OrderStatus.AUTHORISED:
        results.enqueue_for(instance.order)


@receiver(post_save, sender=Withdrawal)
def _taken_back(instance: Withdrawal, **_: Any) -> None:
    _afterwards(following.study_changed, instance.study_id)


@receiver(post_save, sender=Correction)
def _corrected(instance: Correction, created: bool, **_: Any) -> None:
    transaction.on_commit(following.sweep, robust=True)
    if created and instance.kind == CorrectionKind.MERGE_PATIENTS:
        actions.note_merge(instance)


@receiver(study_erased)
def _study_erased(study: Study, **_: Any) -> None:
    """With a study that is deleted goes what its orders say of the person, and the messages that said it.

    Also of orders that had its images until those were taken back; not of one whose images turned out to be another
    patient's, and that waits for its own.
    """
    theirs = Q(patient=study.patient_id) | Q(patient__merged_into=study.patient_id)
    had = Order.objects.filter(Q(study=study) | Q(theirs, study=None, former_study=study))
    orders = list(had.values_list("pk", flat=True))
    MessageBody.objects.filter(orders__in=orders).delete()
    Order.objects.filter(pk__in=orders).delete()


def _afterwards(follow: Callable[[UUID], None], key: UUID) -> None:
    """Where it fails, the upload or the signature stands all the same, and the sweep comes by."""
    transaction.on_commit(partial(follow, key), robust=True)
