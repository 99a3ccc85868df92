"""A backup that is made while people work, restored into an empty place by the commands, is what was saved."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import storages
from django.db import connection

from accounts.models import User
from audit import anchor
from diagnosis.actions.deletion import confirm_deletion, request_deletion
from diagnosis.actions.report import sign_report
from diagnosis.actions.withdrawal import take_back
from diagnosis.models import Patient, Report, Scan
from diagnosis.rules import deletions
from diagnosis.scans import erasing
from portal.backup import audit_key, envelope, making, state
from portal.backup.envelope import Envelope
from portal.backup.errors import BackupFailed
from tests.conftest import PASSWORD
from tests.factories import finish, new_case, read
from tests.running import ROOT, database_url
from tests.slow import PATIENCE_SECONDS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data folders of its own: other tests leave files in those of all."""
    settings.VAR_ROOT, settings.AUDIT_ROOT, settings.PRIVATE_ROOT = (
        tmp_path / "var",
        tmp_path / "audit",
        str(tmp_path / "private"),
    )
    monkeypatch.setitem(vars(storages["private"]), "location", settings.PRIVATE_ROOT)
    return tmp_path


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    return tmp_path / "identity"


@pytest.fixture
def recipient(identity: Path) -> str:
    return envelope.new_key(identity)


@contextmanager
def an_empty_database(place: Path) -> Iterator[str]:
    """Its address."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{place / 'restored.sqlite3'}"
        return
    name = f"restored_{os.getpid()}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
        yield f"{database_url().rpartition('/')[0]}/{name}"
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def restore(folder: Path, var: Path, database: str, *options: str | Path) -> subprocess.CompletedProcess[str]:
    return manage(var, database, "restore", folder, *options)


def manage(var: Path, database: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PORTAL_VAR": str(var), "DATABASE_URL": database}
    words = [sys.executable, "manage.py", *map(str, command)]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def compared(printed: str, what: str) -> list[str]:
    """What the table says was saved and was restored."""
    line = next(line for line in printed.splitlines() if line.startswith(f"{what}  "))
    return line.removeprefix(what).split()


def a_signed_report(radiographer: User, radiologist: User, patient: Patient) -> Report:
    review = new_case(radiographer, patient)
    finish(review.scan, 0.9)
    report = read(radiologist, review, decision="agree", findings="Clear lungs.").report
    return sign_report(by=radiologist, report=report, password=PASSWORD)


def a_deleted_study(image: Scan, administrator: User) -> Scan:
    deletion = request_deletion(by=image.uploaded_by, study=image.study, reason="Another patient's image.")
    confirm_deletion(by=administrator, deletion=deletion, seen=deletions.contents(image.study))
    erasing.sweep()
    return image


@contextmanager
def uploads(upload: Callable[..., Scan]) -> Iterator[None]:
    """Go on for as long as the block; it begins once one has come."""
    stop, come = threading.Event(), threading.Event()

    def work() -> None:
        seed = 100
        while not stop.is_set():
            upload(seed)
            come.set()
            seed += 1
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert come.wait(PATIENCE_SECONDS)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_what_is_restored_is_what_was_saved(
    place: Path,
    identity: Path,
    recipient: str,
    upload: Callable[..., Scan],
    radiographer: User,
    radiologist: User,
    patient: Patient,
) -> None:
    # On SQLite, a signed report that is committed cannot be removed after the test.
    signed = int(connection.vendor == "postgresql")
    if signed:
        a_signed_report(radiographer, radiologist, patient)
    withdrawn = upload(50)
    take_back(by=radiographer, study=withdrawn.study, reason="wrong patient")
    aside = place / "private" / "set_aside" / "originals" / "00" / "alone"
    aside.parent.mkdir(parents=True)
    aside.write_bytes(b"the only copy")
    (place / "private" / "renditions").mkdir()
    (place / "private" / "renditions" / "again").write_bytes(b"made again")
    anchor.make_anchor()
    backups, before = place / "backups", Scan.with_withdrawn.count()
    with uploads(upload):
        made = making.make(root=backups, recipients=[recipient])
    assert (made.missing, made.altered) == ([], [])
    key = audit_key.save(place / "kept apart", Envelope.to([recipient]), backups=backups)
    options = ("--identity", identity, "--audit-key", key)

    with an_empty_database(place) as database:
        done = restore(backups, place / "restored", database, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1] == "Restored and equal"
        saved, here = compared(done.stdout, "rows of diagnosis_scan")
        assert before < int(saved) == int(here)
        assert compared(done.stdout, "signed reports whose seals hold") == [str(signed)] * 2
        assert compared(done.stdout, "acceptance sets whose seals hold") == ["0", "0"]
        restored = place / "restored" / "private"
        assert (restored / withdrawn.original.name).read_bytes() == Path(withdrawn.original.path).read_bytes()
        assert (restored / aside.relative_to(place / "private")).read_bytes() == b"the only copy"
        assert not (restored / "renditions").exists()

        again = restore(backups, place / "restored", database, *options)
        assert again.returncode == 1
        assert "not empty" in again.stderr


def test_without_the_audit_key_nothing_is_proven_and_files_that_a_row_misses_are_told(
    place: Path, identity: Path, recipient: str, scan: Scan, upload: Callable[..., Scan], administrator: User
) -> None:
    deleted = a_deleted_study(upload(8), administrator)
    assert not Path(deleted.original.path).exists()
    anchor.make_anchor()
    lost = upload(7)
    Path(lost.original.path).unlink()
    Path(scan.original.path).write_bytes(b"changed on the disk")
    without_a_list = place / "backups" / "backups" / "20200101T000000Z.manifest"
    without_a_list.parent.mkdir(parents=True)
    without_a_list.touch()
    made = making.make(root=place / "backups", recipients=[recipient], keep=2)
    assert "Nothing was removed" in made.not_removed and state.read().code == ""
    assert made.missing == [f"private/{lost.original.name}"]
    assert made.altered == [f"private/{scan.original.name}"]
    assert state.read().unsound == 2
    with an_empty_database(place) as database:
        done = restore(place / "backups", place / "restored", database, "--identity", identity)
        (place / "restored" / "audit" / "audit.key").write_text(settings.AUDIT_KEY)
        trail = manage(place / "restored", database, "verify_audit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "Restored and equal; seals not proven"
    assert "can be proven" in done.stderr
    assert deleted.original.name not in done.stderr
    assert "1 files were missing when the backup was made" in done.stderr
    assert compared(done.stdout, "rows that have their file") == ["0", "0"]
    # The right key was found later.
    assert trail.stdout.startswith("whole: "), trail.stdout + trail.stderr


def test_a_client_of_postgresql_that_is_older_than_the_server_is_refused(
    place: Path, recipient: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor == "sqlite":
        return  # needs no program
    monkeypatch.setattr("portal.backup.snapshot.major_version", lambda: 99)
    with pytest.raises(BackupFailed, match=r"PostgreSQL 99.*postgresql-client-99") as refused:
        making.make(root=place / "backups", recipients=[recipient])
    assert refused.value.code == state.read().code == "program"
    assert not list((place / "backups").glob("backups/*"))
