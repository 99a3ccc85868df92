"""What a worker does with received instances where something goes wrong, or somebody decides meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis.actions.withdrawal import take_back
from diagnosis.messages import Message
from diagnosis.models import Patient, Scan, Study
from diagnosis.scans import intake
from ml.imaging import DicomIdentity, PersonName
from network import actions, deciding, finishing, sorting, spool, worklist
from network.deciding import Look, Matches, Outcome, Taking
from network.matching import match
from network.models import InstanceStatus, ReceivedInstance, ReceivedStudy, RemoteEntity, StudyStatus
from tests.factories import new_patient
from tests.images import xray_dicom
from tests.unit.network.arriving import BERG, Arrive, attach, in_study, state, turn

BROKEN = b"\0" * 128 + b"DICM" + b"broken" * 50
pytestmark = pytest.mark.django_db


def test_a_file_that_nothing_can_show_holds_nobody_up(
    arrive: Arrive, send: Arrive, patient: Patient, radiographer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, lost, or the end of its worker each time: attached all the same, it is sorted once."""
    refused = arrive(BROKEN)
    attach(refused, patient, radiographer)
    following = arrive(**BERG)
    assert following.status == InstanceStatus.FILED
    assert state(refused) == ("kept", "attached")
    lost = arrive(patient_id="NOBODY")
    spool.remove(lost.pk)
    attach(lost, patient, radiographer)
    turn()
    assert state(lost) == ("waiting", "waiting")
    # A second one under an instance UID of which one was rejected.
    second = arrive(BROKEN + b"2", uid="1.9.9")
    actions.reject(by=radiographer, study=second.study, reason="Broken.")  # type: ignore[arg-type]
    assert state(arrive(BROKEN + b"3", uid="1.9.9")) == ("waiting", "waiting")
    # One that ends its worker, before the header is read again.
    monkeypatch.setattr(sorting.intake, "identify", lambda _data, **_: pytest.fail("looked into once more"))
    fatal = send(patient_id="FATAL")
    ReceivedInstance.objects.filter(pk=fatal.pk).update(attempts=sorting.MOST_ATTEMPTS)
    turn()
    assert state(fatal) == ("waiting", "waiting")


