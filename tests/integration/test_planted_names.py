"""A patient nobody could be called like goes everywhere; then everything that the system wrote is searched for them."""

from __future__ import annotations

import base64
import json
import logging
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus, urlsplit

import pytest
import redis
from django.conf import settings
from django.core import mail, signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEvent
from audit.tasks import make_anchor
from diagnosis import notifications as notices
from diagnosis.actions.patient import register_patient
from diagnosis.analyses import runner
from diagnosis.models import Analysis, Notification, Patient, ReadingPreference, Scan
from diagnosis.states import AnalysisStatus
from portal.forms.contact import SALT
from tests.archives import packed
from tests.images import NO_IMAGE, xray_dicom, xray_png
from tests.integration.test_audit_routes import LEAD_ELSEWHERE, SILENT, World, browsers, names, world
from tests.slow import eventually

__all__ = ["browsers", "world"]  # fixtures

FAMILY, GIVEN, NUMBER = "Zyxquillbert", "Ottomarina", "QX-77310942"
BORN = date(1931, 7, 23)
PLANTED = re.compile("zyxquillbert|ottomarina|77310942|1931-?07-?23|23[./]0?7[./]1931|23 jul[a-z]* 1931", re.IGNORECASE)
FILE = f"{FAMILY} {GIVEN} {NUMBER} 1931-07-23"
HEADER: dict[str, Any] = {"patient_name": f"{FAMILY}^{GIVEN}", "patient_id": NUMBER, "birth_date": BORN}
# What a decoder complains about, with the name in it.
BROKEN = [
    {"StudyDescription": f"{FAMILY} " * 40, "ReferringPhysicianName": FAMILY},
    {"PatientAge": FAMILY, "StudyInstanceUID": f"1.2.{NUMBER}"},
    {"PatientBirthDate": "23.07.1931", "Rows": 0, "StationName": FAMILY},
]
ADDRESSES = re.compile(r"""\s(?:href|src|action|formaction|data-[\w-]+)=["']([^"']*[/?][^"']*)["']""")
BASE64 = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")
DESK = "desk@portal.example"
SEARCH = f"?q={quote(FAMILY)}"

pytestmark = pytest.mark.django_db(transaction=True)


class Overheard:
    """Every command that the broker and the cache were sent, with what Celery packs in base64 unpacked."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=600)
        self._monitor = self._client.monitor().__enter__()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(redis.RedisError, OSError, ValueError, AttributeError):  # until it is closed
            for command in self._monitor.listen():
                self._lines.append(command["command"])

    def close(self) -> None:
        self._monitor.connection.disconnect()

    def text(self) -> str:
        self._client.echo("the end")
        eventually(lambda: self._lines[-1:] == ["ECHO the end"] or "ECHO the end" in self._lines, "it hears itself")
        sent = "\n".join(self._lines)
        unpacked = [base64.b64decode(one + b"=" * (-len(one) % 4)) for one in BASE64.findall(sent.encode())]
        return "\n".join([sent, *(one.decode(errors="replace") for one in unpacked)])


@pytest.fixture
def overheard(transactional_db: None) -> Iterator[Overheard]:
    found = Overheard()
    yield found
    found.close()


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all of them put what they need for a moment."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def loud(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield


@pytest.fixture
def patient(clinic: Clinic, radiographer: User) -> Patient:
    return register_patient(
        by=radiographer,
        clinic=clinic,
        medical_record_number=NUMBER,
        family_name=FAMILY,
        given_name=GIVEN,
        birth_date=BORN,
        sex="F",
    )


class Answers:
    """Remembers the addresses and the headers of every answer."""

    def __init__(self) -> None:
        self.addresses: set[str] = set()
        self.headers: set[str] = set()
        self.opened = 0

    def take(self, answer: Any) -> Any:
        shown = b"".join(answer.streaming_content) if answer.streaming else answer.content
        self.opened += 1
        self.headers |= {f"{name}: {value}" for name, value in answer.headers.items()}
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            self.addresses |= set(ADDRESSES.findall(shown.decode()))
        self.addresses.add(answer.headers.get("Location", ""))
        return shown


def test_what_the_system_writes_names_no_patient(
    overheard: Overheard,
    left: Path,
    loud: None,
    caplog: pytest.LogCaptureFixture,
    world: World,
    browsers: dict[str, Client],
) -> None:
    answers = Answers()
    settings.CONTACT_EMAIL = DESK
    for user in User.objects.all():
        ReadingPreference.objects.update_or_create(user=user, defaults={"mail_results": True})
    _upload(browsers["radiographer"], world.patient, answers)
    _mistype(answers)
    _search(browsers["radiologist"], answers)
    _open_everything(world, browsers, answers)
    _analyse(world.patient)
    make_anchor()
    told = notices.mail_pending()
    assert told and Notification.objects.exists() and answers.opened > 90

    letters = [one for one in mail.outbox if one.to != [DESK]]
    assert len(letters) >= told
    written = {
        "broker and cache": overheard.text(),
        "log of this process": "\n".join(caplog.messages) + caplog.text,
        "mails": "\n".join(str(one.message()) for one in letters),
        "addresses": "\n".join(unquote_plus(one) for one in answers.addresses if not _is_own_search(one)),
        "headers of answers": "\n".join(sorted(answers.headers)),
        # What was typed as one's name at a failed sign-in is kept there, for the administrators of people alone.
        "audit trail": "\n".join(map(str, AuditEvent.objects.exclude(outcome="4", action="E").values())),
        "names of stored files": "\n".join(map(str, Path(settings.PRIVATE_ROOT).rglob("*"))),
        "anchors": "\n".join(one.read_text() for one in Path(settings.AUDIT_ROOT).glob("*.jsonl")),
        "left in temporary files": "\n".join(map(_whole, left.rglob("*"))),
    }
    assert all(written[place] for place in written if place != "left in temporary files")
    found = {place: named for place in written if (named := _found(written[place]))}
    print(f"\nplanted names found {sum(map(len, found.values()))}")  # for tests.bench.safe
    assert found == {}


def test_the_search_is_not_silent_about_what_it_finds(patient: Patient, radiographer: User) -> None:
    """Or the test above would search for names that nothing shows."""
    browser = Client()
    browser.force_login(radiographer)
    shown = browser.get(reverse("diagnosis:patient-list") + SEARCH).content.decode()
    assert {FAMILY.lower(), GIVEN.lower(), "77310942"} <= {one.lower() for one in PLANTED.findall(shown)}


def _upload(browser: Client, patient: Patient, answers: Answers) -> None:
    """By page, as an archive and by program: good files, other people's, and broken ones that say why in a log."""
    page = reverse("diagnosis:scan-upload", args=[patient.pk])
    headers = {"Accept": "application/json"}
    broken = [xray_dicom(**HEADER, overrides=each, seed=number) for number, each in enumerate(BROKEN, 50)]
    good = [xray_dicom(**HEADER, seed=60), xray_png(61), NO_IMAGE, xray_dicom(**HEADER, seed=62)[:3000], *broken]
    strangers = xray_dicom(patient_name=f"Other^{FAMILY}", patient_id="OTHER", seed=63)
    folder = packed(*((f"{FILE}/{number}.dcm", data) for number, data in enumerate([*broken, NO_IMAGE, strangers])))
    for number, data in enumerate([*good, strangers, folder]):
        body = {"files": SimpleUploadedFile(f"{FILE} {number}", data), "modality": "cxr"}
        answers.take(browser.post(page, body, headers=headers))
    coded = base64.b64encode(xray_dicom(**HEADER, seed=64)).decode()
    body = json.dumps({"patient": str(patient.pk), "image": coded, "name": FILE, "accession_number": NUMBER})
    answers.take(browser.post("/api/v1/scans/", body, content_type="application/json"))
    form = {"medical_record_number": NUMBER, "family_name": FAMILY, "birth_date": "23.07.1931", "sex": "F"}
    answers.take(browser.post(reverse("diagnosis:patient-create"), form))
    answers.take(browser.post("/api/v1/patients/", json.dumps(form), content_type="application/json"))


