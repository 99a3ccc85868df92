"""What every clinical object shares: a key that cannot be guessed, and one door to the rows."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self, TypeVar, cast

from django.apps import apps
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Exists, OuterRef, Q, Value

from accounts.models import Clinic, User
from accounts.permissions import Permission

M = TypeVar("M", bound=models.Model)


class ClinicalQuerySet(models.QuerySet[M]):
    """Rows of clinics. `clinic_path` is the look-up from the row to its clinic.

    `patient_paths` are those to the patients whom the row is about, or `study_path` is the one to its study: the first
    costs no join where the row has the patient's key, the second none where it has only the study's.
    """

    clinic_path: ClassVar[str] = "clinic"
    patient_paths: ClassVar[tuple[str, ...]] = ()
    study_path: ClassVar[str] = ""

    def visible_to(self, user: User) -> Self:
        """The rows of clinics in which `user` may see patients, without the records that are confidential and not
        open to them; nothing for anybody else.
        """
        return self.in_clinics_of(user).without_hidden(user)

    def in_clinics_of(self, user: User) -> Self:
        """Confidential or not: to be told that there is something, never to be shown."""
        clinics = Clinic.objects.where(user, Permission.VIEW_PATIENT)
        return self.filter(**{f"{self.clinic_path}__in": clinics})

    def without_hidden(self, user: User, *, study: str = "") -> Self:
        """Without the confidential records that are not open to `user`, of whichever clinic.

        NOT IN a question that does not refer to the row: it is asked once, and a list keeps its index. `study`: another
        way to the row's study than `study_path`.
        """
        hidden = _hidden_patients(user)
        shown = self.filter(*(~Q(**{f"{path}__in": hidden}) for path in self.patient_paths))
        way = study or self.study_path
        if not way:
            return shown
        return shown.filter(~Q(**{f"{way}__in": hidden_studies(user)}))

    def with_emergency(self, user: User) -> Self:
        """With `in_emergency`: whether `user` sees the row by an emergency access that lasts."""
        opened = apps.get_model("diagnosis", "EmergencyAccess").objects.open().filter(person=user.pk)
        path = self.patient_paths[:1] or ((f"{self.study_path}__patient",) if self.study_path else ())
        of_row = Exists(opened.filter(patient=OuterRef(path[0]))) if path else Value(False)
        return self.annotate(in_emergency=of_row)

    def in_clinic(self, clinic: Clinic) -> Self:
        return self.filter(**{self.clinic_path: clinic})


def hidden_studies(user: User) -> models.QuerySet[Any, Any]:
    """The keys of those of confidential records that are not open to `user`."""
    studies = apps.get_model("diagnosis", "Study").with_withdrawn.filter(patient__in=_hidden_patients(user))
    return cast("models.QuerySet[Any, Any]", studies.order_by().values("pk"))


def _hidden_patients(user: User) -> models.QuerySet[Any, Any]:
    hidden = apps.get_model("diagnosis", "Confidentiality").objects.hidden_from(user).values("patient")
    return cast("models.QuerySet[Any, Any]", hidden)


class ClinicalModel(models.Model):
    id: models.UUIDField[Any, uuid.UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True


def private_storage() -> Storage:
    return storages["private"]
