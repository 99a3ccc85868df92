"""Events for programs: what they say, that they are signed and delivered once, and where they never go."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from accounts.models import User
from audit import record as audit_record
from audit.models import AuditEvent
from delivery import departures, sending
from delivery.models import Delivery, Destination
from delivery.webhooks import reach, signing
from delivery.webhooks import sending as webhook
from diagnosis.actions.critical_result import mark_critical
from diagnosis.models import Confidentiality, ReadingPolicy, Scan
from diagnosis.models.reading_policy import ReadFirst
from tests.factories import finish

pytestmark = pytest.mark.django_db


class Receiver(HTTPServer):
    """On a port of this machine; `answers` are the next ones, 204 once there is none left."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering, bind_and_activate=False)
        self.server_bind()
        self.is_open = False
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?a=1"

    def begin(self) -> None:
        self.server_activate()
        self.is_open = True
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


class _Answering(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers) | {"path": self.path}, body))
        status, headers = self.server.answers.pop(0) if self.server.answers else (204, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver(settings: Any, destination: Destination) -> Iterator[Receiver]:
    """Named by the clinic, and not listening yet."""
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    made = Receiver()
    destination.url, destination.secret = made.url, signing.new_secret()
    destination.save()
    yield made
    if made.is_open:
        made.shutdown()
    made.server_close()


def turn() -> None:
    Delivery.objects.update(next_attempt_at=timezone.now())
    Destination.objects.update(paused_until=None)
    sending.deliver_some(seconds=10)


def test_a_receiver_that_was_down_is_told_once(
    receiver: Receiver, destination: Destination, scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(scan, 0.97)
    row = Delivery.objects.get()
    turn()
    row.refresh_from_db()
    assert (row.status, row.attempts, receiver.got) == ("waiting", 1, [])
    receiver.begin()
    receiver.answers = [(503, {})]

    def fails(*_: Any) -> Any:
        raise DatabaseError

    with monkeypatch.context() as broken:
        broken.setattr(audit_record.chain, "append", fails)
        turn()
    row.refresh_from_db()
    assert (row.last_answer, receiver.got) == (departures.UNAUDITED, []), "nothing leaves that the trail does not know"
    turn()
    turn()
    row.refresh_from_db()
    assert (row.status, row.answer, row.attempts) == ("delivered", "HTTP 204", 4)
    assert [one.outcome for one in row.log.all()] == ["again", "again", "again", "delivered"]
    (first, body), (second, again) = receiver.got
    assert (first["webhook-id"], body, first["path"]) == (second["webhook-id"], again, "/hook?a=1")
    said = json.loads(body)
    assert said["type"] == "study.result"
    assert said["data"] == {
        "clinic": str(scan.clinic_id),
        "study": str(scan.study.pk),
        "analysis": str(scan.analyses.get().pk),
    }
    patient = scan.patient
    assert not [one for one in (patient.family_name, patient.medical_record_number) if one.encode() in body]
    key = base64.b64decode(destination.secret.removeprefix("whsec_"))
    signed = f"{second['webhook-id']}.{second['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert second["webhook-signature"] == f"v1,{expected}"
    assert destination.secret not in str(first)
    told = AuditEvent.objects.filter(route="delivery webhook", patient=patient.pk)
    assert [one.detail["address"] for one in told] == [receiver.url.partition("/hook")[0]] * 2


def test_a_result_waits_until_it_may_be_read_and_a_critical_one_does_not(
    receiver: Receiver, scan: Scan, radiologist: User, clinician: User
) -> None:
    ReadingPolicy.objects.create(clinic=scan.clinic, read_first=ReadFirst.ALWAYS, hide_until_read=True)
    receiver.begin()
    finish(scan, 0.97)
    turn()
    row = Delivery.objects.get()
    assert (row.status, row.attempts, receiver.got) == ("waiting", 0, [])
    mark_critical(by=radiologist, study=scan.study, finding="Pneumothorax.", recipient=clinician)
    turn()
    ((_headers, body),) = receiver.got
    assert json.loads(body)["type"] == "critical_result.opened"
    assert b"Pneumothorax" not in body
    assert AuditEvent.objects.filter(route="delivery webhook", patient=scan.patient_id).count() == 1
    ReadingPolicy.objects.update(read_first=ReadFirst.NEVER, hide_until_read=False)
    turn()
    assert json.loads(receiver.got[-1][1])["type"] == "study.result"


def test_nothing_is_told_of_a_confidential_record(receiver: Receiver, scan: Scan, radiologist: User) -> None:
    receiver.begin()
    Confidentiality.objects.create(patient=scan.patient, marked_by=radiologist)
    finish(scan, 0.97)
    turn()
    assert (Delivery.objects.get().status, receiver.got) == ("refused", [])


def test_a_redirect_is_not_followed(receiver: Receiver, scan: Scan) -> None:
    receiver.begin()
    receiver.answers = [(307, {"Location": receiver.url})]
    finish(scan, 0.97)
    turn()
    assert (Delivery.objects.get().status, len(receiver.got)) == ("refused", 1)


def test_without_a_secret_nothing_leaves(receiver: Receiver, destination: Destination, scan: Scan) -> None:
    receiver.begin()
    destination.secret = ""
    destination.save()
    finish(scan, 0.97)
    turn()
    assert (Delivery.objects.get().status, receiver.got) == ("refused", [])


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "fec0::1", "100.64.0.1"),
        *("224.0.0.1", "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a00:1::"),
    ],
)
def test_the_portals_own_network_is_not_reached(monkeypatch: pytest.MonkeyPatch, settings: Any, address: str) -> None:
    """Whatever name leads there, and beside a public address too."""
    settings.WEBHOOK_NETWORKS = ["10.9.0.0/16"]
    found = [(2, 1, 6, "", (one, 443)) for one in ("93.184.215.14", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: found)
    with pytest.raises(reach.Refused) as refused:
        reach.target("https://example.org/hook", within=5)
    assert str(refused.value) == reach.INSIDE


def test_a_network_can_be_named_and_needs_tls_all_the_same(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.WEBHOOK_NETWORKS = ["10.9.0.0/16"]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: [(2, 1, 6, "", ("10.9.1.1", 443))])
    found = reach.target("https://record.example/a?b=c", within=5)
    assert found == reach.Target("record.example", "10.9.1.1", 443, "/a?b=c", is_encrypted=True)
    for wrong, reason in {
        "http://record.example/": reach.NOT_HTTPS,
        "ftp://record.example/": reach.NOT_HTTPS,
        "https://user@record.example/": reach.NOT_AN_ADDRESS,
        "https://[::1/": reach.NOT_AN_ADDRESS,
        "https:///": reach.NOT_AN_ADDRESS,
    }.items():
        with pytest.raises(reach.Refused) as refused:
            reach.target(wrong, within=5)
        assert str(refused.value) == reason


def test_it_goes_to_the_address_that_was_looked_at(
    receiver: Receiver, destination: Destination, scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise a moment later is not asked again."""
    looked_up = []
    ask = socket.getaddrinfo

    def answer(host: str, port: int, *args: Any, **named: Any) -> Any:
        looked_up.append(host)
        return ask("127.0.0.1" if host == "rebinding.example" else host, port, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    destination.url = f"http://rebinding.example:{receiver.server_port}/"
    destination.save()
    receiver.begin()
    finish(scan, 0.97)
    turn()
    assert (Delivery.objects.get().status, receiver.got[0][0]["Host"]) == (
        "delivered",
        f"rebinding.example:{receiver.server_port}",
    )
    assert [one for one in looked_up if one == "rebinding.example"] == ["rebinding.example"]


def test_who_answers_byte_by_byte_is_not_waited_for(
    receiver: Receiver, scan: Scan, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DELIVERY_TIMEOUT_SECONDS = 0.4
    stopped, heard_out = Flag(), Flag()

    def drip(self: _Answering) -> None:
        for _byte in range(600):
            self.wfile.write(b"H")
            if stopped.wait(0.1):
                return
        heard_out.set()

    monkeypatch.setattr(_Answering, "do_POST", drip)
    receiver.begin()
    finish(scan, 0.97)
    turn()
    assert not heard_out.is_set()
    assert Delivery.objects.get().status == "waiting"
    stopped.set()


def test_a_name_that_nobody_answers_for_holds_no_worker(
    destination: Destination, scan: Scan, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DELIVERY_TIMEOUT_SECONDS = 0.1
    destination.secret, destination.url = signing.new_secret(), "https://slow.example/"
    destination.save()
    released = Flag()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: released.wait(30) and [])
    finish(scan, 0.97)
    turn()
    assert not released.is_set()
    assert Delivery.objects.get().answer == reach.UNKNOWN_NAME
    released.set()


def test_who_drips_while_tls_is_agreed_is_not_waited_for(
    destination: Destination, scan: Scan, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step alone may take longer than all of it."""
    settings.WEBHOOK_NETWORKS, settings.DELIVERY_TIMEOUT_SECONDS = ["127.0.0.0/8"], 10
    monkeypatch.setattr(webhook, "LONGEST_STEPS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        destination.secret = signing.new_secret()
        destination.url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
        destination.save()
        finish(scan, 0.97)
        dripping = Thread(target=_drip_a_record, args=(listening, left := []), daemon=True)
        dripping.start()
        turn()
        dripping.join(120)
    assert left == ["cut"]
    assert Delivery.objects.get().status == "waiting"


def _drip_a_record(listening: socket.socket, left: list[str]) -> None:
    """The beginning of a handshake record that never ends."""
    peer, _address = listening.accept()
    with peer:
        peer.settimeout(0.05)
        for byte in b"\x16\x03\x03\x40\x00\x02" + bytes(600):
            try:
                peer.sendall(bytes([byte]))
                if peer.recv(4096) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            left.append("heard to its end")
            return
        left.append("cut")
