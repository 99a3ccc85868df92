"""The outbox with Debian's Orthanc as the archive: away, then there, and killed workers between the two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Clinic, User
from delivery import sending
from delivery.dicom import scu
from delivery.models import Content, Delivery, Destination, Kind, Outcome
from delivery.senders import Unreachable
from diagnosis.models import Scan
from tests import orthanc
from tests.factories import finish
from tests.ports import own_port

pytestmark = [
    pytest.mark.django_db,
    # pynetdicom leaves a socket unclosed where nobody answers.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(orthanc.is_missing(), reason="Debian's package orthanc is not installed"),
]
Start = Callable[[], Any]


@pytest.fixture
def ports() -> tuple[int, int]:
    return own_port(), own_port()


@pytest.fixture
def archive(clinic: Clinic, ports: tuple[int, int]) -> Destination:
    return Destination.objects.create(
        clinic=clinic,
        kind=Kind.DICOM,
        name="Archive",
        host="127.0.0.1",
        port=ports[0],
        called_title=orthanc.TITLE,
        calling_title="PORTAL",
        contents=[Content.STUDY_RESULT],
    )


def _later() -> None:
    """As if every pause and lease were over."""
    Delivery.objects.update(next_attempt_at=timezone.now())
    Delivery.objects.exclude(held_until=None).update(held_until=timezone.now() - timedelta(seconds=1))
    Destination.objects.update(paused_until=None)
    sending.deliver_some(seconds=20)


def test_an_archive_that_was_away_gets_each_object_once(
    archive: Destination,
    scan: Scan,
    ports: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    radiologist: User,
) -> None:
    finish(scan, 0.2, 0.91, combined=0.618)
    row = archive.deliveries.get()
    sending.deliver_some(seconds=20)
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("waiting", 1)
    with pytest.raises(Unreachable):
        scu.echo(archive)
    with orthanc.running(tmp_path / "orthanc", dicom=ports[0], web=ports[1], DicomCheckCalledAet=True):
        assert "answered" in scu.echo(archive)
        archive.called_title = "STRANGER"
        with pytest.raises(Unreachable, match="rejected"):
            scu.echo(archive)

        def killed(*_: Any) -> None:
            raise KeyboardInterrupt

        # The worker dies after the archive has everything, and before a row says so.
        with monkeypatch.context() as between, pytest.raises(KeyboardInterrupt):
            between.setattr(sending, "_finish", killed)
            _later()
        assert len(orthanc.asked(ports[1], "/instances")) == 3
        _later()
        row.refresh_from_db()
        assert row.status == "delivered", row.last_answer
        assert [one.outcome for one in row.log.all()] == [Outcome.AGAIN, Outcome.LOST, Outcome.DELIVERED]
        (study,) = orthanc.asked(ports[1], "/studies?expand")
        assert study["MainDicomTags"]["StudyInstanceUID"] == f"2.25.{scan.study_id.int}"
        assert len(study["Series"]) == 2
        assert len(orthanc.asked(ports[1], "/instances")) == 3
