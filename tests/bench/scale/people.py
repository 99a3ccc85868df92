"""The clinic and its people: the few rows that its history refers to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.scale.clinic import STAFF, Place
from tests.bench.scale.pages import Staff


def make_clinic() -> tuple[Place, Staff]:
    from accounts.models import Clinic
    from diagnosis.models import ReadingPreference

    clinic = Clinic.objects.create(name="Benchmark Clinic")
    readers = [_member(clinic, "radiologist", n) for n in range(STAFF)]
    uploaders = [_member(clinic, "radiographer", n) for n in range(STAFF)]
    ReadingPreference.objects.create(user=readers[0], read_first=True)
    staff = Staff(readers[0], _member(clinic, "administrator", 0), uploaders[0])
    return Place(str(clinic.pk), _array(uploaders), _array(readers)), staff


def _member(clinic: Any, role: str, number: int) -> Any:
    from accounts.models import Membership, User

    user = User.objects.create(email=f"{role}{number}@clinic.example", full_name=f"{role.title()} {number}")
    Membership.objects.create(user=user, clinic=clinic, role=role)
    return user


def _array(people: Sequence[Any]) -> str:
    return "ARRAY[" + ", ".join(f"'{one.pk}'::uuid" for one in people) + "]"
