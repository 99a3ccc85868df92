"""What makes an event, and what it says: a type, a time and keys. No name, no number, no result.

The moves of the states' tables are told by the rows that log them, in the transaction that makes them.
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from delivery import outbox
from delivery.models import Content, Destination
from diagnosis.models import (
    Addendum,
    Analysis,
    CriticalResult,
    EnteredInError,
    Report,
    ReportTransition,
    Study,
    Transition,
)
from diagnosis.states import AnalysisStatus, ReportStatus

STUDY_RESULT, SIGNED, AMENDED = "study.result", "report.signed", "report.amended"
CRITICAL = "critical_result.opened"


@receiver(post_save, sender=Transition)
def _analysis_moved(instance: Transition, created: bool, **_: Any) -> None:
    if created and instance.target == AnalysisStatus.SUCCEEDED:
        analysis = Analysis.objects.select_related("study").get(pk=instance.analysis_id)
        _queue(STUDY_RESULT, analysis.study, analysis=analysis.pk)


@receiver(post_save, sender=ReportTransition)
def _report_moved(instance: ReportTransition, created: bool, **_: Any) -> None:
    if created and instance.target == ReportStatus.FINAL:
        report = Report.objects.select_related("study").get(pk=instance.report_id)
        _queue(AMENDED if report.corrects_id else SIGNED, report.study, report=report.pk)


@receiver(post_save, sender=Addendum)
@receiver(post_save, sender=EnteredInError)
def _report_added_to(instance: Addendum | EnteredInError, created: bool, **_: Any) -> None:
    if created:
        report = Report.objects.select_related("study").get(pk=instance.report_id)
        _queue(AMENDED, report.study, f"{type(instance).__name__} {instance.pk}", report=report.pk)


@receiver(post_save, sender=CriticalResult)
def _critical_result_made(instance: CriticalResult, created: bool, **_: Any) -> None:
    """Goes out beside the line of its study, in which a result may wait to be read."""
    if created:
        _queue(CRITICAL, instance.study, beside=True, critical_result=instance.pk)


def _queue(kind: str, study: Study, further: str = "", *, beside: bool = False, **keys: object) -> None:
    wanting = Destination.objects.wanting(Content.EVENT, clinic=study.clinic_id)
    data = {"clinic": str(study.clinic_id), "study": str(study.pk)} | {name: str(key) for name, key in keys.items()}
    about = further or " ".join(str(key) for key in keys.values())
    for one in wanting:
        outbox.enqueue(
            destination=one,
            content=Content.EVENT,
            study=None if beside else study,
            key=f"{kind} {about}",
            payload={"type": kind, "timestamp": timezone.now().isoformat(), "data": data},
        )
