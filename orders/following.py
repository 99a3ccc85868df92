"""An order follows what happens to its images: they come, are reported, or are gone. Each step is one UPDATE.

Where it should be is asked of the study each time, so that no event has to arrive in order, or at all: a sweep asks
again.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from diagnosis.actions.study import complete_study
from diagnosis.models import Report, Study
from diagnosis.states import ReportStatus
from orders.matching import study_of, waiting_for
from orders.models import Order
from orders.states import OPEN, WITH_IMAGES, OrderStatus

log = logging.getLogger(__name__)
# Who moves an order when nobody does.
PORTAL = "portal"


def study_filed(key: UUID) -> None:
    """Give the orders that wait for this study their images."""
    if study := Study.objects.filter(pk=key).first():
        for order in waiting_for(study).values_list("pk", flat=True):
            follow(order)


def study_changed(key: UUID) -> None:
    """Look again at the orders that this study answers."""
    for order in Order.objects.filter(study=key).values_list("pk", flat=True):
        follow(order)


def follow(key: UUID) -> OrderStatus:
    """Bring one order to where its images and their report are; returns where that is."""
    with transaction.atomic():
        orders = Order.objects.select_related("clinic", "patient", "placed_by", "study")
        # Held, so that the words of an order that is cancelled just now do not reach the study.
        order = orders.select_for_update(of=("self",)).get(pk=key)
        if order.is_open:
            _take_images(order)
        elif order.study and not _is_still_its(order, order.study):
            _let_go(order)
        if order.study:
            _step_to(order, _reached(order.study))
        return OrderStatus(order.status)


def _take_images(order: Order) -> None:
    study = study_of(order)
    if study is None:
        return
    complete_study(
        by=order.placed_by,
        study=study,
        clinical_question=order.clinical_question,
        referring_physician=order.referring_physician,
        ward=order.ward,
        priority=order.priority,
    )
    if _move(order, OrderStatus.ACQUIRED, study=study, former_study=None):
        order.study = study


def _is_still_its(order: Order, study: Study) -> bool:
    return (
        study.withdrawal_id is None
        and study.representative_id is not None
        and study.patient_id == order.patient.in_use.pk
    )


def _let_go(order: Order) -> None:
    """Its images were taken back, or turned out to be another patient's."""
    _step_to(order, OrderStatus.ACQUIRED)
    if order.status != OrderStatus.ACQUIRED:
        return
    back = OrderStatus.SCHEDULED if order.scheduled_at else OrderStatus.ORDERED
    _move(order, back, study=None, former_study=order.study)
    order.study = None


def _reached(study: Study) -> OrderStatus:
    report = study.report
    if report is None or report.error:
        return OrderStatus.ACQUIRED
    return OrderStatus.AUTHORISED if report.is_final else OrderStatus.REPORTED


def _step_to(order: Order, target: OrderStatus) -> None:
    """One move after the other, none left out: a report that was signed before the order came was written before."""
    while order.status != target:
        here, there = WITH_IMAGES.index(OrderStatus(order.status)), WITH_IMAGES.index(target)
        step = WITH_IMAGES[here + 1] if there > here else OrderStatus.ACQUIRED
        if not _move(order, step):
            return  # somebody else is at it, and goes on


def _move(order: Order, target: OrderStatus, **changes: Any) -> bool:
    source = OrderStatus(order.status)
    if moved := Order.objects.move(order.pk, source, target, by=PORTAL, **changes):
        order.status = target
    return moved


def sweep() -> int:
    """Follow whatever is not where it should be; returns how many orders were looked at."""
    keys = [*_with_images_here(), *_behind()]
    for key in keys:
        try:
            follow(key)
        except Exception as error:  # the others are brought on all the same
            log.error("order %s could not be followed: %s", key, type(error).__name__)
    return len(keys)


def _with_images_here() -> list[UUID]:
    same = Study.objects.filter(clinic=OuterRef("clinic"), accession_number=OuterRef("accession_number"))
    theirs = same.filter(Q(patient=OuterRef("patient")) | Q(patient=OuterRef("patient__merged_into")))
    waiting = Order.objects.open().exclude(accession_number="").filter(Exists(theirs.exclude(representative=None)))
    return list(waiting.order_by().values_list("pk", flat=True))


def _behind() -> list[UUID]:
    """Of those with images: whose study is gone or moved, or whose report is further than they are."""
    reports = Report.objects.filter(study=OuterRef("study"), entered_in_error=None)
    drafted, signed = reports.filter(status=ReportStatus.PRELIMINARY), reports.filter(status=ReportStatus.FINAL)
    gone = Q(study__withdrawal__isnull=False) | Q(study__representative=None)
    moved = ~Q(study__patient=F("patient")) & ~Q(study__patient=F("patient__merged_into"))
    behind = Q(Exists(drafted), status=OrderStatus.ACQUIRED) | Q(
        Exists(signed), status__in=(OrderStatus.ACQUIRED, OrderStatus.REPORTED)
    )
    wrong = Q(status=OrderStatus.AUTHORISED) & ~Q(Exists(signed))
    rows = Order.objects.exclude(status__in=(*OPEN, OrderStatus.CANCELLED)).filter(gone | moved | behind | wrong)
    return list(rows.order_by().values_list("pk", flat=True))
