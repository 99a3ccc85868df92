"""Records that only named people of the clinic see, and the emergency access of everybody else.

The rule itself is `hidden_from`, which `ClinicalQuerySet.visible_to` asks: no view has to think of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnosis.models.patient import Patient

if TYPE_CHECKING:
    from accounts.models import Clinic, User


class ConfidentialityQuerySet(models.QuerySet["Confidentiality"]):
    def standing(self) -> ConfidentialityQuerySet:
        return self.filter(lifted_at=None)

    def hidden_from(self, user: User) -> ConfidentialityQuerySet:
        """Of the patients whom `user` may not see: neither named nor there in an emergency.

        Refers to nothing outside itself, so the database answers it once for a whole list.
        """
        named = NamedPerson.objects.filter(user=user.pk).values("patient")
        opened = EmergencyAccess.objects.open().filter(person=user.pk).values("patient")
        return self.standing().exclude(patient__in=named).exclude(patient__in=opened)


class Confidentiality(models.Model):
    """Marks one record as confidential, from when to when. Kept after it was lifted."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="confidentialities")
    marked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    marked_at = models.DateTimeField(auto_now_add=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lifted_at = models.DateTimeField(null=True, blank=True)

    objects = ConfidentialityQuerySet.as_manager()

    class Meta:
        verbose_name = _("confidential record")
        verbose_name_plural = _("confidential records")
        constraints = [
            models.UniqueConstraint(
                fields=["patient"], condition=Q(lifted_at=None), name="one_standing_confidentiality"
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None) | Q(lifted_at__isnull=False, lifted_by__isnull=False),
                name="confidentiality_lifted_who_and_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.patient_id} is confidential"


class NamedPerson(models.Model):
    """Somebody who sees a confidential record as if it were none, in so far as the role allows."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="named_people")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    named_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    named_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("named person")
        verbose_name_plural = _("named people")
        constraints = [models.UniqueConstraint(fields=["user", "patient"], name="named_once_per_patient")]

    def __str__(self) -> str:
        return f"{self.user_id} sees {self.patient_id}"


class EmergencyKind(models.TextChoices):
    TREATMENT = "treatment", _("I treat this patient now")
    IMAGES = "images", _("I take or send images of this patient")
    READING = "reading", _("An examination must be read, or a result passed on")
    OTHER = "other", _("Something else")


class EmergencyAccessQuerySet(models.QuerySet["EmergencyAccess"]):
    def open(self) -> EmergencyAccessQuerySet:
        return self.filter(ended_at=None, ends_at__gt=timezone.now())

    def unreviewed(self) -> EmergencyAccessQuerySet:
        return self.filter(reviewed_at=None)


class EmergencyAccess(models.Model):
    """Somebody who was not named opened a confidential record, gave a reason, and is asked about it afterwards."""

    id: models.UUIDField[Any, uuid.UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="emergency_accesses")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=9, choices=EmergencyKind.choices)
    reason = models.CharField(max_length=400)
    begun_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(help_text="when it ends by itself")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="when the person ended it before that")
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    remark = models.CharField(max_length=400, blank=True)

    objects = EmergencyAccessQuerySet.as_manager()

    class Meta:
        verbose_name = _("emergency access")
        verbose_name_plural = _("emergency accesses")
        ordering = ["-begun_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("begun_at")), name="emergency_ends_after_it_begins"),
            models.CheckConstraint(condition=Q(kind__in=EmergencyKind.values), name="emergency_kind_known"),
            models.CheckConstraint(
                condition=Q(reviewed_at=None, reviewed_by=None, remark="")
                | Q(reviewed_at__isnull=False, reviewed_by__isnull=False),
                name="emergency_reviewed_who_and_when",
            ),
        ]
        indexes = [
            models.Index(fields=["person", "ends_at"], name="emergency_of_person", condition=Q(ended_at=None)),
            models.Index(fields=["patient", "-begun_at"], name="emergency_of_patient"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} opened {self.patient_id} in an emergency"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None and self.ends_at > timezone.now()

    @property
    def over_at(self) -> Any:
        """When it ended or will end."""
        return self.ended_at or self.ends_at


def is_confidential(patient: uuid.UUID) -> bool:
    return Confidentiality.objects.standing().filter(patient=patient).exists()


def seeing(people: models.QuerySet[User], patient: uuid.UUID) -> models.QuerySet[User]:
    """Those of `people` who may see a patient of their clinic; all of them where the record is not confidential."""
    if not is_confidential(patient):
        return people
    named = NamedPerson.objects.filter(patient=patient).values("user")
    opened = EmergencyAccess.objects.open().filter(patient=patient).values("person")
    return people.filter(Q(pk__in=named) | Q(pk__in=opened))


def closed_numbers(user: User | None, numbers: Iterable[str], clinic: Clinic) -> frozenset[str]:
    """Those of the record numbers whose records are hidden from `user`; None: from anybody."""
    closed = Confidentiality.objects.hidden_from(user) if user else Confidentiality.objects.standing()
    same = closed.filter(patient__clinic=clinic, patient__medical_record_number__in=list(numbers))
    return frozenset(same.values_list("patient__medical_record_number", flat=True))


def hides_any(user: User, patients: Iterable[uuid.UUID]) -> bool:
    """Whether one of `patients` is hidden from `user`; nothing is said of their clinics."""
    return Confidentiality.objects.hidden_from(user).filter(patient__in=list(patients)).exists()
