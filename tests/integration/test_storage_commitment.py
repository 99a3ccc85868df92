"""Storage commitment, with pynetdicom as the modality that asks: Debian's dcmtk has no program for it."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.conf import LazySettings
from django.utils import timezone
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_ACTION
from pynetdicom.dsutils import encode

from accounts.models import Clinic, User
from diagnosis.models import Patient, Scan
from network import classes, commitment, sorting, spool
from network.listener import Door, Listener
from network.models import CommitmentRequest, CommitmentStatus, ReceivedInstance, RemoteEntity
from tests.images import xray_dicom
from tests.slow import PATIENCE_SECONDS, eventually

pytestmark = pytest.mark.django_db(transaction=True)
UNKNOWN = "1.2.3.4"


class Modality:
    """Sends, asks, and hears reports: on the association that asked, or on one of the portal's."""

    def __init__(self) -> None:
        self.told: list[tuple[int, Dataset]] = []
        self._heard = threading.Event()
        self.answer = 0x0000

    def hears(self) -> tuple[int, Dataset]:
        assert self._heard.wait(PATIENCE_SECONDS), "no report came"
        self._heard.clear()
        return self.told[-1]

    def _report(self, event: Any) -> tuple[int, None]:
        self.told.append((event.event_type, event.event_information))
        self._heard.set()
        return self.answer, None

    @contextmanager
    def calls(self, listener: Listener, title: str = "MODALITY") -> Iterator[Association]:
        entity = AE(ae_title=title)
        for one in (classes.COMMITMENT, "1.2.840.10008.5.1.4.1.1.1.1"):
            entity.add_requested_context(one)
        handlers = [(evt.EVT_N_EVENT_REPORT, self._report)]
        link = entity.associate("127.0.0.1", listener.port, ae_title="PORTAL", evt_handlers=handlers)
        try:
            yield link
        finally:
            if link.is_established:
                link.release()

    @contextmanager
    def is_called(self, tls: ssl.SSLContext | None = None) -> Iterator[int]:
        """The port at which it waits for the portal's call."""
        entity = AE(ae_title="MODALITY")
        entity.require_called_aet = True
        entity.add_supported_context(classes.COMMITMENT, scu_role=False, scp_role=True)
        handlers = [(evt.EVT_N_EVENT_REPORT, self._report)]
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=tls)
        assert server
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def entity(clinic: Clinic) -> RemoteEntity:
    return RemoteEntity.objects.create(clinic=clinic, title="MODALITY", networks="127.0.0.1")


@pytest.fixture
def listener(entity: RemoteEntity) -> Iterator[Listener]:
    door = Door("127.0.0.1", 0, "PORTAL", associations=4, most_bytes=2_000_000, a_minute=10_000, seconds=60.0)
    made = Listener(door, arrived=lambda: None)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def images(patient: Patient) -> Callable[..., Dataset]:
    def make(seed: int = 0, **header: Any) -> Dataset:
        said = {
            "patient_id": patient.medical_record_number,
            "patient_name": f"{patient.family_name}^{patient.given_name}",
            "birth_date": patient.birth_date,
            **header,
        }
        uids = {"StudyInstanceUID": generate_uid(), "SOPInstanceUID": generate_uid()}
        return dcmread(BytesIO(xray_dicom(seed=seed, overrides=uids, **said)))

    return make


def question(transaction: str, *pairs: tuple[str, str]) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = transaction
    asked.ReferencedSOPSequence = []
    for sop_class, uid in pairs:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        asked.ReferencedSOPSequence.append(item)
    return asked


def ask(link: Association, *pairs: tuple[str, str], transaction: str = "", action: int = 1) -> int:
    """The status that N-ACTION is answered with."""
    asked = question(transaction or generate_uid(), *pairs)
    status, _ = link.send_n_action(asked, action, classes.COMMITMENT, classes.COMMITMENT_INSTANCE)
    return int(status.Status)


def sent(link: Association, image: Dataset) -> tuple[str, str]:
    assert link.send_c_store(image).Status == 0
    return str(image.SOPClassUID), str(image.SOPInstanceUID)


def failures(report: Dataset) -> dict[str, int]:
    return {str(one.ReferencedSOPInstanceUID): one.FailureReason for one in report.get("FailedSOPSequence", [])}


