"""Steps of the tests of what is received."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from accounts.models import User
from diagnosis.models import Patient
from network import actions, sorting
from network.models import ReceivedInstance

CLASS = "1.2.840.10008.5.1.4.1.1.1.1"
BERG: dict[str, Any] = {"patient_id": "MRN-0001", "patient_name": "Berg^Alma", "birth_date": date(1958, 3, 14)}
Arrive = Callable[..., ReceivedInstance]


def turn() -> None:
    """Sort what waits; more turns than rows would be a loop without an end."""
    for _ in range(20):
        if not (pks := sorting._next()):
            return
        if rows := sorting._claim(pks):
            sorting.sort(rows)
    pytest.fail("the same row comes again and again")


def attach(row: ReceivedInstance, patient: Patient, by: User) -> None:
    row.refresh_from_db()
    assert row.study
    compared = actions.differences(row.study, patient).comparison
    actions.attach(by=by, study=row.study, patient=patient, compared=compared)


def state(row: ReceivedInstance) -> tuple[str, str]:
    row.refresh_from_db()
    assert row.study
    return row.status, row.study.status


def in_study(uid: str, **header: Any) -> dict[str, Any]:
    return {**header, "overrides": {"StudyInstanceUID": uid}}
