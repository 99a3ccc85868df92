"""The web server as it ships, without a proxy: what arrives slowly, half or too large takes nothing from anybody."""

from __future__ import annotations

import http.client
import json
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from accounts.models import ApiToken, User
from diagnosis.models import Patient, Scan
from portal.embedded import web
from portal.embedded.process import Process
from tests.images import xray_png
from tests.ports import own_port
from tests.running import ROOT, database_url
from tests.slow import eventually

SIGN_IN, SCANS = "/accounts/sign-in/", "/api/v1/scans/"
HALF_OPEN = 200
PER_PERSON = 2
MEGABYTE = 1024 * 1024


class Web:
    """The web server's processes on the test database, and nothing else of the portal."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port
        self._open: list[socket.socket] = []

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=180)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Host": "localhost", **sent})
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def half(self, path: str, *, length: int, sent: bytes = b"", **headers: str) -> socket.socket:
        """A request of which the body is still to come."""
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + sent)

    def send(self, data: bytes) -> socket.socket:
        half = socket.create_connection(("127.0.0.1", self.port), timeout=180)
        half.sendall(data)
        self._open.append(half)
        return half

    def close(self) -> None:
        for half in self._open:
            half.close()
        self.process.stop()

    def memory(self) -> int:
        """Bytes of the processes that answer, the largest that Linux has seen of each.

        Those that they start to decode files see no form, and come and go.
        """
        answering = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children()]
        lines = [Path(f"/proc/{each.pid}/status").read_text() for each in answering]
        return sum(int(text.partition("VmHWM:")[2].split()[0]) * 1024 for text in lines)


@pytest.fixture
def server(transactional_db: None, tmp_path: Path) -> Iterator[Web]:
    port = own_port()
    process = web.web_process(host="127.0.0.1", port=port, root=ROOT, log=tmp_path / "web.log")
    process.environment = {
        "DATABASE_URL": database_url(),
        "DEBUG": "1",  # pages without collected static files
        "PRIVATE_ROOT": str(tmp_path / "private"),
        "UPLOADS_PER_PERSON": str(PER_PERSON),
        "DJANGO_ALLOW_ASYNC_UNSAFE": "",
    }
    process.start()
    found = Web(process, port)
    try:
        assert web.wait_until_ready("127.0.0.1", port, meanwhile=lambda: None), process.log.read_text()
        yield found
    finally:
        found.close()


def bearer(user: User) -> str:
    return f"Bearer {ApiToken.objects.issue(membership=user.memberships.get(), name='test')[1]}"


def form(patient: Patient, data: bytes) -> tuple[bytes, str]:
    fields = {"patient": str(patient.pk), "modality": "cxr"}
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}\r\n' for name in fields]
    file = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    return ("".join(parts) + file).encode() + data + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def test_half_sent_requests_hold_nobody(server: Web, patient: Patient, radiographer: User) -> None:
    cookie = {"Cookie": "csrftoken=" + 32 * "a", "Content_Type": "application/x-www-form-urlencoded"}
    for _ in range(HALF_OPEN // 4):
        server.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-a: b")
        server.send(b"")
        server.half(SIGN_IN, length=500, sent=b"a=b", **cookie)
        server.half(SCANS, length=MEGABYTE, sent=b"a", Authorization="Bearer x")
    for _ in range(8):
        assert server.ask("GET", "/healthz")[0] == 200
        assert server.ask("GET", SIGN_IN)[0] == 200
    body, kind = form(patient, xray_png())
    assert server.ask("POST", SCANS, body, Content_Type=kind, Authorization=bearer(radiographer))[0] == 201


def test_a_strangers_form_costs_no_memory(server: Web) -> None:
    body = b"csrfmiddlewaretoken=x&name=" + b"%41" * (8 * MEGABYTE // 3)
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Cookie": "csrftoken=" + 32 * "a"}
    paths = (SIGN_IN, "/contact/", "/accounts/password/reset/", "/admin/", "/api/v1/tokens/")
    for path in paths:  # what is imported for the first answer of an address is no cost of a form
        server.ask("GET", path)
    before = server.memory()
    for path in paths:
        assert server.ask("POST", path, body, **headers)[0] == 413, path
    assert server.memory() - before < 6 * MEGABYTE


def test_a_strangers_upload_is_not_kept(server: Web, patient: Patient, tmp_path: Path) -> None:
    page = f"/patients/{patient.pk}/scans/"
    for path, status in ((SCANS, b"401"), ("/api/v1/archives/", b"401"), (page, b"302")):
        sending = server.half(path, length=32 * MEGABYTE, sent=bytes(4 * MEGABYTE), Content_Type="application/zip")
        assert sending.recv(12).endswith(status), path
        assert spooled(server, tmp_path / "private") == 0


def spooled(server: Web, folder: Path) -> int:
    """Bytes in the nameless files that the server's processes hold in `folder`."""
    found = 0
    for process in psutil.Process(server.process.pid).children(recursive=True):
        with suppress(FileNotFoundError):  # the process has ended
            found += sum(_bytes_in(folder, each) for each in Path(f"/proc/{process.pid}/fd").iterdir())
    return found