def test_what_is_kept_is_promised_and_nothing_else(listener: Listener, images: Callable[..., Dataset]) -> None:
    """On the association that asked, once a worker has sorted what was sent on it."""
    modality = Modality()
    with modality.calls(listener) as link:
        kept = sent(link, images())
        other = sent(link, images(1))
        assert sorting.sort_some(seconds=600) is False
        assert ask(link, kept) == 0
        event, report = modality.hears()
        assert (event, [str(one.ReferencedSOPInstanceUID) for one in report.ReferencedSOPSequence]) == (1, [kept[1]])
        eventually(lambda: CommitmentRequest.objects.get().status == CommitmentStatus.REPORTED, "a report")

        assert ask(link, kept, (other[0], UNKNOWN), ("1.2.840.10008.5.1.4.1.1.7", other[1])) == 0
        event, report = modality.hears()
        assert (event, failures(report)) == (2, {UNKNOWN: 0x0112, other[1]: 0x0119})
        assert len(report.ReferencedSOPSequence) == 1

        # Bytes that are gone, and an image that a person took back.
        Path(Scan.objects.get(sop_instance_uid=kept[1]).original.path).unlink()
        ReceivedInstance.objects.filter(sop_instance_uid=other[1]).update(status="rejected")
        ask(link, kept, other)
        assert failures(modality.hears()[1]) == {kept[1]: 0x0112, other[1]: 0x0112}
        assert ask(link, kept, action=2) == 0x0123
        assert ask(link) == 0x0115
        assert ask(link, (kept[0], "no uid \\ at all")) == 0x0115


def test_nothing_is_promised_of_what_a_person_may_still_turn_away(
    listener: Listener, images: Callable[..., Dataset], entity: RemoteEntity
) -> None:
    modality = Modality()
    with modality.calls(listener) as link:
        pair = sent(link, images(patient_id="nobody's", patient_name="Nobody^At All"))
        request = commitment.keep(commitment.Asked(generate_uid(), [list(pair)]), entity=entity, address="127.0.0.1")
        now = timezone.now()
        assert commitment.outcome(request, now=now) is None  # in the line
        sorting.sort_some(seconds=600)
        assert ReceivedInstance.objects.get().status == "waiting"
        assert commitment.outcome(request, now=now) is None
        late = commitment.outcome(request, now=now + commitment.LONGEST + timedelta(minutes=1))
        assert late and late.failed == [(*pair, commitment.Reason.PROCESSING)]
        ReceivedInstance.objects.update(status="kept")
        told = commitment.outcome(request, now=now)
        assert told and told.kept == [pair]
        spool.remove(ReceivedInstance.objects.get().pk)
        told = commitment.outcome(request, now=now)
        assert told and told.failed == [(*pair, commitment.Reason.UNKNOWN)]


def test_a_report_outlives_association_and_listener_and_is_tried_again(
    listener: Listener, images: Callable[..., Dataset], entity: RemoteEntity
) -> None:
    modality, transaction = Modality(), generate_uid()
    with modality.calls(listener) as link:
        kept = sent(link, images())
        assert ask(link, kept, transaction=transaction) == 0
    listener.stop()
    sorting.sort_some(seconds=600)
    CommitmentRequest.objects.update(next_try_at=timezone.now())
    assert commitment.report_due() == 0  # nobody knows where it listens
    with modality.is_called() as port:
        RemoteEntity.objects.update(report_port=port)
        modality.answer = 0x0110
        assert commitment.report_due() == 0
        request = CommitmentRequest.objects.get()
        assert (request.attempts, request.status) == (1, CommitmentStatus.WAITING)
        assert commitment.report_due() == 0  # not before its time
        modality.answer = 0x0000
        CommitmentRequest.objects.update(next_try_at=timezone.now())
        assert commitment.report_due() == 1
        assert commitment.report_due() == 0
    told = [(event, str(report.TransactionUID)) for event, report in modality.told]
    assert told == [(1, transaction)] * 2
    assert entity.commitments.get().status == CommitmentStatus.REPORTED


