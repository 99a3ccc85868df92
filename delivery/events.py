"""What makes something due to go out: an analysis that succeeds, a reading that is decided, a report that is signed.

The moves of the states' tables are told by the rows that log them, in the transaction that makes them.
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from delivery import outbox
from delivery.dicom.report import version_of
from delivery.models import Content, Destination
from diagnosis.models import Addendum, Analysis, EnteredInError, Report, ReportTransition, ReviewTransition, Transition
from diagnosis.models.review import OPEN
from diagnosis.states import AnalysisStatus, ReportStatus


@receiver(post_save, sender=Transition)
def _analysis_moved(instance: Transition, created: bool, **_: Any) -> None:
    if created and instance.target == AnalysisStatus.SUCCEEDED:
        _queue_result(Analysis.objects.select_related("study").get(pk=instance.analysis_id))


def _queue_result(analysis: Analysis) -> None:
    for one in Destination.objects.wanting(Content.STUDY_RESULT, clinic=analysis.study.clinic_id):
        # What waits of an earlier result is looked at once more, and makes way.
        outbox.look_again(analysis.study)
        outbox.enqueue(
            destination=one,
            content=Content.STUDY_RESULT,
            study=analysis.study,
            key=f"result {analysis.pk}",
            payload={"analysis": str(analysis.pk)},
        )


@receiver(post_save, sender=ReviewTransition)
def _review_moved(instance: ReviewTransition, created: bool, **_: Any) -> None:
    """A result that waited to be read may leave now."""
    if created and instance.target not in OPEN:
        outbox.look_again(instance.review.study)


@receiver(post_save, sender=ReportTransition)
def _report_moved(instance: ReportTransition, created: bool, **_: Any) -> None:
    if created and instance.target == ReportStatus.FINAL:
        _queue_report(instance.report_id)


@receiver(post_save, sender=Addendum)
@receiver(post_save, sender=EnteredInError)
def _report_added_to(instance: Addendum | EnteredInError, created: bool, **_: Any) -> None:
    if created:
        _queue_report(instance.report_id)


def _queue_report(key: Any) -> None:
    report = Report.objects.select_related("study").get(pk=key)
    version = version_of(report)
    for one in Destination.objects.wanting(Content.SIGNED_REPORT, clinic=report.study.clinic_id):
        outbox.enqueue(
            destination=one,
            content=Content.SIGNED_REPORT,
            study=report.study,
            report=report,
            key=f"report {report.pk} {version}",
            payload={"version": version},
        )
