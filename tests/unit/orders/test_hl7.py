"""HL7 over real sockets: what comes in is answered once it is kept, and what goes out is delivered once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from audit.models import AuditEvent
from delivery import departures, outbox, sending
from delivery.models import Content, Delivery, Destination, Kind
from delivery.states import DeliveryStatus
from diagnosis.actions.patient import receive_amendment, register_patient
from diagnosis.actions.report import add_addendum, sign_report
from diagnosis.actions.report_correction import correct_report, enter_in_error
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Confidentiality, Patient, Report, Study
from diagnosis.states import STANDING_ELSEWHERE
from orders import listing
from orders.actions import receive_order
from orders.hl7 import answering, bodies
from orders.hl7.listener import Door, Listener
from orders.hl7.mllp import Frames, framed
from orders.hl7.people import known
from orders.hl7.reading import moment, read
from orders.models import MergeProposal, MessageBody, Order, OrderSource, ReceivedMessage
from tests.conftest import PASSWORD
from tests.factories import finish, new_case
from tests.factories import read as read_case
from tests.slow import eventually

PID = "PID|1||MRN-0001^^^NORTH^MR~77^^^ELSEWHERE||Berg^Alma||19580314|F"
WORDS = (
    "OBR|1|P1||71046^X-ray of the chest|||||||||Fever \\T\\ cough|||^Sommer^Eva^^^Dr||ACC-1|||||||||^^^^^S||||"
    "^Pneumonia?"
)


def said(kind: str, *segments: str, control_id: str = "1", charset: str = "UNICODE UTF-8", to: str = "PORTAL") -> str:
    head = f"MSH|^~\\&|RIS|NORTH|{to}|CLINIC|20261127001500||{kind}|{control_id}|P|2.5.1||||||{charset}"
    return "\r".join([head, *segments]) + "\r"


def order(control: str = "NW", *, control_id: str = "1", person: str = PID, number: str = "P1") -> str:
    return said("ORM^O01", person, "PV1|1|O|WARD 3", f"ORC|{control}|{number}", WORDS, control_id=control_id)


@pytest.fixture
def ask(source: OrderSource) -> Callable[..., tuple[str, str]]:
    """`ask(message)`: code of the acknowledgement, and the sentence with a refusal."""

    def make(text: str | bytes) -> tuple[str, str]:
        raw = text if isinstance(text, bytes) else text.encode()
        answered = read(answering.answer(raw, source=source, address="127.0.0.1"))
        return answered.get("MSA", 1), answered.get("ERR", 8)

    return make


@pytest.mark.django_db
def test_an_order_is_placed_changed_and_cancelled(ask: Callable[..., tuple[str, str]], patient: Patient) -> None:
    assert ask(order()) == ("AA", "")
    placed = Order.objects.get()
    assert (placed.patient, placed.accession_number, placed.priority) == (patient, "ACC-1", "urgent")
    assert placed.clinical_question == "Pneumonia?\nFever & cough"
    assert (placed.referring_physician, placed.ward) == ("Dr Eva Sommer", "WARD 3")
    first = ReceivedMessage.objects.get()
    assert ask(order().replace("20261127001500", "20261127001530"))[0] == "AA"
    assert ReceivedMessage.objects.get() == first, "a repetition is answered as before, and nothing is done"

    later = said(
        "OMI^O23", PID, "ORC|XO|P1", "TQ1|1||||||20261201103000+0000||R", WORDS, "IPC|ACC-2||1.2.3||DX", control_id="2"
    )
    assert ask(later) == ("AA", "")
    placed.refresh_from_db()
    assert (placed.status, placed.accession_number, placed.modality) == ("scheduled", "ACC-2", "DX")
    assert placed.scheduled_at == moment("20261201103000+0000")
    assert ask(order("CA", control_id="3")) == ("AA", "")
    assert ask(order("CA", control_id="4")) == ("AA", "")
    assert ask(order("XO", control_id="5"))[0] == "AE"
    placed.refresh_from_db()
    assert placed.status == "cancelled"


@pytest.mark.django_db
def test_noughts_are_no_number(ask: Callable[..., tuple[str, str]], patient: Patient) -> None:
    """Two orders whose numbers are written so are two, each known by its filler's number; and neither has an accession
    number that another study could have.
    """
    words = WORDS.replace("P1", "0").replace("ACC-1", "0000")
    for filler in ("F1", "F2"):
        text = said("ORM^O01", PID, f"ORC|NW|0|{filler}", words, control_id=filler)
        assert ask(text)[0] == "AA"
    kept = Order.objects.values_list("placer_number", "filler_number", "accession_number").order_by("filler_number")
    assert list(kept) == [("", "F1", ""), ("", "F2", "")]


def test_a_time_in_the_last_year_of_the_calendar_is_none() -> None:
    """It could be kept, and no list that shows it could be read by people whose clock is further east."""
    assert moment("99991231235959") is None
    assert moment("99991231235959-0500") is None


@pytest.mark.django_db
def test_what_cannot_be_used_changes_nothing_and_says_why(
    ask: Callable[..., tuple[str, str]], patient: Patient, other_clinic: Clinic, stranger: User
) -> None:
    register_patient(by=stranger, clinic=other_clinic, medical_record_number="S-9", family_name="Holm")
    before = Patient.objects.count()
    refused = {
        "another birth date": order(person=PID.replace("19580314", "19580315")),
        "another family name and another given": order(person=PID.replace("Berg^Alma", "Holm^Ida")),
        "own assigning authority": order(person=PID.replace("NORTH", "SOUTH")),
        "no family name": order(person="PID|1||NEW^^^NORTH||^"),
        "neither a placer nor": order(number="").replace("OBR|1|P1", "OBR|1|"),
        "No order with this number": order("XO"),
        "not taken: ZZ": order("ZZ"),
        "not taken: QRY^A19": said("QRY^A19"),
        "that is to be kept": said("ADT^A40", PID.replace("MRN-0001", "NEW"), "MRG|MRN-0001^^^NORTH"),
        "placer nor a filler": order(number="0").replace("OBR|1|P1", "OBR|1|000"),
    }
    for number, (words, text) in enumerate(refused.items()):
        code, sentence = ask(text.replace("|1|P|2.5.1", f"|R{number}|P|2.5.1"))
        assert (code, words in sentence) == ("AE", True), (words, sentence)
    assert "another receiving" in ask(said("ADT^A08", PID, to="OTHER"))[1]
    assert ReceivedMessage.objects.get(control_id="1").answer == "AR"
    assert ask(b"\x0bnothing")[0] == "AR"
    assert ask(refused["No order with this number"].replace("|1|P|", "|R5|P|"))[0] == "AE"
    assert ReceivedMessage.objects.filter(control_id="R5").count() == 1, "tried again, and written down once"
    assert (Order.objects.count(), Patient.objects.count()) == (0, before)
    with pytest.raises(DatabaseError):
        ReceivedMessage.objects.update(answer="AA")


@pytest.mark.django_db
def test_patients_are_registered_put_right_and_proposed_to_be_merged(
    ask: Callable[..., tuple[str, str]], patient: Patient, clinic: Clinic
) -> None:
    umlaut = said("ADT^A04", "PID|1||N-1^^^NORTH||M\xfcller^J\xf6rg||19700102|M", charset="8859/1")
    assert ask(umlaut.encode("latin-1")) == ("AA", "")
    new = Patient.objects.get(medical_record_number="N-1")
    assert (new.name, new.clinic, new.birth_date) == ("Müller, Jörg", clinic, date(1970, 1, 2))
    married = said("ADT^A08", PID.replace("Berg", "Lind"), charset="", control_id="2")
    assert ask(married) == ("AA", "")
    patient.refresh_from_db()
    assert patient.family_name == "Lind"
    change = patient.history.first()
    assert (change.history_user.full_name, change.history_change_reason) == ("RIS", "amended")
    merge = said("ADT^A40", PID, "MRG|N-1^^^NORTH", control_id="3")
    assert ask(merge) == ("AA", "")
    proposal = MergeProposal.objects.get()
    assert (proposal.gone, proposal.kept, proposal.status) == (new, patient, "waiting")
    new.refresh_from_db()
    assert new.merged_into is None, "a person merges"
    assert MessageBody.objects.filter(patient=patient).count() == 2


@pytest.mark.django_db
def test_each_order_has_the_segments_of_its_own_group(ask: Callable[..., tuple[str, str]], patient: Patient) -> None:
    second = WORDS.replace("P1", "P2").replace("ACC-1", "ACC-2")
    both = said("OMI^O23", PID, "ORC|NW|P1", "ORC|NW|P2", "TQ1|1||||||20261201103000+0000||R", second, "IPC|ACC-9")
    assert ask(both) == ("AA", "")
    orders = dict(Order.objects.values_list("placer_number", "accession_number"))
    assert orders == {"P1": "", "P2": "ACC-9"}
    assert Order.objects.get(placer_number="P1").scheduled_at is None
    cancelled = said("ORM^O01", PID, "ORC|CA|", "ORC|CA|", second, control_id="2")
    assert ask(cancelled)[0] == "AE", "the first has no number of its own"
    assert not Order.objects.filter(status="cancelled").exists()
    for number, group in enumerate(([WORDS, "ORC|NW|P3"], ["ORC|NW|P3", WORDS, second])):
        assert "one OBR only" in ask(said("ORM^O01", PID, *group, control_id=f"G{number}"))[1]


@pytest.mark.django_db
def test_a_poisoned_message_is_answered(
    ask: Callable[..., tuple[str, str]], patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "escape" in ask(order(person=PID.replace("Berg", "\\.spx\\")))[1]
    assert "escape" in ask(order(person=PID.replace("Berg", "\\.sp999999999\\")))[1]
    assert "1900" in ask(order(person=PID.replace("19580314", "00010101"), control_id="2"))[1]
    monkeypatch.setattr(answering.requests, "take", lambda *_: 1 / 0)
    assert "fault in this portal" in ask(order(control_id="3"))[1]
    assert ReceivedMessage.objects.get(control_id="3").answer == "AE"


@pytest.mark.django_db
def test_what_cannot_be_read_is_kept_as_it_came_and_answered_by_its_number(
    source: OrderSource, administrator: User, patient: Patient
) -> None:
    wrong = said("ADT^A08", "PID|1||\u5c71\u7530^^^NORTH", charset="ISO IR87", control_id="K-7").encode("iso2022_jp")
    answered = read(answering.answer(wrong, source=source, address="127.0.0.1"))
    assert [answered.get("MSA", 1), answered.get("MSA", 2), answered.get("MSH", 5)] == ["AR", "K-7", "RIS"]
    kept = ReceivedMessage.objects.get()
    assert (kept.answer, kept.control_id, kept.kind, bytes(kept.body.raw)) == ("AR", "K-7", "ADT^A08", wrong)
    foreign = said("ADT^A08", PID, charset="ISO IR87", control_id="\u5c71").encode("shift_jis")
    assert read(answering.answer(foreign, source=source, address="127.0.0.1")).get("MSA", 2) == ""
    for raw in (b"", b"MSH", b"\0\0", b"MSH\xff^~", b"nothing at all"):
        assert b"MSA|AR|" in answering.answer(raw, source=source, address="127.0.0.1")
        assert bytes(ReceivedMessage.objects.latest("received_at").body.raw) == raw
    page = client_of(administrator).get(reverse("orders:list")).content.decode()
    assert "K-7" in page
    assert "ISO IR87" in page


@pytest.mark.django_db
def test_the_texts_of_messages_are_not_kept_for_ever(
    ask: Callable[..., tuple[str, str]],
    patient: Patient,
    administrator: User,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    clinic: Clinic,
) -> None:
    """Of one system so many that could not be used, and none for longer than the site says."""
    monkeypatch.setattr(bodies, "MOST_REFUSED", 2)
    assert ask(order()) == ("AA", "")
    other = OrderSource.objects.create(clinic=clinic, name="Other", networks="192.0.2.0/24")
    answering.answer(b"from elsewhere", source=other, address="192.0.2.1")
    for number in range(4):
        ask(said("QRY^A19", control_id=f"R{number}"))
    kept = MessageBody.objects.values_list("message__control_id", flat=True)
    assert set(kept) == {"1", "", "R2", "R3"}
    refused = listing.refused(clinic)
    assert (refused.count, refused.without_text, len(refused.latest)) == (5, 2, 5)
    assert "The texts of 2 are not kept" in client_of(administrator).get(reverse("orders:list")).content.decode()

    settings.MLLP_BODY_DAYS = 0
    assert bodies.forget_old() == 0
    settings.MLLP_BODY_DAYS = 30
    now = timezone.now()
    for days, forgotten in ((29, 0), (31, 4)):
        then = now + timedelta(days=days)
        monkeypatch.setattr(bodies, "timezone", SimpleNamespace(now=lambda then=then: then))
        assert bodies.forget_old() == forgotten
    assert ReceivedMessage.objects.count() == 6
    assert ask(order()) == ("AA", ""), "known for a repetition all the same"


@pytest.mark.django_db
def test_a_database_that_refuses_one_message_is_asked_for_the_next(
    ask: Callable[..., tuple[str, str]], patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def divided(*_: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    with monkeypatch.context() as patched:
        patched.setattr(answering.requests, "take", divided)
        code, sentence = ask(order())
    assert (code, "fault in this portal" in sentence) == ("AE", True)
    assert bytes(ReceivedMessage.objects.get().body.raw).startswith(b"MSH|")
    take, tries = answering.requests.take, []

    def deadlocked(*given: Any) -> Any:
        tries.append(given)
        if len(tries) == 1:
            raise OperationalError("deadlock detected")
        return take(*given)

    monkeypatch.setattr(answering.requests, "take", deadlocked)
    assert ask(order()) == ("AA", "")
    assert (len(tries), Order.objects.count()) == (2, 1)


@pytest.mark.django_db
def test_a_record_is_found_by_its_number_as_written_and_not_saved_over(
    ask: Callable[..., tuple[str, str]], source: OrderSource, patient: Patient
) -> None:
    assert known(source, "mrn-0001") == patient
    stale = Patient.objects.get(pk=patient.pk)
    Patient.objects.filter(pk=patient.pk).update(given_name="Ada")
    receive_amendment(by=source.account, patient=stale, family_name="Lind")
    patient.refresh_from_db()
    assert (patient.family_name, patient.given_name) == ("Lind", "Ada")


@pytest.fixture
def listener(source: OrderSource) -> Iterator[Listener]:
    made = Listener(Door("127.0.0.1", 0, 4, 4096, 5, 60.0))
    made.start()
    yield made
    made.stop()


def call(listener: Listener, *messages: bytes) -> list[bytes | None]:
    with socket.create_connection(("127.0.0.1", listener.port), 60) as peer:
        frames = Frames(peer, most_bytes=65536, seconds=60)
        answers: list[bytes | None] = []
        for message in messages:
            try:
                peer.sendall(message)
                answers.append(frames.next())
            except OSError:
                answers.append(None)
        return answers


@pytest.mark.django_db(transaction=True)
def test_a_peer_over_mllp(listener: Listener, source: OrderSource, patient: Patient, monkeypatch: Any) -> None:
    message = order().encode()
    first, again = call(listener, framed(message), framed(message))
    assert first == again
    assert first and b"MSA|AA|1" in first
    assert Order.objects.count() == 1

    def broken(*args: Any, **options: Any) -> Any:
        raise DatabaseError

    with monkeypatch.context() as patched:
        patched.setattr(answering.MessageBody.objects, "create", broken)
        lost = framed(said("ADT^A04", "PID|1||N-1^^^NORTH||Quist", control_id="7").encode())
        assert call(listener, lost) == [None], "no acknowledgement where nothing is committed"
    assert not Patient.objects.filter(medical_record_number="N-1").exists()
    assert call(listener, b"GET / HTTP/1.1\r\n\r\n") == [None]
    assert call(listener, framed(b"MSH" + b"x" * 5000)) == [None]
    OrderSource.objects.update(networks="192.0.2.0/24")
    assert call(listener, framed(message)) == [None], "from an address that nobody is known at"
    connections.close_all()


@pytest.fixture
def receiver() -> Iterator[tuple[int, list[bytes], list[str]]]:
    """Port, what came, and the codes with which it answers, one after the other; then AA."""
    came: list[bytes] = []
    codes: list[str] = []
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                raw = Frames(peer, most_bytes=1 << 20, seconds=60).next()
                if raw is None:
                    came.append(b"")
                    continue
                came.append(raw)
                code = codes.pop(0) if codes else "AA"
                if code:
                    head = f"MSH|^~\\&|R|R|PORTAL||2026||ACK|{len(came)}|P|2.5.1\rMSA|{code}|{read(raw).control_id}\r"
                    peer.sendall(framed(head.encode()))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield server.getsockname()[1], came, codes
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(timeout=5)


@pytest.mark.django_db
def test_a_report_is_delivered_once_although_it_was_refused_twice(
    receiver: tuple[int, list[bytes], list[str]],
    ask: Callable[..., tuple[str, str]],
    clinic: Clinic,
    radiographer: User,
    radiologist: User,
    patient: Patient,
) -> None:
    port, came, codes = receiver
    Destination.objects.create(
        clinic=clinic, kind=Kind.HL7, name="Record", host="127.0.0.1", port=port, contents=[Content.HL7_RESULT]
    )
    ask(order())
    review = new_case(radiographer, patient)
    finish(review.scan, 0.4321987)
    Order.objects.update(study=review.study, status="acquired")
    read_case(radiologist, review, findings="Clear|lungs.\nBoth.", decision="agree")
    assert not Delivery.objects.exists(), "nothing leaves before the signature"
    report = sign_report(by=radiologist, report=Report.objects.get(), password=PASSWORD)
    codes += ["AE", ""]
    row = Delivery.objects.get()
    states = [deliver(row) for _ in range(3)]
    assert states == [DeliveryStatus.WAITING, DeliveryStatus.WAITING, DeliveryStatus.DELIVERED]
    messages = [read(raw) for raw in came]
    assert {message.control_id for message in messages} == {row.pk.hex[:20]}
    assert len({message.raw for message in messages}) == 1
    first = messages[0]
    assert [first.get("OBR", field) for field in (2, 25)] == ["P1", "F"]
    assert first.get("PID", 3, 4) == "NORTH"
    sections = {first.get("OBX", 3, of=place): place for place in range(1, first.count("OBX") + 1)}
    assert first.get("OBX", 5, of=sections["18782-3"]) == "Clear|lungs.\nBoth."
    place = sections["classifier-0"]
    assert first.get("OBX", 5, of=place) == repr(report.snapshot["analysis"]["predictions"][0]["probability"])
    assert "AI output" in first.get("OBX", 3, 2, of=place)
    assert "0" * 64 in first.get("NTE", 3)

    add_addendum(by=radiologist, report=report, text="Seen again.", password=PASSWORD)
    enter_in_error(by=radiologist, report=report, reason="Wrong patient", password=PASSWORD)
    for standing in ("appended", "entered-in-error"):
        later = Delivery.objects.get(payload__standing=standing)
        assert deliver(later) == DeliveryStatus.DELIVERED
        codes_of = STANDING_ELSEWHERE[standing]  # type: ignore[index]
        sent = read(came[-1])
        assert (sent.get("OBR", 25), sent.get("OBX", 11)) == (codes_of.order, codes_of.observation)
    assert b"Clear" not in came[-1]
    Delivery.objects.filter(pk=row.pk).update(status="waiting")
    mark = Confidentiality.objects.create(patient=patient, marked_by=radiologist)
    assert deliver(row) == DeliveryStatus.REFUSED, "nothing of a confidential record leaves by itself"
    mark.delete()
    codes.append("AR")
    Delivery.objects.filter(pk=row.pk).update(status="waiting")
    assert deliver(row) == DeliveryStatus.REFUSED


def deliver(row: Delivery) -> str:
    """One try, as a worker makes it."""
    Delivery.objects.filter(pk=row.pk).update(next_attempt_at=row.queued_at)
    Destination.objects.update(paused_until=None)
    held = sending._claim(row.pk)
    assert held
    return sending.deliver(held).status


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def record(clinic: Clinic, receiver: tuple[int, list[bytes], list[str]]) -> Destination:
    return Destination.objects.create(
        clinic=clinic, kind=Kind.HL7, name="Record", host="127.0.0.1", port=receiver[0], contents=[Content.HL7_RESULT]
    )


@pytest.mark.django_db
def test_a_report_goes_out_under_the_numbers_under_which_it_was_signed(
    receiver: tuple[int, list[bytes], list[str]],
    record: Destination,
    source: OrderSource,
    radiographer: User,
    radiologist: User,
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And what is said of it afterwards, although its orders have let go of the images, or say something else."""
    _port, came, _codes = receiver
    review = new_case(radiographer, patient)
    Study.objects.filter(pk=review.study.pk).update(accession_number="ACC-1")
    words = {"source": source, "patient": patient, "requested_at": timezone.now(), "accession_number": "ACC-1"}
    first = receive_order(placer_number="P1", filler_number="F1", procedure_code="71046", **words)
    receive_order(placer_number="P2", **words)
    read_case(radiologist, review, findings="Clear.", decision="no_result")
    report = sign_report(by=radiologist, report=Report.objects.get(), password=PASSWORD)
    Order.objects.filter(pk=first.pk).update(filler_number="F9", procedure_code="X")
    row = Delivery.objects.get()

    with monkeypatch.context() as patched:
        patched.setattr(departures, "record_before", fails)
        assert deliver(row) == DeliveryStatus.WAITING
    eventually(lambda: bool(came), "the call has ended")
    assert came == [b""], "nothing leaves that the audit trail does not know"
    came.clear()
    assert deliver(row) == DeliveryStatus.DELIVERED
    sent = read(came[-1])
    groups = [[sent.get("OBR", field, of=place) for field in (1, 2, 3, 4, 18, 25)] for place in (1, 2)]
    assert groups[0] == ["1", "P1", "F1", "71046", "ACC-1", "F"]
    assert groups[1] == ["2", "P2", report.pk.hex[:20], "18748-4", "ACC-1", "F"], "the report answers both orders"
    assert [sent.get("ORC", 2, of=place) for place in (1, 2)] == ["P1", "P2"]
    assert came[-1].count(b"Clear.") == 2
    assert AuditEvent.objects.get(route="delivery hl7").detail["address"] == f"127.0.0.1:{_port}"

    Order.objects.update(study=None, status="ordered")
    Study.objects.filter(pk=review.study.pk).update(accession_number="ACC-9")
    second = correct_report(by=radiologist, report=report, reason="Typing.", findings="Clear!", password=PASSWORD)
    enter_in_error(by=radiologist, report=second, reason="Another patient", password=PASSWORD)
    for later in Delivery.objects.exclude(pk=row.pk).order_by("queued_at"):
        assert deliver(later) == DeliveryStatus.DELIVERED
        sent = read(came[-1])
        assert [sent.get("OBR", field) for field in (2, 3, 18)] == ["P1", "F1", "ACC-1"]
        assert sent.get("OBR", 2, of=2) == "P2"


