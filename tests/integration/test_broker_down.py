"""The broker is away: nobody waits, nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.models import User
from diagnosis.models import Patient, Scan
from diagnosis.states import AnalysisStatus as S
from portal.embedded import broker
from portal.embedded.process import Process
from tests.images import xray_png
from tests.integration.ensemble import ensemble_members
from tests.running import ROOT, Worker, database_url
from tests.servers import folder
from tests.slow import reaches

pytestmark = pytest.mark.django_db(transaction=True)


class Broker:
    """A throw-away broker that may stop and come back with what it kept."""

    def __init__(self, path: Path) -> None:
        """In a folder of its own, which it closes to other accounts."""
        self.socket, self._data = path / "other.sock", path / "other"
        self._process: Process = broker.broker_process(
            broker.server_binary(), socket=self.socket, data=self._data, log=path / "other.log"
        )

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        broker.prepare(socket=self.socket, data=self._data)
        self._process.start()
        assert broker.wait_until_ready(self._process, self.socket)

    def stop(self) -> None:
        self._process.stop()


@pytest.fixture
def other_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """The one that processes started by the test use."""
    other = Broker(folder() / "other")
    other.start()
    monkeypatch.setenv("REDIS_URL", other.url)
    monkeypatch.setenv("ANALYSIS_SWEEP_SECONDS", "1")
    yield other
    other.stop()


UPLOAD = """
import sys, django
django.setup()
from accounts.models import User
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Patient
from diagnosis.models.scan import Modality
user, patient = User.objects.get(pk=sys.argv[1]), Patient.objects.get(pk=sys.argv[2])
data = sys.stdin.buffer.read()
print(upload_scan(by=user, patient=patient, data=data, name="a.png", modality=Modality.CXR).scan.pk)
"""


def upload_elsewhere(user: User, patient: Patient, data: bytes) -> Scan:
    """Upload in a process of its own, as a web process does it, with the broker of the environment."""
    done = subprocess.run(
        [sys.executable, "-c", UPLOAD, str(user.pk), str(patient.pk)],
        input=data,
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=180,
        env={**os.environ, "DATABASE_URL": database_url()},
    )
    assert done.returncode == 0, done.stderr.decode()
    return Scan.objects.get(pk=done.stdout.decode().strip())


def test_the_broker_may_stop_at_any_time(
    other_broker: Broker, tmp_path: Path, patient: Patient, radiographer: User
) -> None:
    # A message that nobody has taken yet survives its restart.
    sent = upload_elsewhere(radiographer, patient, xray_png(1)).analyses.get()
    assert sent.enqueued_at
    other_broker.stop()
    other_broker.start()
    worker = Worker(tmp_path)
    worker.start()
    try:
        reaches(sent, S.SUCCEEDED)
        assert sent.attempts == 1
        # An upload while it is away is accepted, and sent when it is back; the worker finds it again by itself.
        other_broker.stop()
        unsent = upload_elsewhere(radiographer, patient, xray_png(2)).analyses.get()
        assert (unsent.status, unsent.enqueued_at) == (S.QUEUED, None)
        other_broker.start()
        reaches(unsent, S.SUCCEEDED)
        assert (unsent.attempts, unsent.predictions.count()) == (1, ensemble_members())
    finally:
        worker.stop()
