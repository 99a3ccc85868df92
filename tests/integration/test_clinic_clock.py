"""What a file, a message or a form says without a time zone is the time on the clinic's wall, whoever brings it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone
from pydicom.dataset import Dataset

from accounts.models import Clinic, User
from delivery.models import Destination
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Patient, Scan, Study
from network import retrieving
from network.models import RemoteEntity
from orders import modality_worklist
from orders.hl7 import answering
from orders.models import Order, OrderSource
from tests.images import xray_dicom
from tests.unit.delivery.test_dicom import archive, built, result_of
from tests.unit.fhir.test_placing import Send, body
from tests.unit.fhir.test_placing import send as place
from tests.unit.network.arriving import Arrive
from tests.unit.network.conftest import arrive, entity, send
from tests.unit.orders.conftest import source
from tests.unit.orders.test_hl7 import PID, WORDS, said

__all__ = ["archive", "arrive", "body", "entity", "place", "send", "source"]  # fixtures
pytestmark = pytest.mark.django_db
# Half past midnight: still the day before in UTC, and summer time.
TAKEN: dict[str, Any] = {"acquired_at": datetime(2026, 7, 2, 0, 30)}  # noqa: DTZ001  a header says no zone
TAKEN_AT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def berlin(clinic: Clinic) -> None:
    clinic.time_zone = "Europe/Berlin"
    clinic.save()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_an_image_was_taken_when_the_clock_of_the_clinic_said_so(
    zone: str, patient: Patient, radiographer: User
) -> None:
    """Not by the zone of who uploads it: a person of another place, or a program."""
    with timezone.override(zone):
        made = upload_scan(by=radiographer, patient=patient, data=xray_dicom(**TAKEN), name="a.dcm").scan
    assert Scan.objects.get(pk=made.pk).acquired_at == TAKEN_AT
    assert Study.objects.get(pk=made.study_id).examined_at == TAKEN_AT


def test_an_image_that_came_by_the_network_was_taken_then_too(arrive: Arrive, entity: RemoteEntity) -> None:
    waiting = arrive(patient_id="NOBODY", **TAKEN).study
    assert waiting
    assert waiting.examined_at == TAKEN_AT
    study = Study(examined_at=TAKEN_AT)
    assert retrieving._day_of(study, entity.clinic) == TAKEN["acquired_at"].date()


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_a_date_beyond_every_calendar_is_none(zone: str, clinic: Clinic, patient: Patient, radiographer: User) -> None:
    """The last hours of 9999 are the year 10000 elsewhere, and a row with that year cannot be read again."""
    clinic.time_zone = zone
    clinic.save()
    patient.clinic = clinic
    late = {"AcquisitionDate": "99991231", "AcquisitionTime": "235959"}
    late |= {f"{name}{what}": "" for name in ("Content", "Series", "Study") for what in ("Date", "Time")}
    made = upload_scan(by=radiographer, patient=patient, data=xray_dicom(overrides=late), name="a.dcm").scan
    assert Scan.objects.get(pk=made.pk).acquired_at is None
    assert Study.objects.get(pk=made.study_id).examined_at is None


def test_what_goes_to_an_archive_says_the_hour_of_its_original(
    patient: Patient, radiographer: User, archive: Destination
) -> None:
    known = {"patient_id": patient.medical_record_number, "birth_date": patient.birth_date}
    scan = upload_scan(by=radiographer, patient=patient, data=xray_dicom(**known, **TAKEN), name="a.dcm").scan
    delivery = result_of(scan, archive)
    made = built(delivery)["SR"]
    assert (made.StudyDate, made.StudyTime) == ("20260702", "003000")
    finished = scan.study.analyses.get().finished_at
    assert finished
    written = f"{made.ContentDate}{made.ContentTime}{made.TimezoneOffsetFromUTC}"
    assert datetime.strptime(written, "%Y%m%d%H%M%S%z") == finished.replace(microsecond=0)
    assert made.TimezoneOffsetFromUTC in ("+0100", "+0200")


def test_a_message_and_a_worklist_say_the_hour_of_the_clinic(
    source: OrderSource, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = said("OMI^O23", PID, "ORC|NW|P1", "TQ1|1||||||20260702003000||R", WORDS, "IPC|ACC-2||1.2.3||DX")
    answering.answer(text.encode(), source=source, address="127.0.0.1")
    assert Order.objects.get().scheduled_at == TAKEN_AT
    step, seen = Dataset(), list[datetime | None]()

    def take(entry: Dataset, _: OrderSource) -> bool:
        seen.append(modality_worklist._scheduled(entry))
        return True

    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = "20260702", "003000"
    monkeypatch.setattr(modality_worklist, "_entries", lambda _source: [step])
    monkeypatch.setattr(modality_worklist, "take", take)
    modality_worklist.ask(source)
    assert seen == [TAKEN_AT]


def test_a_day_of_an_order_begins_at_midnight_in_the_clinic(place: Send, body: dict[str, Any]) -> None:
    assert place(body | {"occurrenceDateTime": "2026-07-02"}).status_code == 201
    assert Order.objects.get().scheduled_at == datetime(2026, 7, 1, 22, tzinfo=UTC)
