from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from diagnosis.errors import IdentityMismatch
from diagnosis.models import Confidentiality, Patient, Study
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet, hidden_studies
from diagnosis.scans import intake
from ml.imaging import DicomIdentity, PersonName
from ml.imaging.names import NameGroup
from network.models.remote_entity import RemoteEntity

# What stands in the field where a device was given no accession number.
NO_NUMBER = r"^[0 .\-]*$"


class StudyStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting for a person")
    ATTACHED = "attached", _("Attached")
    REJECTED = "rejected", _("Rejected")


class ReceivedStudyQuerySet(ClinicalQuerySet["ReceivedStudy"]):
    patient_paths = ("patient",)

    def without_hidden(self, user: User, *, study: str = "") -> Self:
        """Nor those whose files name such a record by its number or by one of its studies, anybody's yet or not."""
        closed = Confidentiality.objects.hidden_from(user).filter(
            patient__clinic=OuterRef("clinic"), patient__medical_record_number__iexact=OuterRef("record_number")
        )
        named = (closed, *_studies_named(user))
        return super().without_hidden(user, study=study).filter(*(~Exists(one) for one in named))

    def waiting(self) -> ReceivedStudyQuerySet:
        return self.filter(status=StudyStatus.WAITING)


def _studies_named(user: User) -> tuple[models.QuerySet[Study], ...]:
    """The studies closed to `user` that a received study names: by UID, or by an accession number."""
    closed = Study.with_withdrawn.filter(clinic=OuterRef("clinic"), pk__in=hidden_studies(user))
    by_uid = closed.exclude(study_instance_uid="").filter(study_instance_uid=OuterRef("study_instance_uid"))
    numbered = closed.exclude(accession_number__regex=NO_NUMBER)
    return by_uid, numbered.filter(accession_number=OuterRef("accession_number"))


def key_of(identity: DicomIdentity, *, fallback: str) -> str:
    """The same for files of one study that name the same person in the same words.

    `fallback`: the instance UID of the request, for a file that says nothing of itself and goes with no other.
    """
    born = identity.birth_date.isoformat() if identity.birth_date else ""
    uids = (identity.study_instance_uid, identity.series_instance_uid, identity.sop_instance_uid, fallback)
    words = [next(filter(None, uids), "")]
    words += [identity.patient_id, identity.patient_name, born, identity.accession_number]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def words_of(identity: DicomIdentity) -> dict[str, Any]:
    """The fields that repeat what a file says."""
    at = identity.acquired_at
    return {
        "study_instance_uid": identity.study_instance_uid,
        "accession_number": identity.accession_number,
        "record_number": identity.patient_id,
        "patient_name": identity.patient_name,
        "person": [[group.family, group.given, group.middle] for group in identity.person.groups],
        "birth_date": identity.birth_date,
        "sex": identity.sex,
        "modality": identity.modality_code,
        "description": identity.study_description,
        "examined_at": _moment(at),
    }


def _moment(at: datetime | None) -> datetime | None:
    """With the time zone that is active: that of the clinic."""
    return timezone.make_aware(at) if at and timezone.is_naive(at) else at


class ReceivedStudy(ClinicalModel):
    """Instances of one study, from one sender, that name the same person. What they say is shown and never trusted."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="received_studies")
    entity = models.ForeignKey(RemoteEntity, on_delete=models.PROTECT, related_name="studies")
    key = models.CharField(max_length=64, editable=False)
    status = models.CharField(_("status"), max_length=8, choices=StudyStatus.choices, default=StudyStatus.WAITING)
    study_instance_uid = models.CharField(_("study instance UID"), max_length=64, blank=True)
    accession_number = models.CharField(_("accession number"), max_length=64, blank=True)
    record_number = models.CharField(_("record number"), max_length=64, blank=True)
    patient_name = models.CharField(_("name"), max_length=400, blank=True)
    # Family, given and middle name in each of its writings.
    person = models.JSONField(default=list, blank=True)
    birth_date = models.DateField(_("birth date"), null=True, blank=True)
    sex = models.CharField(max_length=1, blank=True)
    modality = models.CharField(_("modality"), max_length=16, blank=True)
    description = models.CharField(_("description"), max_length=64, blank=True)
    examined_at = models.DateTimeField(_("examined"), null=True, blank=True)
    received_at = models.DateTimeField(_("received"), auto_now_add=True)
    # What a person decided. It holds for whatever comes later of the study with the same words.
    patient = models.ForeignKey(Patient, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    # `compare` as it was then.
    comparison = models.CharField(max_length=64, blank=True, editable=False)
    reason = models.CharField(_("reason"), max_length=400, blank=True)

    objects = ReceivedStudyQuerySet.as_manager()

    class Meta:
        verbose_name = _("received study")
        verbose_name_plural = _("received studies")
        ordering = ["-received_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "entity", "key"], name="one_received_study_per_sender_and_key")
        ]
        indexes = [models.Index(fields=["clinic", "status", "-received_at"], name="received_study_waiting")]

    def __str__(self) -> str:
        return self.patient_name or self.record_number or self.study_instance_uid

    @property
    def is_decided(self) -> bool:
        """Whether a person's decision is in force: not where a machine matched it, nor where it waits once more."""
        return self.decided_by_id is not None and self.status != StudyStatus.WAITING

    def compare(self, patient: Patient) -> str:
        """What differs between its files and the record, as IdentityMismatch.comparison; the same in any language."""
        with translation.override("en"):
            return IdentityMismatch(intake.differences(self.identity, patient)).comparison

    @property
    def identity(self) -> DicomIdentity:
        """What its files say of the person, as a file's header is compared with a record."""
        return DicomIdentity(
            patient_name=self.patient_name,
            person=PersonName(tuple(NameGroup(*parts) for parts in self.person)),
            patient_id=self.record_number,
            birth_date=self.birth_date,
            sex=self.sex,
            study_instance_uid=self.study_instance_uid,
            accession_number=self.accession_number,
            modality_code=self.modality,
        )
