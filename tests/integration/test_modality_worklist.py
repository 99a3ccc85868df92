"""What Orthanc's worklist has scheduled becomes orders here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from accounts.models import Clinic
from diagnosis.models import Patient
from orders import modality_worklist
from orders.models import Order, OrderSource
from tests import orthanc
from tests.ports import own_port

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(orthanc.is_missing(orthanc.WORKLISTS), reason="no Orthanc here"),
]


def entry(number: str, *, name: str = "Berg^Alma", born: str = "19580314", accession: str) -> Dataset:
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientID, made.PatientName, made.PatientBirthDate, made.PatientSex = number, name, born, "F"
    made.AccessionNumber, made.StudyInstanceUID = accession, generate_uid()
    made.ReferringPhysicianName, made.RequestedProcedureDescription = "Sommer^Eva^^Dr", "Chest X-ray"
    made.RequestedProcedureID, made.RequestedProcedurePriority = "1", "STAT"
    made.ReasonForTheRequestedProcedure = "Pneumonia?"
    made.PlacerOrderNumberImagingServiceRequest = "0"  # as some write that they have none
    step = Dataset()
    step.Modality, step.ScheduledStationAETitle = "DX", "ROOM1"
    step.ScheduledProcedureStepStartDate = f"{timezone.localdate():%Y%m%d}"
    step.ScheduledProcedureStepStartTime = "103000"
    made.ScheduledProcedureStepSequence = [step]
    return made


def write(folder: Path, name: str, made: Dataset) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.276.0.7230010.3.1.0.1", generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    FileDataset(None, made, file_meta=meta, preamble=b"\0" * 128).save_as(folder / name, enforce_file_format=True)  # type: ignore[arg-type]


@pytest.fixture
def worklist(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Port of a running Orthanc, and the folder of its worklist."""
    folder, port = tmp_path / "worklist", own_port()
    folder.mkdir()
    more = {
        "DicomAlwaysAllowFindWorklist": True,
        "Worklists": {"Enable": True, "Database": str(folder), "FilterIssuerAet": False},
    }
    with orthanc.running(
        tmp_path / "orthanc", dicom=port, web=own_port(), title="RIS", plugins=(orthanc.WORKLISTS,), **more
    ):
        yield port, folder


# pynetdicom leaves the socket of a call that nobody takes to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_the_worklist_of_orthanc_becomes_orders(worklist: tuple[int, Path], clinic: Clinic, patient: Patient) -> None:
    port, folder = worklist
    source = OrderSource.objects.create(
        clinic=clinic, name="RIS", worklist_host="127.0.0.1", worklist_port=port, worklist_title="RIS"
    )
    write(folder, "1.wl", entry("MRN-0001", accession="ACC-1"))
    write(folder, "2.wl", entry("N-1", name="Müller^Jörg", accession="ACC-2"))
    write(folder, "3.wl", entry("MRN-0001", born="19580315", accession="ACC-3"))
    assert modality_worklist.ask(source) == 2
    order = Order.objects.get(accession_number="ACC-1")
    assert (order.patient, order.status, order.modality, order.priority) == (patient, "scheduled", "DX", "urgent")
    assert (order.clinical_question, order.referring_physician) == ("Pneumonia?", "Dr Eva Sommer")
    assert Patient.objects.get(medical_record_number="N-1").name == "Müller, Jörg"
    assert not Order.objects.filter(accession_number="ACC-3").exists(), "another birth date"
    source.refresh_from_db()
    assert source.failure == modality_worklist.UNUSABLE
    assert modality_worklist.ask(source) == 0, "nothing has changed"
    OrderSource.objects.update(worklist_title="OTHER", worklist_port=own_port())
    modality_worklist.ask(OrderSource.objects.get())
    source.refresh_from_db()
    assert source.failure == modality_worklist.UNREACHABLE
