"""An archive on a real socket that answers each object as a test asks: what is kept of it, and what is sent again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt

from accounts.models import Clinic
from audit import record as audit_record
from audit.models import AuditEvent
from delivery import departures, outbox, sending
from delivery.dicom import scu
from delivery.models import Content, Delivery, Destination, Kind
from diagnosis.models import Scan
from tests.factories import finish

pytestmark = pytest.mark.django_db
SR, PICTURE = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.7"


class Archive:
    """`got`: the classes of what came, one after the other. `says`: status and comment by class, else success."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.says: dict[str, tuple[int, str]] = {}
        entity = AE("ARCHIVE")
        for one in scu.STORAGE:
            entity.add_supported_context(one, ExplicitVRLittleEndian)
        self.server: Any = entity.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._answer)]
        )

    def _answer(self, event: Any) -> Dataset:
        self.got.append(str(event.request.AffectedSOPClassUID))
        answer = Dataset()
        answer.Status, comment = self.says.get(self.got[-1], (0x0000, ""))
        if comment:
            answer.ErrorComment = comment
        return answer


@pytest.fixture
def archive() -> Iterator[Archive]:
    made = Archive()
    yield made
    made.server.shutdown()


@pytest.fixture
def row(archive: Archive, clinic: Clinic, scan: Scan) -> Delivery:
    """A result of two classifiers: a picture of each, and the report."""
    to = Destination.objects.create(
        clinic=clinic,
        kind=Kind.DICOM,
        name="Archive",
        host="127.0.0.1",
        port=archive.server.server_address[1],
        called_title="ARCHIVE",
        calling_title="PORTAL",
        contents=[Content.STUDY_RESULT],
    )
    finish(scan, 0.2, 0.91, combined=0.618)
    return to.deliveries.get()


def turn(row: Delivery) -> None:
    Delivery.objects.update(next_attempt_at=timezone.now())
    Destination.objects.update(paused_until=None)
    sending.deliver_some(seconds=20)
    row.refresh_from_db()


def test_the_audit_trail_knows_before_anything_leaves(
    archive: Archive, row: Delivery, scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_entry: AuditEvent) -> AuditEvent:
        raise DatabaseError

    with monkeypatch.context() as patched:
        patched.setattr(audit_record.chain, "append", broken)
        turn(row)
    assert (row.status, row.last_answer, archive.got) == ("waiting", departures.UNAUDITED, [])

    before: list[list[str]] = []
    append = audit_record.chain.append
    with monkeypatch.context() as patched:
        patched.setattr(audit_record.chain, "append", lambda entry: (before.append([*archive.got]), append(entry))[1])
        turn(row)
    assert (row.status, before, len(archive.got)) == ("delivered", [[]], 3)
    told = AuditEvent.objects.get(route="delivery dicom")
    assert (told.patient, told.detail["tls"]) == (scan.study.patient_id, "no")
    assert told.detail["address"] == f"ARCHIVE@127.0.0.1:{archive.server.server_address[1]}"


def test_each_answer_is_kept_and_what_was_taken_is_not_sent_again(archive: Archive, row: Delivery) -> None:
    archive.says = {PICTURE: (0xA900, "MEIER^ANNA is unknown"), SR: (0xB000, "")}
    turn(row)
    assert (row.status, archive.got) == ("refused", [PICTURE, PICTURE, SR])
    kept = row.log.get().answer
    lines = kept.splitlines()
    assert lines[0] == scu.SOME_REFUSED
    assert [line.split(" ")[0] for line in lines[1:]] == ["0xA900", "0xA900", "0xB000"]
    assert all("2.25." in line for line in lines[1:])
    assert "MEIER" not in kept
    assert "MEIER^ANNA is unknown" in row.last_answer

    archive.got.clear()
    archive.says = {}
    outbox.send_again(row)
    turn(row)
    assert (row.status, archive.got) == ("delivered", [PICTURE, PICTURE]), "the archive has the report"
    archive.got.clear()
    outbox.send_again(row)
    turn(row)
    assert (row.status, len(archive.got)) == ("delivered", 3), "whoever sends again what is there has lost it"


def test_a_warning_is_kept_and_a_full_archive_gets_the_rest_later(archive: Archive, row: Delivery) -> None:
    archive.says = {SR: (0xA700, "full")}
    turn(row)
    assert (row.status, archive.got) == ("waiting", [PICTURE, PICTURE, SR])
    assert row.log.get().answer.splitlines()[0] == scu.BUSY_NOW
    archive.got.clear()
    archive.says = {SR: (0xB000, "")}
    turn(row)
    assert (row.status, archive.got) == ("delivered", [SR])
    first, second = row.last_answer.splitlines()
    assert (first, second.split(" ")[0]) == (scu.WITH_WARNINGS, "0xB000")


def test_a_study_that_is_deleted_meanwhile_ends_it(archive: Archive, row: Delivery) -> None:
    """What is built is let go of as soon as the row is not this worker's any more."""
    held = sending._claim(row.pk)
    assert held
    Delivery.objects.update(status="cancelled", held_until=None, payload={})
    sending.deliver(held)
    row.refresh_from_db()
    assert (row.status, row.payload, archive.got) == ("cancelled", {}, [])
