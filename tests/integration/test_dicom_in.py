"""The listener and what follows it, with dcmtk's programs as the modality and the archive that send."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pydicom.uid import generate_uid

from accounts.models import Clinic, User
from audit.models import AuditEvent
from diagnosis.models import Patient, Scan, Study
from network import actions, sorting, spool
from network.listener import Door, Listener
from network.models import ReceivedInstance, ReceivedStudy, RemoteEntity, StudyStatus
from tests.factories import new_patient
from tests.images import ct_dicom, xray_dicom
from tests.ports import own_port
from tests.running import database_url

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not shutil.which("storescu") and not os.environ.get("CI"), reason="Debian's package dcmtk is not installed"
    ),
]
Write = Callable[..., Path]


@pytest.fixture
def entity(clinic: Clinic) -> RemoteEntity:
    return RemoteEntity.objects.create(clinic=clinic, title="MODALITY", networks="127.0.0.1")


@pytest.fixture
def door() -> Door:
    return Door("127.0.0.1", 0, "PORTAL", associations=4, most_bytes=2_000_000, a_minute=10_000, seconds=120.0)


@pytest.fixture
def listener(door: Door, entity: RemoteEntity) -> Iterator[Listener]:
    made = Listener(door, arrived=lambda: None)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def write(tmp_path: Path, patient: Patient) -> Write:
    """A file of `patient`, or of whoever the header says."""

    def make(
        name: str, *, kind: Callable[..., bytes] = xray_dicom, study: str, of: Patient = patient, **header: Any
    ) -> Path:
        overrides = {"StudyInstanceUID": study, "SOPInstanceUID": generate_uid(), **header.pop("overrides", {})}
        said = {
            "patient_id": of.medical_record_number,
            "patient_name": f"{of.family_name}^{of.given_name}",
            "birth_date": of.birth_date,
            **header,
        }
        path = tmp_path / name
        path.write_bytes(kind(overrides=overrides, **said))
        return path

    return make


def call(program: str, listener: Listener | int, *words: str | Path, title: str = "MODALITY") -> Any:
    port = listener if isinstance(listener, int) else listener.port
    command = [program, "-aet", title, "-aec", "PORTAL", "127.0.0.1", str(port), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)


def statuses() -> list[str]:
    return sorted(ReceivedInstance.objects.values_list("status", flat=True))


def test_only_who_is_known_gets_in(listener: Listener, entity: RemoteEntity, other_clinic: Clinic) -> None:
    assert call("echoscu", listener).returncode == 0
    refused = call("echoscu", listener, title="STRANGER")
    assert "Calling AE Title Not Recognized" in refused.stderr
    assert call("echoscu", listener, title="STRANGER").returncode
    entry = AuditEvent.objects.get(route="DICOM A-ASSOCIATE")
    assert (entry.address, entry.detail["calling"]) == ("127.0.0.1", "STRANGER")
    # One title, from elsewhere; and one that was switched off.
    RemoteEntity.objects.create(clinic=other_clinic, title="ELSEWHERE", networks="192.0.2.0/24")
    RemoteEntity.objects.create(clinic=other_clinic, title="OFF", networks="127.0.0.0/8", is_active=False)
    assert call("echoscu", listener, title="ELSEWHERE").returncode
    assert call("echoscu", listener, title="OFF").returncode


def test_the_listener_stops_beside_one_that_was_sent_away_and_stays(listener: Listener, entity: RemoteEntity) -> None:
    """Its association has ended, its connection has not: to abort it would be an error in a thread of its own."""
    with socket.create_connection(("127.0.0.1", listener.port), timeout=60) as stranger:
        stranger.sendall(_request_of("STRANGER"))
        assert stranger.recv(1) == b"\x03"  # A-ASSOCIATE-RJ
        listener.stop()
        while stranger.recv(64):  # the rest of it, then the end
            pass


def _request_of(title: str) -> bytes:
    """An A-ASSOCIATE-RQ for verification (PS3.8 section 9.3.2)."""

    def item(kind: int, content: bytes) -> bytes:
        return bytes([kind, 0]) + len(content).to_bytes(2, "big") + content

    syntaxes = item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2")
    items = item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, b"\x01\0\0\0" + syntaxes)
    items += item(0x50, item(0x51, (16384).to_bytes(4, "big")))
    body = b"\0\x01\0\0" + b"PORTAL".ljust(16) + title.encode().ljust(16) + bytes(32) + items
    return b"\x01\0" + len(body).to_bytes(4, "big") + body


def test_what_a_known_peer_may_not_do(
    listener: Listener, write: Write, monkeypatch: pytest.MonkeyPatch, door: Door
) -> None:
    """Too many bytes end the association; a disk without room is said; silence costs a thread for some seconds."""
    large = write("large.dcm", study=generate_uid())
    listener.most_bytes = 20_000
    assert call("storescu", listener, large).returncode
    assert not ReceivedInstance.objects.exists()
    listener.most_bytes = door.most_bytes
    with monkeypatch.context() as patched:
        patched.setattr(spool, "RESERVED_BYTES", 1 << 60)
        assert "Refused: OutOfResources" in call("storescu", listener, "-v", large).stderr
    silent = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(door.associations)]
    silent[0].sendall(b"\x01\x00\xff\xff\xff\xff")  # a PDU of four gigabytes
    assert call("storescu", listener, large).returncode == 0
    silent[0].settimeout(60)
    assert silent[0].recv(64)[:1] in (b"", b"\x07")
    for one in silent:
        one.close()
    assert statuses() == ["received"]


def test_a_study_of_two_modalities_two_patients_and_twice(
    listener: Listener, write: Write, clinic: Clinic, radiographer: User, patient: Patient, entity: RemoteEntity
) -> None:
    """A series, and a lateral view beside its frontal one, in one association with somebody else's X-ray."""
    other = new_patient(clinic, radiographer, "MRN-0002", born=date(1970, 1, 2))
    chest, tomography = generate_uid(), generate_uid()
    slices = [
        write(f"{number}.dcm", kind=ct_dicom, study=tomography, instance_number=number, seed=number)
        for number in (1, 2)
    ]
    views = [
        write("pa.dcm", study=chest, seed=3),
        write("lat.dcm", study=chest, seed=4, overrides={"ViewPosition": "LL"}),
    ]
    theirs = write("other.dcm", study=generate_uid(), of=other, seed=5)
    for _ in range(2):
        assert call("storescu", listener, *slices, *views, theirs).returncode == 0
    assert statuses() == ["received"] * 5
    # The other program writes the same data sets in other bytes.
    assert call("dcmsend", listener, *views).returncode == 0
    assert not Scan.objects.exists()
    assert not sorting.sort_some(seconds=600)
    assert set(statuses()) == {"filed"}
    assert Scan.objects.count() == 5
    assert {study.study_instance_uid for study in patient.studies.all()} == {chest, tomography}
    study = patient.studies.get(study_instance_uid=chest)
    assert study.reviews.count() == study.analyses.count() == 1
    assert Scan.objects.filter(series__study=study).count() == 2
    assert study.received_from.full_name == "MODALITY (DICOM)"
    assert not study.received_from.is_active
    assert other.studies.count() == 1
    assert AuditEvent.objects.filter(route="DICOM C-STORE", patient=patient.pk).count() == 2
    # The image has the bytes now, and soon the spool has none.
    spool.sweep(filed=spool.FILED_AGE * 0)
    assert not any(spool.path_of(row.pk).exists() for row in ReceivedInstance.objects.all())
    # What was taken back and is sent again is looked at again.
    assert call("storescu", listener, theirs).returncode == 0
    assert set(statuses()) == {"filed"}
    ReceivedInstance.objects.filter(scan__patient=other).update(scan=None)
    assert call("storescu", listener, theirs).returncode == 0
    assert statuses()[-1:] == ["received"]


