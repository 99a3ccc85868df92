"""The backup folder, and what is told of the last backup."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string

from portal import tasks
from portal.backup import audit_key, envelope, making, places, reading, restoring, state
from portal.backup.envelope import Envelope
from portal.backup.errors import BackupDamaged, BackupFailed, RestoreRefused
from portal.backup.known import known
from portal.backup.manifest import Draft, Entry, Header
from portal.backup.state import State
from portal.backup.store import Store
from tests.running import ROOT

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _var(settings: Any, tmp_path: Path) -> None:
    settings.VAR_ROOT, settings.BACKUP_ROOT = tmp_path / "var", tmp_path / "backups"


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    return tmp_path / "identity"


@pytest.fixture
def store(tmp_path: Path, identity: Path) -> Store:
    return Store(tmp_path / "backups", Envelope.to([envelope.new_key(identity)]))


def keep(store: Store, day: int, *contents: bytes) -> list[str]:
    """A backup of that day; the names of its objects."""
    with store.locked():
        names = [store.add(io.BytesIO(content)).name for content in contents]
        store.finish(store.begin(NOON + timedelta(days=day)), io.BytesIO(b"a manifest"), names)
    return names


def objects(store: Store) -> set[str]:
    return {path.name for path in store.root.glob("objects/*/*")}


def test_a_file_is_kept_once_and_only_the_secret_key_reads_it(store: Store, identity: Path, tmp_path: Path) -> None:
    (first,) = keep(store, 0, b"one image")
    (again, other) = keep(store, 1, b"one image", b"another")
    assert first == again
    assert objects(store) == {first, other}
    kept = b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())
    assert b"one image" not in kept and b"a manifest" not in kept
    found = io.BytesIO()
    store.read(first, found, envelope.identities_in(identity))
    assert found.getvalue() == b"one image"
    envelope.new_key(tmp_path / "somebody else's")
    for stranger in ([], envelope.identities_in(tmp_path / "somebody else's")):
        with pytest.raises(RestoreRefused):
            store.read(first, io.BytesIO(), stranger)


def test_other_recipients_get_objects_of_their_own(store: Store, tmp_path: Path) -> None:
    other = Store(store.root, Envelope.to([envelope.new_key(tmp_path / "new")]))
    assert keep(store, 0, b"one image") != keep(other, 1, b"one image")


def test_pruning_removes_only_what_no_backup_names(store: Store) -> None:
    _old, shared = keep(store, 0, b"old", b"shared")
    _same, new = keep(store, 1, b"shared", b"new")
    assert store.prune(1) == 1
    assert objects(store) == {shared, new}
    assert len(store.backups()) == 1
    next(store.root.glob("backups/*.list")).unlink()
    keep(store, 2, b"newest")
    with pytest.raises(BackupFailed, match="Nothing was removed"):
        store.prune(2)
    assert {shared, new} < objects(store)


def test_what_is_interrupted_leaves_nothing_that_looks_whole(store: Store) -> None:
    keep(store, 0, b"before")
    with pytest.raises(KeyboardInterrupt), store.locked():
        store.add(io.BytesIO(b"half a backup"))
        (store.root / "partial" / "draft").write_bytes(b"half a file")
        raise KeyboardInterrupt
    assert len(store.backups()) == 1
    assert not (store.root / "partial").exists()
    with store.locked(), pytest.raises(BackupFailed, match="being made"), Store(store.root).locked():
        pass
    with store.locked(), pytest.raises(BackupFailed, match="clock"):
        store.begin(NOON)


def test_a_damaged_object_is_found_and_a_shortened_one_is_written_again(store: Store, identity: Path) -> None:
    (name,) = keep(store, 0, b"one image" * 100)
    path = next(store.root.glob(f"objects/*/{name}"))
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.raises(BackupDamaged):
            store.read(name, io.BytesIO(), envelope.identities_in(identity))
    path.write_bytes(whole[:-1])
    keep(store, 1, b"one image" * 100)
    found = io.BytesIO()
    assert store.read(name, found, envelope.identities_in(identity)).size == len(b"one image" * 100)


def test_a_manifest_that_somebody_else_encrypted_is_told_apart(store: Store, settings: Any) -> None:
    keep(store, 0, b"one image")
    (name,) = store.backups()
    assert store.is_our_own(name)
    key, settings.AUDIT_KEY = settings.AUDIT_KEY, "another key"
    assert not store.is_our_own(name)
    settings.AUDIT_KEY = key
    for file in list(store.root.glob("backups/*")):
        file.rename(file.with_name(file.name.replace(name, "later")))
    assert not store.is_our_own("later")


@pytest.mark.parametrize("said", [None, "of no key"])
def test_a_backup_that_the_audit_key_did_not_write_is_refused_and_nothing_is_written(
    store: Store, identity: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, said: str | None
) -> None:
    monkeypatch.delenv("AUDIT_KEY", raising=False)
    settings.AUDIT_ROOT = store.root.parent / "audit"
    key, check, identities = settings.AUDIT_KEY, making.key_check(), envelope.identities_in(identity)
    settings.AUDIT_KEY = "the forger's"
    about: dict[str, Any] = {"made_at": "", "version": "", "engine": "", "server": 0, "files": 0}
    header = Header(**about, migrations=[], rows={}, database={}, key_check=said or check)
    with store.locked(), Draft() as draft, draft.whole(header) as manifest:
        store.finish("20261126T120000Z", manifest, [])
    settings.AUDIT_KEY = "made just now"
    with pytest.raises(RestoreRefused, match="did not write"):
        restoring.restore(root=store.root, identities=identities, audit_key=key)
    monkeypatch.setenv("AUDIT_KEY", key)
    with pytest.raises(RestoreRefused, match="did not write"):
        restoring.restore(root=store.root, identities=identities)
    with pytest.raises(RestoreRefused, match="leave the setting out"):
        restoring.restore(root=store.root, identities=identities, audit_key=key)
    if not said:  # the right key lies where the portal looks for it
        monkeypatch.delenv("AUDIT_KEY")
        with pytest.raises(RestoreRefused, match="did not write"):
            restoring.restore(root=store.root, identities=identities)
    assert not settings.AUDIT_ROOT.exists()


def test_a_file_without_an_audit_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(RestoreRefused, match="it is empty"):
        audit_key.read(tmp_path / "empty", [])


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/etc/passwd", "outside"),
        ("private/../../secret", "outside"),
        ("private", "outside"),
        ("elsewhere/file", "outside"),
        ("audit/./audit.key", "no backup saves"),
        ("private/renditions/made", "no backup saves"),
    ],
)
def test_a_manifest_cannot_lead_outside_nor_replace_the_audit_key(path: str, sentence: str) -> None:
    with pytest.raises(BackupDamaged, match=sentence):
        Entry.read(f'{{"path": "{path}", "object": "a", "size": 1, "sha256": "b"}}')


@pytest.mark.parametrize("size", [10, 10_000_000])
def test_a_full_disk_is_said_and_leaves_older_backups(
    store: Store, settings: Any, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    names = keep(store, 0, b"before")
    settings.AUDIT_ROOT = str(store.root.parent / "audit")
    Path(settings.AUDIT_ROOT).mkdir()
    (Path(settings.AUDIT_ROOT) / "anchors.jsonl").write_bytes(b"x" * size)
    monkeypatch.setattr(Store, "begin", lambda *_: "later")
    monkeypatch.setattr(Store, "_draft", lambda _: Path("/dev/full"))  # the kernel's own
    with pytest.raises(BackupFailed, match="Older backups"):
        making.make(root=store.root, recipients=store.envelope.recipients)
    assert state.health().status == "failed" and state.health().code == "disk_full"
    assert objects(store) == set(names)
    assert len(store.backups()) == 1


def test_a_start_while_another_one_runs_tells_nothing_of_the_other(store: Store) -> None:
    told = State(began=NOON.isoformat(), last_good=NOON.isoformat())
    state.write(told)
    with store.locked(), pytest.raises(BackupFailed, match="being made"):
        making.make(root=store.root, recipients=store.envelope.recipients)
    assert state.read() == told


HOLDING = """
import sys
from django.conf import settings
settings.configure(VAR_ROOT=sys.argv[1])
from portal.backup import places
with places.snapshot_folder() as folder:
    (folder / "database").write_text("in clear")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_a_folder_that_lost_its_backups_is_not_filled_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the disk of the backups is not mounted, and its mount point lies on the disk of the data."""
    last = State(name="20261126T120000Z", root=str(store.root), last_good=NOON.isoformat())
    state.write(last)
    with pytest.raises(BackupFailed, match="mounted"):
        making.make(root=store.root, recipients=store.envelope.recipients)
    assert not store.root.exists()
    assert state.health(NOON).status == "failed"
    assert "not be mounted" in state.health(NOON).sentence
    making.require_earlier(Store(store.root / "elsewhere"), last)
    keep(store, 0, b"one image")
    making.require_earlier(store, last)
    warned: list[str] = []
    # Not by what the root logger passes on, which depends on what ran before in this process.
    monkeypatch.setattr(making.log, "warning", lambda text, *values: warned.append(text % values))
    making.warn_of_one_disk(store.root)
    assert "same disk" in warned[0]


def test_a_database_in_clear_is_removed_once_its_process_was_killed(settings: Any) -> None:
    command = [sys.executable, "-c", HOLDING, str(settings.VAR_ROOT)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        left = Path(process.stdout.readline().strip())
        places.sweep_snapshots()
        assert (left / "database").exists()
        process.kill()
    assert (left / "database").exists()
    places.sweep_snapshots()
    assert not left.exists()


def test_what_was_read_is_written_down_before_the_backup_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("portal.backup.known.AT_ONCE", 2)
    found = tmp_path.stat()
    with known() as memory:
        for number in range(3):
            memory.keep(tmp_path / str(number), found, "hash", 1)
        with closing(sqlite3.connect(places.working() / "known.sqlite3")) as other:
            assert other.execute("SELECT COUNT(*) FROM known").fetchone() == (2,)


def test_nothing_is_written_in_clear_unless_it_is_asked_for(store: Store) -> None:
    with pytest.raises(BackupFailed, match="--new-key"):
        making.make(root=store.root, recipients=[])
    with pytest.raises(BackupFailed, match="no public key"):
        making.make(root=store.root, recipients=["age1nobody"])
    with pytest.raises(BackupDamaged, match="no whole backup"):
        reading.newest(store)


@pytest.mark.parametrize(
    ("told", "status", "sentence"),
    [
        ({}, "never", "No backup has been made"),
        ({"last_good": NOON - timedelta(hours=25)}, "good", ""),
        ({"last_good": NOON - timedelta(hours=27)}, "late", "older than"),
        ({"last_good": NOON - timedelta(hours=1), "code": "disk_full"}, "failed", "disk is full"),
        ({"last_good": NOON - timedelta(hours=1), "unsound": 2}, "good", "2 files"),
    ],
)
def test_oversight_says_loudly_what_is_wrong(told: dict[str, Any], status: str, sentence: str) -> None:
    words = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()}
    state.write(State(**words))
    health = state.health(NOON)
    assert health.status == status
    shown = render_to_string("diagnosis/oversight/_backup_alarm.html", {"backup": health})
    assert (sentence in shown) if sentence else not shown.strip()


def test_says_nothing_where_no_folder_is_named(settings: Any) -> None:
    settings.BACKUP_ROOT = None
    assert state.health().status == "off" and not state.health().is_alarming


@pytest.mark.parametrize(
    ("last_good", "ended", "due"),
    [
        (None, None, True),
        (NOON.replace(hour=3), NOON.replace(hour=3), False),
        (NOON.replace(hour=1), NOON.replace(hour=1), True),
        (NOON - timedelta(days=3), NOON - timedelta(minutes=50), False),
        (NOON - timedelta(days=3), NOON - timedelta(minutes=70), True),
    ],
)
def test_is_due_once_a_day_and_tried_again_after_an_hour(
    last_good: datetime | None, ended: datetime | None, due: bool
) -> None:
    state.write(State(last_good=last_good.isoformat() if last_good else "", ended=ended.isoformat() if ended else ""))
    assert state.is_due(NOON) == due


def test_the_schedule_starts_a_process_that_analyses_do_not_wait_for(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    started: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], **options: Any) -> None:
            assert options["start_new_session"]
            started.append(command)

        def wait(self) -> None: ...

    monkeypatch.setattr(tasks.subprocess, "Popen", Process)
    tasks.begin_backup()
    settings.BACKUP_ROOT = None
    tasks.begin_backup()
    assert [command[2:] for command in started] == [["backup", "--gentle"]]
