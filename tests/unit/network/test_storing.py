"""Instances that come together, to the disk and into the index."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from pydicom.uid import generate_uid

from dicomweb.storing import Batch, Failure, Outcome
from network import spool
from network.models import InstanceStatus, ReceivedInstance, RemoteEntity
from network.storing import Instance, OutOfResources, store_together
from tests.images import xray_dicom
from tests.unit.network.arriving import CLASS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def spool_folder(tmp_path: Path, settings: Any) -> Path:
    settings.PRIVATE_ROOT = tmp_path
    return tmp_path / spool.FOLDER


def instance(data: bytes, uid: str = "") -> Instance:
    return Instance(CLASS, uid or generate_uid(), "1.2.840.10008.1.2.1", b"head", data, "192.0.2.7")


def files(folder: Path) -> dict[str, bytes]:
    """What lies in the spool, by name."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_comes_together_costs_no_more_questions(entity: RemoteEntity, spool_folder: Path) -> None:
    asked = []
    for number in (2, 9):
        with CaptureQueriesContext(connection) as queries:
            store_together([instance(b"%d of %d" % (one, number)) for one in range(number)], entity=entity)
        asked.append(len(queries))
    assert asked[0] == asked[1]
    rows = {row.pk.hex: row for row in ReceivedInstance.objects.all()}
    assert len(rows) == 11
    assert files(spool_folder).keys() == rows.keys()
    assert all(row.byte_size == len(files(spool_folder)[name]) for name, row in rows.items())


def test_what_is_here_already_is_not_kept_twice(entity: RemoteEntity, spool_folder: Path) -> None:
    first, second = instance(b"one"), instance(b"two")
    store_together([first, second], entity=entity)
    store_together([second, third := instance(b"three"), third], entity=entity)
    assert sorted(files(spool_folder).values()) == [b"headone", b"headthree", b"headtwo"]
    assert ReceivedInstance.objects.count() == 3


def test_bytes_that_were_lost_are_taken_again(entity: RemoteEntity) -> None:
    sent = [instance(b"lost"), instance(b"there")]
    store_together(sent, entity=entity)
    row = ReceivedInstance.objects.get(sop_instance_uid=sent[0].sop_instance_uid)
    ReceivedInstance.objects.filter(pk=row.pk).update(status=InstanceStatus.WAITING)
    spool.remove(row.pk)
    store_together(sent, entity=entity)
    row.refresh_from_db()
    assert (row.status, spool.read(row.pk)) == (InstanceStatus.RECEIVED, b"headlost")


def test_all_is_on_the_disk_before_anybody_is_told(entity: RemoteEntity, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    store_together([instance(b"%d" % one) for one in range(5)], entity=entity)
    paths = [spool.path_of(row.pk) for row in ReceivedInstance.objects.all()]
    assert {*paths, *(path.parent for path in paths)} <= set(flushed)


def test_files_stay_where_the_database_may_have_taken_their_rows(
    entity: RemoteEntity, spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object, **__: object) -> None:
        raise OperationalError("the connection was lost while it committed")

    monkeypatch.setattr(ReceivedInstance.objects, "bulk_create", cut_off)
    with pytest.raises(OutOfResources):
        store_together([instance(b"one"), instance(b"two")], entity=entity)
    assert len(files(spool_folder)) == 2


def test_one_that_cannot_be_stored_does_not_keep_the_others(
    entity: RemoteEntity, spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [xray_dicom(seed=seed, overrides={"SOPInstanceUID": generate_uid()}) for seed in (1, 2, 3)]
    write = spool._write

    def is_full(path: Path, parts: Any) -> None:
        if b"".join(parts) == images[1]:
            raise OSError(errno.ENOSPC, "no space left on device")
        write(path, parts)

    monkeypatch.setattr(spool, "_write", is_full)
    outcome = Outcome()
    batch = Batch(outcome, entity, "", "192.0.2.7")
    for data in images:
        batch.add(data)
    assert not outcome.stored  # nobody is told before
    batch.store()
    assert (len(outcome.stored), [failure for _, failure in outcome.failed]) == (2, [Failure.OUT_OF_RESOURCES])
    assert sorted(files(spool_folder).values()) == sorted([images[0], images[2]])


def test_a_batch_is_stored_before_it_fills_the_memory(entity: RemoteEntity, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [xray_dicom(seed=seed, overrides={"SOPInstanceUID": generate_uid()}) for seed in (1, 2, 3)]
    for name, value in (("AT_ONCE", 2), ("BYTES_AT_ONCE", len(images[0]) + 1)):
        outcome = Outcome()
        with monkeypatch.context() as patched:
            patched.setattr(f"dicomweb.storing.{name}", value)
            batch = Batch(outcome, entity, "", "192.0.2.7")
            for data in images:
                batch.add(data)
        assert len(outcome.stored) == 2
        batch.store()
        assert len(outcome.stored) == 3
