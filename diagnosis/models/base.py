"""What every clinical object shares: a key that cannot be guessed, and one door to the rows."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self, TypeVar

from django.core.files.storage import Storage, storages
from django.db import models

from accounts.models import Clinic, User
from accounts.permissions import Permission

M = TypeVar("M", bound=models.Model)


class ClinicalQuerySet(models.QuerySet[M]):
    """Rows of clinics. `clinic_path` is the look-up from the row to its clinic."""

    clinic_path: ClassVar[str] = "clinic"

    def visible_to(self, user: User) -> Self:
        """The rows of clinics in which `user` may see patients; nothing for anybody else."""
        clinics = Clinic.objects.where(user, Permission.VIEW_PATIENT)
        return self.filter(**{f"{self.clinic_path}__in": clinics})

    def in_clinic(self, clinic: Clinic) -> Self:
        return self.filter(**{self.clinic_path: clinic})


class ClinicalModel(models.Model):
    id: models.UUIDField[Any, uuid.UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True


def private_storage() -> Storage:
    return storages["private"]
