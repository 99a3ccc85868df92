"""What becomes of the stored bytes, and who may still send."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from django.utils import timezone
from pynetdicom.pdu_primitives import P_DATA

from accounts.models import Clinic, User
from audit.models import AuditEvent
from diagnosis.actions.deletion import study_erased
from diagnosis.models import Patient, Study
from network import actions, peers, sorting, spool
from network.budget import Budget
from network.deciding import Outcome
from network.guarded import GuardedMessages, GuardedServer, _data_set_bytes
from network.models import ReceivedInstance, ReceivedStudy, RemoteEntity
from network.models.addresses import read_address
from portal.backup.snapshot import facts_of_this_database
from tests.images import xray_dicom
from tests.unit.network.arriving import BERG, Arrive, in_study, state, turn

pytestmark = pytest.mark.django_db


def test_what_was_deleted_is_not_filed_again_by_a_sender_that_retries(
    arrive: Arrive, send: Arrive, patient: Patient, radiographer: User, django_capture_on_commit_callbacks: Any
) -> None:
    """Its words and files are gone; what waits, and is nobody's yet, is not touched."""
    data = xray_dicom(**in_study("1.5.10", **BERG))
    row, waiting = arrive(data, uid="1.8.5"), arrive(patient_id="NOBODY")
    assert row.scan
    with django_capture_on_commit_callbacks(execute=True):
        study_erased.send(Study, study=row.scan.study)
    assert [spool.path_of(one.pk).exists() for one in (row, waiting)] == [False, True]
    assert ReceivedStudy.objects.get() == waiting.study
    send(data, uid="1.8.5")
    turn()
    assert state(row) == ("waiting", "waiting")


def test_the_sweep_takes_what_is_filed_and_sets_aside_what_nobody_knows(
    arrive: Arrive, entity: RemoteEntity, patient: Patient, settings: Any
) -> None:
    """The bytes of a row that is not filed are part of a backup; the others are there for a while longer."""
    filed, waiting = arrive(**BERG), arrive(patient_id="NOBODY")
    spool.write(entity.pk, [b"acknowledged, says another database"])
    paths = [spool.path_of(key) for key in (filed.pk, waiting.pk, entity.pk)]
    names = facts_of_this_database().files
    assert [f"private/{spool.name_of(key)}" in names for key in (filed.pk, waiting.pk)] == [False, True]
    spool.sweep()
    assert all(path.exists() for path in paths)
    spool.sweep(older_than=timedelta(0), filed=timedelta(0))
    assert [path.exists() for path in paths] == [False, True, False]
    aside = Path(settings.PRIVATE_ROOT) / "set_aside" / spool.name_of(entity.pk)
    assert aside.read_bytes().startswith(b"acknowledged")


def test_what_was_rejected_is_not_kept_for_ever(arrive: Arrive, radiographer: User, settings: Any) -> None:
    """The row stays and says so; the same instance sent again is here again."""
    data = xray_dicom(patient_id="NOBODY")
    row, other = arrive(data, uid="1.8.8"), arrive(patient_id="ELSE")
    for one in (row, other):
        assert one.study
        actions.reject(by=radiographer, study=one.study, reason="A test image.")
    ReceivedStudy.objects.filter(pk=row.study_id).update(decided_at=timezone.now() - timedelta(days=31))
    settings.DICOM_REJECTED_DAYS = 0
    assert spool.expire() == 0
    settings.DICOM_REJECTED_DAYS = 30
    spool.sweep()
    assert [spool.path_of(one.pk).exists() for one in (row, other)] == [False, True]
    row.refresh_from_db()
    assert (row.status, row.reason_params) == ("rejected", {"variant": "expired"})
    assert spool.expire() == 0
    arrive(data, uid="1.8.8")
    assert state(row) == ("waiting", "waiting")
    assert spool.path_of(row.pk).exists()


def test_a_worker_that_ends_in_the_middle_has_told_the_trail(
    send: Arrive, patient: Patient, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    """One entry for the study, with its first image."""
    for seed in range(5):
        send(xray_dicom(**in_study("1.5.11", **BERG), seed=seed))
    sort, sorted_rows = sorting.sort, []

    def some(rows: list[ReceivedInstance]) -> list[Outcome]:
        if len(sorted_rows) == 4:
            raise SystemExit
        sorted_rows.extend(rows)
        with django_capture_on_commit_callbacks(execute=True):
            return sort(rows)

    monkeypatch.setattr(sorting, "AT_ONCE", 2)
    monkeypatch.setattr(sorting, "sort", some)
    with pytest.raises(SystemExit):
        sorting.sort_some(seconds=600)
    entry = AuditEvent.objects.get(route="DICOM C-STORE")
    assert entry.patient == patient.pk


def test_all_associations_together_have_one_budget() -> None:
    """Fragments of commands are not counted, and what is done with is given back, once."""
    budget = Budget(100)
    first, second = (GuardedMessages(Mock(), most_bytes=1000, budget=budget) for _ in range(2))
    fragment = P_DATA()
    fragment.presentation_data_value_list = [[1, b"\x03" + b"c" * 500], [1, b"\x00" + b"d" * 60]]
    assert (bool(first._lacks(_data_set_bytes(fragment))), bool(second._lacks(60))) == (False, True)
    first.done(60)
    first.done(60)
    assert not second._lacks(100)
    assert first._lacks(1)
    second.done()
    assert not first._lacks(100)


def test_each_instance_asks_who_may_send(entity: RemoteEntity, clinic: Clinic) -> None:
    """And a stranger is one by its address, of which the networks are read once."""
    address = read_address("192.0.2.17")
    assert peers.may_still_send(entity, address)
    assert not peers.may_still_send(entity, read_address("198.51.100.1"))
    assert [peers.Known().includes(one) for one in ("192.0.2.1", "198.51.100.1")] == [True, False]
    RemoteEntity.objects.update(is_active=False)
    assert not peers.may_still_send(entity, address)
    assert not peers.Known().includes("192.0.2.1")


def test_the_disk_has_room_for_all_that_may_come_at_once(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.DICOM_ASSOCIATIONS, settings.UPLOAD_MAX_BYTES = 10, 100
    monkeypatch.setattr(spool, "RESERVED_BYTES", 0)
    for free, has_room in ((1060, True), (1040, False)):
        monkeypatch.setattr(spool.shutil, "disk_usage", lambda _root, free=free: SimpleNamespace(free=free))
        assert spool.has_room(50) == has_room


def test_a_connection_counts_before_it_is_an_association(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never finishes its handshake takes up room as every other."""
    monkeypatch.setattr(GuardedServer, "active_associations", [])
    server = GuardedServer.__new__(GuardedServer)
    server._entering, server._lock = [], threading.Lock()
    server.listener = SimpleNamespace(has_room=lambda _address, open_now: len(open_now) < 2)  # type: ignore[assignment]
    caller = ("192.0.2.17", 50000)
    assert [server.verify_request(None, caller) for _ in range(3)] == [True, True, False]
    server._entered(caller)
    assert server.verify_request(None, caller)