def _mistype(answers: Answers) -> None:
    """Signs in with a patient's name, and writes about the patient."""
    visitor = Client()
    for number in range(7):
        form = {"login": f"{FAMILY}@clinic.example", "password": f"{GIVEN}{NUMBER}{number}"}
        answers.take(visitor.post(reverse("account_login"), form))
    answers.take(visitor.post(reverse("account_login"), {"login": f"{FAMILY} {GIVEN}", "password": NUMBER}))
    answers.take(visitor.post("/api/v1/tokens/", {"email": f"{FAMILY}@clinic.example", "password": NUMBER}))
    opened = signing.dumps(int(time.time()) - 60, salt=SALT)
    message = {"name": GIVEN, "email": "a@clinic.example", "subject": FAMILY, "body": f"About {FILE}", "opened": opened}
    answers.take(visitor.post(reverse("portal:contact"), message))


def _search(browser: Client, answers: Answers) -> None:
    """What the web server's own log says of it: tests/integration/test_doors.py."""
    for name in ("patient-list", "scan-list", "upload", "queue"):
        answers.take(browser.get(reverse(f"diagnosis:{name}") + SEARCH))
    for path in ("/api/v1/patients/", "/api/v1/scans/", "/nowhere/"):
        answers.take(browser.get(path + SEARCH))


def _open_everything(world: World, browsers: dict[str, Client], answers: Answers) -> None:
    for name in sorted(names() - SILENT - LEAD_ELSEWHERE):
        for browser in browsers.values():
            answer = browser.get(world.address(name))
            answers.take(answer)
            if answer.status_code == 200:
                break


def _analyse(patient: Patient) -> None:
    """As the worker does it, of a file with a name in its header and of one that is not what it was.

    What the worker's own log says: tests/integration/test_worker.py.
    """
    waiting = Analysis.objects.filter(study__patient=patient, status=AnalysisStatus.QUEUED).order_by("-pk")
    first, second = waiting[:2]
    for image in Scan.objects.filter(series__study=second.study):
        Path(image.original.path).write_bytes(FILE.encode())
    for analysis in (first, second):
        runner.run(analysis.pk, worker="test")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == (AnalysisStatus.SUCCEEDED, AnalysisStatus.FAILED)


def _is_own_search(address: str) -> bool:
    """An address of the page one is on, which repeats what was typed into it. The access log leaves queries out."""
    parts = urlsplit(address)
    named = [name for name, value in parse_qsl(parts.query) if PLANTED.search(value)]
    return named == ["q"] and not PLANTED.search(unquote_plus(parts.path + parts.fragment))


def _found(text: str) -> list[str]:
    """Each with the words around it."""
    return [text[max(0, one.start() - 150) : one.end() + 60] for one in PLANTED.finditer(text)]


def _whole(path: Path) -> str:
    content = path.read_bytes().decode(errors="replace") if path.is_file() else ""
    return f"{path.name}\n{content}"
