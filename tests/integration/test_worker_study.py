"""A worker that is killed in the middle of a whole CT: while its slices arrive, and again while it is analysed."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from diagnosis import tasks
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Analysis, Notification, Patient, Review, Scan
from diagnosis.models.scan import Modality
from diagnosis.states import AnalysisStatus as S
from tests.images import ct_dicom
from tests.integration.ensemble import ensemble_members
from tests.running import Worker
from tests.slow import Pipe, eventually, reaches

pytestmark = pytest.mark.django_db(transaction=True)

SLICES = 120  # seven batches and a half


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers started after this look every second what was lost."""
    monkeypatch.setenv("ANALYSIS_SWEEP_SECONDS", "1")


@pytest.fixture
def slices_wait(settings: Any) -> None:
    """Further slices are expected until the test says that this was all."""
    settings.ANALYSIS_QUIET = timedelta(hours=1)


class Held:
    """A worker that waits in the middle of a study, because the file of `scan` is a pipe."""

    def __init__(self, scan: Scan) -> None:
        self._scan, self._pipe, self._end = scan, Pipe(scan), -1

    def is_reached(self) -> bool:
        """Whether a worker has opened the pipe. It gets no byte as long as this end is open."""
        with suppress(OSError):
            self._end = os.open(self._scan.original.path, os.O_WRONLY | os.O_NONBLOCK)
        return self._end >= 0

    def restore(self) -> None:
        self._pipe.restore()
        os.close(self._end)


def test_a_study_is_analysed_once_however_often_its_worker_is_killed(
    impatient: None, slices_wait: None, worker: Worker, patient: Patient, radiographer: User
) -> None:
    def send(number: int) -> Scan:
        data = ct_dicom(seed=number, instance_number=number)
        return upload_scan(by=radiographer, patient=patient, data=data, name="a.dcm").scan

    middle = SLICES // 2
    scans = [send(number) for number in range(1, 3)]
    held = Held(scans[1])
    scans += [send(number) for number in range(3, middle + 1)]
    kill_there(worker, held)
    analysis = Analysis.objects.get()
    assert (analysis.status, analysis.attempts) == (S.QUEUED, 0)  # it was asked ahead
    scans += [send(number) for number in range(middle + 1, SLICES + 1)]

    held = Held(scans[-1])
    Analysis.objects.update(not_before=timezone.now())
    tasks.enqueue(analysis.pk)
    worker.start()
    kill_there(worker, held)
    analysis.refresh_from_db()
    assert (analysis.status, analysis.image_results.count()) == (S.RUNNING, 0)
    Analysis.objects.update(lease_expires_at=timezone.now())  # and not in some seconds

    worker.start()
    reaches(analysis, S.SUCCEEDED)
    assert Analysis.objects.get().attempts == 2
    assert analysis.transitions.filter(target=S.SUCCEEDED).count() == 1
    assert sorted(analysis.image_results.values_list("image", flat=True)) == sorted(scan.pk for scan in scans)
    assert analysis.predictions.count() == ensemble_members(Modality.CT)
    assert (Review.objects.count(), Notification.objects.count()) == (1, 1)


def kill_there(worker: Worker, held: Held) -> None:
    """When it has come to the slice that holds it."""
    eventually(held.is_reached, "the worker is in the middle of the study")
    worker.kill()
    held.restore()