# Of the modality, whose pynetdicom leaves the socket of a handshake that failed to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_report_goes_encrypted_to_whom_the_certificate_names(
    listener: Listener, images: Callable[..., Dataset], settings: LazySettings, tmp_path: Path
) -> None:
    modality = Modality()
    with modality.calls(listener) as link:
        ask(link, sent(link, images()))
    sorting.sort_some(seconds=600)

    def reported(*, tls: bool, named: str) -> int:
        settings.DELIVERY_TLS_CA, context = certified(tmp_path, named)
        with modality.is_called(context) as port:
            RemoteEntity.objects.update(report_port=port, report_tls=tls)
            CommitmentRequest.objects.update(next_try_at=timezone.now())
            return commitment.report_due()

    assert reported(tls=False, named="127.0.0.1") == 0
    assert reported(tls=True, named="127.0.0.2") == 0
    assert modality.told == []
    assert reported(tls=True, named="127.0.0.1") == 1
    assert [event for event, _ in modality.told] == [1]


def certified(folder: Path, address: str) -> tuple[str, ssl.SSLContext]:
    """A certificate of its own for `address`: the file by which it is trusted, and a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "modality")])
    named = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    day, now = timedelta(days=1), timezone.now()
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    signed = made.add_extension(named, critical=False).sign(key, hashes.SHA256())
    file = folder / "modality.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(signed.public_bytes(Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return str(file), context


def test_only_who_may_send_may_ask_and_only_of_its_clinic(
    listener: Listener, images: Callable[..., Dataset], other_clinic: Clinic, radiographer: User
) -> None:
    modality = Modality()
    with modality.calls(listener, title="STRANGER") as link:
        assert link.is_rejected
    with modality.calls(listener) as link:
        kept = sent(link, images())
        sorting.sort_some(seconds=600)
        RemoteEntity.objects.create(clinic=other_clinic, title="OTHER", networks="127.0.0.1")
        with modality.calls(listener, title="OTHER") as others:
            assert ask(others, kept) == 0
            assert failures(modality.hears()[1]) == {kept[1]: 0x0112}
        RemoteEntity.objects.filter(title="MODALITY").update(is_active=False)
        assert ask(link, kept) == 0x0124
    assert CommitmentRequest.objects.count() == 1


def test_a_transaction_is_one_question(
    listener: Listener, images: Callable[..., Dataset], entity: RemoteEntity
) -> None:
    modality, transaction = Modality(), generate_uid()
    with modality.calls(listener) as link:
        kept = sent(link, images())
        sorting.sort_some(seconds=600)
        for _ in range(2):  # its answer was lost
            assert ask(link, kept, transaction=transaction) == 0
            assert modality.hears()[0] == 1
        assert ask(link, (kept[0], UNKNOWN), transaction=transaction) == 0x0131
    assert CommitmentRequest.objects.count() == 1


def test_a_question_that_crosses_a_report_is_not_taken_for_its_answer(
    listener: Listener, images: Callable[..., Dataset], entity: RemoteEntity
) -> None:
    """The modality asks the next thing while the report of the one before is on its way; then it answers that."""
    modality, crossing = Modality(), generate_uid()

    def ask_first(event: Any) -> tuple[int, None]:
        if not modality.told:
            asked = N_ACTION()
            asked.MessageID, asked.ActionTypeID = 700, 1
            asked.RequestedSOPClassUID, asked.RequestedSOPInstanceUID = (
                classes.COMMITMENT,
                classes.COMMITMENT_INSTANCE,
            )
            syntax = UID(event.context.transfer_syntax)
            told = encode(question(crossing, kept), syntax.is_implicit_VR, syntax.is_little_endian)
            asked.ActionInformation = BytesIO(told or b"")
            event.assoc.dimse.send_msg(asked, event.context.context_id)
        return Modality._report(modality, event)

    modality._report = ask_first  # type: ignore[method-assign]
    with modality.calls(listener) as link:
        kept = sent(link, images())
        sorting.sort_some(seconds=600)
        assert ask(link, kept) == 0
        eventually(lambda: entity.commitments.filter(transaction_uid=crossing).exists(), "the second question")
        reported = entity.commitments.exclude(transaction_uid=crossing)
        eventually(lambda: reported.get().status == CommitmentStatus.REPORTED, "the answer to the report")


def test_a_request_is_small() -> None:
    def never() -> Dataset:
        raise AssertionError("it was read")

    for size, status in ((commitment.MOST_BYTES + 1, 0x0213), (0, 0x0115)):
        with pytest.raises(commitment.BadRequest) as refused:
            commitment.read(1, classes.COMMITMENT_INSTANCE, size, never)
        assert refused.value.status == status