def _bytes_in(folder: Path, descriptor: Path) -> int:
    try:
        return descriptor.stat().st_size if descriptor.readlink().is_relative_to(folder) else 0
    except FileNotFoundError:  # it was closed meanwhile
        return 0


def test_uploads_arrive_in_pieces_and_as_text(server: Web, patient: Patient, radiographer: User) -> None:
    body, kind = form(patient, xray_png(1))
    head = {"Content_Type": kind, "Authorization": bearer(radiographer)}
    sending = server.half(SCANS, length=len(body), sent=body[:100], **head)
    for start in range(100, len(body), len(body) // 3):
        time.sleep(0.2)
        sending.sendall(body[start : start + len(body) // 3])
    assert sending.recv(12) == b"HTTP/1.1 201"
    fields = {"patient": str(patient.pk), "image": b64encode(xray_png(2)).decode(), "modality": "cxr", "name": "a.png"}
    text = json.dumps(fields).encode()
    assert server.ask("POST", SCANS, text, **{**head, "Content_Type": "application/json"})[0] == 201
    assert Scan.objects.count() == 2


def test_an_upload_need_not_wait_to_be_told_to_go_on(server: Web, patient: Patient, radiographer: User) -> None:
    body, kind = form(patient, xray_png(4))
    head = {"Content_Type": kind, "Authorization": bearer(radiographer), "Expect": "100-continue"}
    sending = server.half(SCANS, length=len(body), sent=body[:1000], **head)
    assert sending.recv(12) == b"HTTP/1.1 100"
    sending.sendall(body[1000:])
    said = b""
    while b"HTTP/1.1 2" not in said:
        part = sending.recv(4096)
        assert part, f"The connection was closed without an answer: {said!r}"
        said += part


def test_the_log_of_the_web_server_says_nothing_of_what_was_searched(server: Web, radiographer: User) -> None:
    search, own = "/api/v1/patients/?search=Zyxquillbert", "http://localhost/patients/?q=Zyxquillbert"
    assert server.ask("GET", search, Authorization=bearer(radiographer), Referer=own)[0] == 200
    for path in ("/patients/?q=Zyxquillbert", "/nowhere/?q=Zyxquillbert", "/api/v1/nowhere/?q=Zyxquillbert"):
        server.ask("GET", path, Referer=own)
    for head in (
        "GET /patients/?q=Zyxquillbert Otto HTTP/1.1\r\nHost: localhost",
        "GET /patients/?q=Zyxquillbert HTTP/1.1\r\nHost: localhost\r\nZyxquillbert : x\r\nContent-Length: Zyxquillbert",
        f"GET /patients/?q=Zyxquillbert{'x' * 300_000} HTTP/1.1\r\nHost: localhost",
        "Zyxquillbert",
    ):
        server.send(f"{head}\r\n\r\n".encode()).recv(100)
    # A line is written after its answer.
    asked = ("GET /api/v1/patients/", "GET /patients/", "GET /nowhere/", "GET /api/v1/nowhere/")
    eventually(lambda: all(line in server.process.log.read_text() for line in asked), "the requests are in the log")
    log = server.process.log.read_text()
    assert [line for line in log.splitlines() if "zyx" in line.lower()] == []


def test_head_is_answered_without_a_body(server: Web) -> None:
    asking = server.send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    asking.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    said = b"".join(iter(lambda: asking.recv(65536), b""))
    first, _, rest = said.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200") and rest.startswith(b"HTTP/1.1 200")


def test_one_person_uploads_so_much_at_once_and_others_go_on(
    server: Web, patient: Patient, member: Callable[..., User]
) -> None:
    body, kind = form(patient, xray_png(3))
    greedy, other = bearer(member("radiographer")), bearer(member("radiographer"))
    # Two processes, and the kernel chooses: enough for one of them to be full for this person in any case.
    held = [
        server.half(SCANS, length=len(body), sent=body[:9], Content_Type=kind, Authorization=greedy)
        for _ in range(2 * PER_PERSON + 1)
    ]
    eventually(lambda: any(map(ready, held)), "one of them is answered")
    statuses = [each.recv(12)[-3:] for each in held if ready(each)]
    assert set(statuses) == {b"429"}
    assert server.ask("POST", SCANS, body, Content_Type=kind, Authorization=other)[0] == 201


def ready(half: socket.socket) -> bool:
    """Whether an answer has come."""
    half.setblocking(False)
    try:
        return bool(half.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
