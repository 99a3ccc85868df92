"""Priors from Debian's Orthanc: asked for, fetched by C-GET and by C-MOVE, and filed beside what made them wanted."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone
from pydicom import dcmread
from pydicom.uid import RLELossless

from accounts.models import Clinic
from audit.models import AuditEvent
from diagnosis.models import Patient, Review, Scan, Study
from network import querying, retrieving, sorting
from network.listener import Door, Listener
from network.models import PriorRetrieval, PriorsBy, ReceivedInstance, ReceivedStudy, RemoteEntity
from network.states import RetrievalStatus as S
from tests import orthanc
from tests.images import ct_dicom, xray_dicom
from tests.integration import test_dicom_out
from tests.integration.test_dicom_out import ports  # noqa: F401
from tests.ports import own_port

pytestmark = [
    # The listener's threads have connections of their own.
    pytest.mark.django_db(transaction=True),
    *(mark for mark in test_dicom_out.pytestmark if mark.name != "django_db"),
]
OLD, OLDER, OTHER = "1.2.826.0.1.1", "1.2.826.0.1.2", "1.2.826.0.1.3"


@pytest.fixture
def listener() -> Iterator[Listener]:
    door = Door("127.0.0.1", 0, "PORTAL", associations=4, most_bytes=2_000_000, a_minute=1000, seconds=60.0)
    made = Listener(door, arrived=lambda: None)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def archive(
    clinic: Clinic,
    ports: tuple[int, int],  # noqa: F811
    tmp_path: Path,
    listener: Listener,
    settings: LazySettings,
) -> Iterator[RemoteEntity]:
    settings.PRIORS_PER_HOUR, settings.DICOM_TIMEOUT_SECONDS = 60, 60
    known = {"DicomModalities": {"portal": ["PORTAL", "127.0.0.1", listener.port]}}
    with orthanc.running(tmp_path / "orthanc", dicom=ports[0], web=ports[1], DicomCheckCalledAet=True, **known):
        yield RemoteEntity.objects.create(
            clinic=clinic,
            title="ARCHIVE",
            networks="127.0.0.1",
            priors_by=PriorsBy.GET,
            query_host="127.0.0.1",
            query_port=ports[0],
        )


def rle(**header: Any) -> bytes:
    dataset, out = dcmread(BytesIO(xray_dicom(**header))), BytesIO()
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(out)
    return out.getvalue()


def put(port: int, study: str, day: str, *, kind: Callable[..., bytes] = xray_dicom, **header: Any) -> None:
    """Into the archive, of the patient unless told otherwise."""
    known = {"patient_id": "MRN-0001", "patient_name": "Berg^Alma", "birth_date": date(1958, 3, 14)}
    overrides = {"StudyInstanceUID": study, "StudyDate": day, "SOPInstanceUID": f"{study}.{header.get('seed')}"}
    data = kind(overrides=overrides, **{**known, **header})
    urllib.request.urlopen(f"http://127.0.0.1:{port}/instances", data=data, timeout=30).close()


def go() -> PriorRetrieval:
    """As the process that fetches and the worker that sorts; what was asked last."""
    PriorRetrieval.objects.update(next_attempt_at=timezone.now())
    retrieving.retrieve_some(arrived=lambda: None)
    while sorting.sort_some(seconds=600):
        pass
    return PriorRetrieval.objects.order_by("-wanted_at").first()  # type: ignore[return-value]


def test_priors_of_orthanc(
    archive: RemoteEntity,
    ports: tuple[int, int],  # noqa: F811
    upload: Callable[..., Scan],
    patient: Patient,
) -> None:
    put(ports[1], OLD, "20200102", seed=1)
    put(ports[1], OLD, "20200102", seed=2, kind=rle)
    put(ports[1], OTHER, "20210102", seed=3, patient_name="Quist^Ole")
    new = upload(seed=50).study
    row = go()
    assert (row.status, row.last_answer) == (S.DONE, f"{retrieving.FETCHED}\n{retrieving.OTHERS}")
    prior = Study.objects.get(study_instance_uid=OLD)
    assert (prior.patient, prior.fetched_from, prior.series.count()) == (patient, "ARCHIVE", 1)
    assert Scan.objects.filter(series__study=prior).count() == 2
    stored = [dcmread(scan.original.path, stop_before_pixels=True) for scan in Scan.objects.filter(series__study=prior)]
    assert RLELossless in {one.file_meta.TransferSyntaxUID for one in stored}, "it comes as the archive has it"
    assert not ReceivedStudy.objects.exists()
    told = AuditEvent.objects.filter(route__startswith="DICOM C").order_by("pk").values_list("object_id", flat=True)
    assert list(told) == [str(new.pk), str(prior.pk)]
    # By C-MOVE, and only what is not here: what the archive sends for us is known by the message it answers.
    RemoteEntity.objects.update(priors_by=PriorsBy.MOVE)
    put(ports[1], OLDER, "20190102", seed=4, kind=ct_dicom)
    upload(seed=51)
    row = go()
    assert [one["uid"] for one in row.found] == [OLDER]
    older = Study.objects.get(study_instance_uid=OLDER)
    assert (row.status, older.is_prior, older.modality) == (S.DONE, True, "ct")
    assert ReceivedInstance.objects.get(scan__series__study=older).retrieval == row
    assert set(Review.objects.values_list("study", flat=True)) == {new.pk, row.study_id}
    assert PriorRetrieval.objects.count() == 2, "a prior asks for none"
    # Nobody is there.
    RemoteEntity.objects.update(query_port=own_port())
    upload(seed=52)
    row = go()
    assert (row.status, row.attempts, row.last_answer) == (S.WANTED, 1, querying.NOBODY)