def test_a_decision_made_meanwhile_counts(
    arrive: Arrive, send: Arrive, patient: Patient, radiographer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the header and its end a person decides; and a lease that ran out ends nothing."""
    words = in_study("1.5.1", patient_id="NOBODY")
    first, late = arrive(**words), send(**words)
    original = deciding.decide

    def slow(look: Look, data: bytes, matches: Matches) -> Outcome | Taking:
        outcome = original(look, data, matches)
        monkeypatch.setattr(deciding, "decide", original)
        attach(first, patient, radiographer)
        return outcome

    monkeypatch.setattr(deciding, "decide", slow)
    turn()
    assert state(late) == ("filed", "attached")
    assert state(first) == ("filed", "attached")
    expired = send(patient_id="SLOW")
    [row] = sorting._claim([expired.pk])
    ReceivedInstance.objects.filter(pk=row.pk).update(held_until=timezone.now() + timedelta(days=1))
    spool.remove(row.pk)
    studies = ReceivedStudy.objects.count()
    assert sorting.sort([row])[0].status == InstanceStatus.RECEIVED
    assert ReceivedStudy.objects.count() == studies


def test_what_was_rejected_waits_again_with_what_came_later(arrive: Arrive, radiographer: User) -> None:
    words = in_study("1.5.2", patient_id="NOBODY")
    rows = [arrive(**words), arrive(**words)]
    actions.reject(by=radiographer, study=rows[0].study, reason="A phantom.")  # type: ignore[arg-type]
    rows.append(arrive(**words))
    assert {state(row) for row in rows} == {("waiting", "waiting")}
    study = ReceivedStudy.objects.get()
    assert (study.reason, study.decided_by) == ("A phantom.", radiographer)


def test_success_is_never_answered_without_bytes(arrive: Arrive, send: Arrive, radiographer: User) -> None:
    data = xray_dicom(patient_id="NOBODY")
    row = arrive(data, uid="1.7.1")
    assert row.study
    actions.reject(by=radiographer, study=row.study, reason="A phantom.")
    spool.remove(row.pk)
    assert send(data, uid="1.7.1").pk == row.pk
    assert spool.read(row.pk) == data
    assert ReceivedInstance.objects.get().status == InstanceStatus.RECEIVED


def test_one_decision_covers_no_other_nameless_file(arrive: Arrive, patient: Patient, radiographer: User) -> None:
    """Of files that name nobody it covers those that were there, and those without any UID are each a study."""
    nothing = {"patient_id": "", "patient_name": "", "birth_date": None}
    bare = dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), "")
    one, other = [arrive(**nothing, overrides=bare) for _ in range(2)]
    assert one.study != other.study
    first = arrive(**in_study("1.5.3", **nothing))
    attach(first, patient, radiographer)
    turn()
    assert state(first) == ("filed", "attached")
    late = arrive(**in_study("1.5.3", **nothing))
    assert state(late) == ("waiting", "waiting")
    assert late.reason_params == {"variant": "after_decision"}


@pytest.mark.parametrize(
    ("said", "is_found"),
    [
        ({"patient_name": "."}, False),
        ({"patient_name": "***", "birth_date": date(1958, 3, 14)}, False),
        ({"patient_name": "Berg"}, False),
        ({"patient_name": "Berg^Alma", "birth_date": date(1958, 3, 14)}, True),
        ({"patient_name": "Berg^Alma", "birth_date": date(1958, 3, 14), "accession_number": "0000"}, False),
        ({"patient_id": "MRN-0001"}, True),
    ],
)
def test_an_accession_number_alone_names_nobody(
    said: dict[str, Any], is_found: bool, scan: Scan, patient: Patient, clinic: Clinic
) -> None:
    number = said.get("accession_number", "1")
    Study.objects.update(accession_number=number)
    person = PersonName.parse(said.get("patient_name", ""))
    found = match(replace(DicomIdentity(**{"accession_number": number, **said}), person=person), clinic)
    assert (found == patient) == is_found


def test_what_was_put_right_stays_so(
    arrive: Arrive, send: Arrive, patient: Patient, radiographer: User, clinic: Clinic
) -> None:
    """Moved to somebody else, compared with a record that was changed since, or taken back: late slices wait."""
    other = new_patient(clinic, radiographer, "MRN-0002")
    moved, changed = in_study("1.5.4", patient_id="WRONG"), in_study("1.5.5", patient_id="WRONG")
    for words, reason in ((moved, "study_elsewhere"), (changed, "record_changed")):
        row = arrive(**words)
        attach(row, patient, radiographer)
        assert arrive(**words).status == InstanceStatus.FILED
        if words is moved:
            Scan.objects.update(patient=other)
            Study.objects.update(patient=other)
        else:
            Patient.objects.filter(pk=patient.pk).update(medical_record_number="MRN-9")
            patient.refresh_from_db()
        late = arrive(**words)
        assert (state(late), late.reason_params) == (("waiting", "waiting"), {"variant": reason})
        attach(late, patient, radiographer)
        turn()
        assert state(late) == ("filed", "attached")


def test_what_was_taken_back_waits_for_a_person(
    arrive: Arrive, send: Arrive, patient: Patient, radiographer: User, administrator: User
) -> None:
    words = in_study("1.5.6", **BERG)
    data = xray_dicom(**words)
    row = arrive(data, uid="1.8.1")
    assert row.scan
    take_back(by=administrator, study=row.scan.study, reason="Not hers.")
    send(data, uid="1.8.1")
    turn()
    for waiting in (row, arrive(**words)):
        assert state(waiting) == ("waiting", "waiting")
        assert waiting.reason_params == {"variant": "taken_back"}
    attach(row, patient, radiographer)
    turn()
    assert state(row) == ("filed", "attached")


def test_a_decision_is_one_clinics(
    arrive: Arrive, send: Arrive, entity: RemoteEntity, patient: Patient, radiographer: User, other_clinic: Clinic
) -> None:
    words = in_study("1.5.7", patient_id="NOBODY")
    attach(arrive(**words), patient, radiographer)
    RemoteEntity.objects.filter(pk=entity.pk).update(clinic=other_clinic)
    entity.refresh_from_db()
    row = arrive(**words)
    assert state(row) == ("waiting", "waiting")
    assert row.study
    assert row.study.clinic == other_clinic


def test_one_image_that_is_elsewhere_keeps_no_study_from_its_patient(
    arrive: Arrive, patient: Patient, radiographer: User, clinic: Clinic
) -> None:
    other = new_patient(clinic, radiographer, "MRN-0002")
    second = RemoteEntity.objects.create(clinic=clinic, title="ARCHIVE", networks="198.51.100.1")
    words = in_study("1.5.8", patient_id="NOBODY")
    data = xray_dicom(**words, seed=70)
    attach(arrive(data), other, radiographer)
    turn()
    elsewhere = arrive(data, uid="1.8.2", sender=second)
    attach(elsewhere, patient, radiographer)
    turn()
    assert state(elsewhere) == ("kept", "attached")
    assert elsewhere.study
    (shown,) = worklist.rows([elsewhere.study], StudyStatus.ATTACHED)
    assert shown.reasons == [elsewhere.reason_text]
    assert arrive(**words, sender=second).status == InstanceStatus.FILED


def test_a_poisonous_header_ends_on_the_list(
    arrive: Arrive, send: Arrive, monkeypatch: pytest.MonkeyPatch, radiographer: User
) -> None:
    year = in_study("1.5.9", patient_id="NOBODY")
    year["overrides"] |= {"AcquisitionDate": "99991231", "AcquisitionTime": "235959", "TimezoneOffsetFromUTC": "-1200"}
    late = arrive(**year)
    assert late.study
    assert late.study.examined_at
    assert late.study.examined_at.year == 2024  # by the date of the study
    monkeypatch.setattr(finishing, "words_of", lambda identity: {"nothing": 1} if identity.patient_id else {})
    row = send(patient_id="POISON")
    for _ in range(sorting.MOST_ATTEMPTS):
        ReceivedInstance.objects.filter(pk=row.pk).update(held_until=None)
        turn()
    assert state(row) == ("waiting", "waiting")


def test_a_database_that_goes_away_sends_no_file_to_a_person(send: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    row = send(**BERG)

    def away(*_: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(deciding, "match", away)
    for _ in range(sorting.MOST_ATTEMPTS):
        ReceivedInstance.objects.filter(pk=row.pk).update(held_until=None)
        turn()
    row.refresh_from_db()
    assert (row.status, row.attempts) == (InstanceStatus.RECEIVED, 0)


@pytest.mark.usefixtures("patient")
def test_one_that_cannot_be_sorted_holds_up_none_that_came_with_it(
    send: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = intake.identify

    def failing(data: bytes, **options: Any) -> DicomIdentity:
        found = original(data, **options)
        return 1 / 0 if found.patient_id == "POISON" else found  # type: ignore[return-value]

    monkeypatch.setattr(intake, "identify", failing)
    good, poison, late = send(**BERG), send(patient_id="POISON"), send(**BERG)
    pks = sorting._next()
    assert pks == [good.pk, poison.pk, late.pk]
    sorting.sort(sorting._claim(pks))
    for row in (good, poison, late):
        row.refresh_from_db()
    assert (good.status, poison.status, late.status) == ("filed", "received", "filed")
    assert poison.attempts == 1
    ReceivedInstance.objects.filter(pk=poison.pk).update(held_until=None)
    beside = send(**BERG)
    assert sorting._next() == [poison.pk], "what may have ended a worker is sorted alone"
    ReceivedInstance.objects.filter(pk=poison.pk).update(held_until=timezone.now() + timedelta(days=1))
    assert sorting._next() == [beside.pk]


def test_sorted_together_is_what_one_sender_sent_and_memory_holds(
    send: Arrive, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = RemoteEntity.objects.create(clinic=clinic, title="ANOTHER", networks="192.0.2.0/24")
    first, second = send(**BERG), send(**BERG)
    stranger = send(**BERG, sender=another)
    assert sorting._next() == [first.pk, second.pk]
    monkeypatch.setattr(sorting, "BYTES_AT_ONCE", first.byte_size)
    assert sorting._next() == [first.pk]
    ReceivedInstance.objects.filter(entity=first.entity).update(status=InstanceStatus.FILED)
    assert sorting._next() == [stranger.pk]


@pytest.mark.usefixtures("patient")
def test_a_lease_that_ran_out_ends_that_one_alone(send: Arrive) -> None:
    kept, lost = send(**BERG), send(**BERG)
    rows = sorting._claim([kept.pk, lost.pk])
    ReceivedInstance.objects.filter(pk=lost.pk).update(held_until=timezone.now() + timedelta(days=1))
    assert [outcome.status for outcome in sorting.sort(rows)] == ["filed", "received"]
    for row in (kept, lost):
        row.refresh_from_db()
    assert (kept.status, lost.status, lost.scan) == ("filed", "received", None)


@pytest.mark.usefixtures("patient")
def test_a_database_that_goes_away_in_the_middle_undoes_nothing(send: Arrive, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was finished stays as it is, and is not counted back."""
    unknown, known = send(patient_id="NOBODY"), send(**BERG)
    rows = sorting._claim([unknown.pk, known.pk])

    def away(**_: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(sorting, "receive_scans", away)
    sorting.sort(rows)
    for row in (unknown, known):
        row.refresh_from_db()
    assert (unknown.status, unknown.attempts) == ("waiting", 0)
    assert (known.status, known.attempts) == ("received", 0)


def test_reasons_have_words() -> None:
    for variant in ("taken_back", "after_decision", "record_changed"):
        assert " " in str(Message("received", {"variant": variant}))