def test_what_nobody_can_be_sure_of_waits(
    listener: Listener, write: Write, patient: Patient, radiographer: User, clinic: Clinic
) -> None:
    """The same study under a wrong record number, one under none, and a report in the middle."""
    other = new_patient(clinic, radiographer, "MRN-0002", born=date(1970, 1, 2))
    right = generate_uid()
    call("storescu", listener, write("right.dcm", study=right, seed=1))
    sorting.sort_some(seconds=600)
    study = patient.studies.get()
    wrong = [write(f"wrong{n}.dcm", study=right, seed=n, patient_id="MRN-0002") for n in (2, 3)]
    # All of it another's, but the study's UID.
    whole = write("whole.dcm", study=right, of=other, seed=4)
    nameless = write(
        "nameless.dcm", study=generate_uid(), patient_id=patient.medical_record_number, patient_name="", seed=5
    )
    stranger = write("stranger.dcm", study=generate_uid(), patient_id="NOBODY", seed=6)
    assert call("storescu", listener, *wrong, whole, nameless, stranger).returncode == 0
    sorting.sort_some(seconds=600)
    assert statuses() == ["filed", *["waiting"] * 5]
    reasons = dict.fromkeys(row.reason_params["variant"] for row in ReceivedInstance.objects.filter(status="waiting"))
    assert set(reasons) == {"disagrees", "study_elsewhere", "incomplete", "unknown_patient"}
    assert ReceivedStudy.objects.waiting().count() == 4
    waiting = ReceivedStudy.objects.get(record_number="MRN-0002", patient_name__startswith=patient.family_name)
    shown = actions.differences(waiting, patient)
    assert [one.field for one in shown.differences] == ["record number"]
    actions.attach(by=radiographer, study=waiting, patient=patient, compared=shown.comparison)
    late = write("late.dcm", study=right, seed=7, patient_id="MRN-0002")
    call("storescu", listener, late)
    sorting.sort_some(seconds=600)
    # The decision held for what came later in the same words.
    assert Scan.objects.filter(series__study=study).count() == 4
    assert study.reviews.count() == 1
    assert all(scan.identity_note for scan in Scan.objects.filter(series__study=study)[:3])
    waiting.refresh_from_db()
    assert waiting.status == StudyStatus.ATTACHED


