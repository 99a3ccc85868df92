"""A sender, and what it sends."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Clinic
from network.models import ReceivedInstance, RemoteEntity
from network.storing import Instance, store
from tests.images import xray_dicom
from tests.unit.network.arriving import CLASS, Arrive, turn


@pytest.fixture
def entity(clinic: Clinic) -> RemoteEntity:
    return RemoteEntity.objects.create(clinic=clinic, title="MODALITY", networks="192.0.2.0/24")


@pytest.fixture
def send(entity: RemoteEntity) -> Arrive:
    """`send(patient_id="7")`: an instance that the listener stores; `uid` is that of the request."""

    def make(
        data: bytes | None = None, *, uid: str = "", sender: RemoteEntity = entity, **header: Any
    ) -> ReceivedInstance:
        number = ReceivedInstance.objects.count()
        header.setdefault("seed", number)
        instance = Instance(CLASS, uid or f"1.2.{number}", "", b"", data or xray_dicom(**header), "192.0.2.17")
        return store(instance, entity=sender)

    return make


@pytest.fixture
def arrive(send: Arrive) -> Arrive:
    """The same, sorted."""

    def make(*args: Any, **header: Any) -> ReceivedInstance:
        row = send(*args, **header)
        turn()
        row.refresh_from_db()
        return row

    return make
