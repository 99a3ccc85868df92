"""What the portal's database, its disk and the archive have."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.chaos.counting import Analysis, Archived, Found, Image
from tests.bench.chaos.parts import Archive


def open_jobs() -> dict[str, int]:
    """What still waits for a worker, by kind."""
    from delivery.models import Delivery
    from delivery.states import OPEN
    from diagnosis.models import Analysis as Row
    from diagnosis.states import AnalysisStatus
    from network.models import InstanceStatus, ReceivedInstance

    return {
        "to sort": ReceivedInstance.objects.filter(status=InstanceStatus.RECEIVED).count(),
        "to analyse": Row.objects.filter(status__in=[AnalysisStatus.QUEUED, AnalysisStatus.RUNNING]).count(),
        "to send": Delivery.objects.filter(status__in=OPEN).count(),
    }


def met() -> dict[str, int]:
    """How often a kill met something in the middle of it, by the rows that say so."""
    from delivery.models import DeliveryAttempt, Outcome
    from diagnosis.models import Transition

    notes, tries = Transition.objects, DeliveryAttempt.objects
    return {
        "analyses that lost their worker": notes.filter(note="worker_lost").count(),
        "or the database": notes.filter(note="database_away").count(),
        "deliveries that lost their worker": tries.filter(outcome=Outcome.LOST).count(),
        "or found the archive away": tries.filter(outcome=Outcome.AGAIN).count(),
    }


def everything(acknowledged: Mapping[str, str], archive: Archive) -> Found:
    return Found(acknowledged, _images(), _analyses(), _archived(archive))


def _images() -> list[Image]:
    from diagnosis.models import Scan

    rows = Scan.objects.select_related("series__study")
    return [
        Image(row.sop_instance_uid, row.study.study_instance_uid, str(row.study.pk), whole=_is_whole(row))
        for row in rows
    ]


def _is_whole(row: Any) -> bool:
    path = Path(row.original.path)
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == row.sha256


def _analyses() -> list[Analysis]:
    from diagnosis.models import Analysis as Row

    rows = Row.objects.select_related("study").prefetch_related("predictions", "image_results__image")
    return [_analysis(row) for row in rows]


def _analysis(row: Any) -> Analysis:
    """A failure for what the image shows is an end; one that a further try may mend is not."""
    from delivery.dicom import capture
    from delivery.dicom.uids import made_of
    from diagnosis.states import AnalysisStatus

    study, number = row.study.study_instance_uid, row.number
    if row.status != AnalysisStatus.SUCCEEDED:
        return Analysis(study, number, ended=row.status == AnalysisStatus.FAILED and not row.failure_retryable)
    objects = {made_of(row.pk, "SR"): "SR", **{capture.instance_of(one): "OT" for one in row.predictions.all()}}
    images = frozenset(one.image.sop_instance_uid for one in row.image_results.all())
    return Analysis(study, number, ended=True, images=images, objects=objects)


def _archived(archive: Archive) -> list[Archived]:
    studies = {one["ID"]: one["MainDicomTags"]["StudyInstanceUID"] for one in archive.asked("/studies?expand")}
    series = {
        one["ID"]: (studies[one["ParentStudy"]], one["MainDicomTags"]["Modality"])
        for one in archive.asked("/series?expand")
    }
    return [
        Archived(one["MainDicomTags"]["SOPInstanceUID"], *series[one["ParentSeries"]])
        for one in archive.asked("/instances?expand")
    ]