def test_killed_in_the_middle_and_sent_again(
    write: Write, entity: RemoteEntity, tmp_path: Path, patient: Patient
) -> None:
    """Whatever was acknowledged is there once, whatever was not comes once more."""
    files = [write(f"{n}.dcm", kind=ct_dicom, study=generate_uid(), instance_number=n, seed=n) for n in range(8)]
    with fourth_waits(), running() as (process, port):
        command = ["storescu", "-v", "-aet", "MODALITY", "-aec", "PORTAL", "127.0.0.1", str(port), *map(str, files)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as sending:
            assert sending.stderr
            acknowledged = 0
            for line in sending.stderr:
                acknowledged += "Received Store Response (Success)" in line
                if acknowledged == 3:
                    os.kill(process.pid, signal.SIGKILL)
    assert acknowledged == 3
    assert len(files) > ReceivedInstance.objects.count() >= acknowledged
    assert all(spool.path_of(row.pk).stat().st_size == row.byte_size for row in ReceivedInstance.objects.all())
    half = spool.path_of(entity.pk)  # as one that was killed leaves it
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"half")
    with running() as (process, port):
        assert call("storescu", port, *files).returncode == 0
        process.terminate()
        assert process.wait(timeout=180) == 0
    assert ReceivedInstance.objects.count() == len(files)
    assert half.exists(), "a young file may have a row in a moment"
    spool.sweep(older_than=spool.SAFE_AGE * 0)
    assert not half.exists()
    sorting.sort_some(seconds=600)
    assert statuses() == ["filed"] * len(files)
    assert Scan.objects.count() == Study.objects.count() == len(files)


@contextmanager
def fourth_waits() -> Iterator[None]:
    """The row of a fourth instance is not written as long as the block lasts: else all might be there before a kill."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4)")
        cursor.execute(
            "CREATE FUNCTION wait_as_fourth() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF (SELECT count(*) FROM network_receivedinstance) >= 3 THEN PERFORM pg_advisory_xact_lock(4); END IF; "
            "RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER fourth BEFORE INSERT ON network_receivedinstance "
            "FOR EACH ROW EXECUTE FUNCTION wait_as_fourth()"
        )
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(4)")
            cursor.execute("DROP FUNCTION wait_as_fourth CASCADE")


@contextmanager
def running() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command itself, on the database of this test."""
    port = own_port()
    command = [sys.executable, "manage.py", "listen_dicom", "--port", str(port)]
    environment = {**os.environ, "DATABASE_URL": database_url()}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert "listens" in process.stdout.readline()
        yield process, port
        process.kill()