@pytest.mark.django_db
def test_an_order_that_comes_after_the_signature_gets_its_report(
    receiver: tuple[int, list[bytes], list[str]],
    record: Destination,
    source: OrderSource,
    radiographer: User,
    radiologist: User,
    patient: Patient,
    django_capture_on_commit_callbacks: Any,
) -> None:
    _port, came, _codes = receiver
    review = new_case(radiographer, patient)
    Study.objects.filter(pk=review.study.pk).update(accession_number="ACC-1")
    words = {"source": source, "patient": patient, "requested_at": timezone.now(), "accession_number": "ACC-1"}
    early = receive_order(placer_number="P1", **words)
    with django_capture_on_commit_callbacks(execute=True):
        read_case(radiologist, review, findings="Clear.", decision="no_result")
        report = sign_report(by=radiologist, report=Report.objects.get(), password=PASSWORD)
    early.refresh_from_db()
    assert early.status == "authorised"
    assert Delivery.objects.count() == 1, "it has the report by the signature"
    receive_order(placer_number="P2", **words)
    first, second = Delivery.objects.order_by("queued_at")
    assert deliver(first) == deliver(second) == DeliveryStatus.DELIVERED
    told = [["P1", ""], ["P2", ""]]
    assert [[read(raw).get("OBR", 2, of=place) for place in (1, 2)] for raw in came] == told
    for one in (first, second):  # the later of them does not take the place of the earlier one
        one.refresh_from_db()
        outbox.send_again(one)
        one.refresh_from_db()
        assert deliver(one) == DeliveryStatus.DELIVERED
    assert [[read(raw).get("OBR", 2, of=place) for place in (1, 2)] for raw in came[2:]] == told
    add_addendum(by=radiologist, report=report, text="Seen again.", password=PASSWORD)
    assert deliver(Delivery.objects.latest("queued_at")) == DeliveryStatus.DELIVERED
    assert [read(came[-1]).get("OBR", 2, of=place) for place in (1, 2)] == ["P1", "P2"]
    with pytest.raises(NotAllowedNow, match="Something newer"):
        outbox.send_again(first)


def fails(*_: Any, **__: Any) -> None:
    raise DatabaseError
