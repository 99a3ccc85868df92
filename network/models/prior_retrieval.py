from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis.messages import in_active_language
from diagnosis.models import Patient, Study
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.states import check_move
from network.models.remote_entity import RemoteEntity
from network.states import OPEN, RETRIEVAL_MOVES, RetrievalStatus

_S = RetrievalStatus


class PriorRetrievalQuerySet(ClinicalQuerySet["PriorRetrieval"]):
    clinic_path = "entity__clinic"
    study_path = "study"

    def free(self, now: datetime) -> Self:
        """What a worker may take: its time has come, and nobody holds it."""
        return self.filter(Q(held_until=None) | Q(held_until__lt=now), status__in=OPEN, next_attempt_at__lte=now)

    def held(self, now: datetime) -> Self:
        return self.filter(status__in=OPEN, held_until__gte=now)

    def held_as(self, row: PriorRetrieval) -> Self:
        """`row`, where its lease is still the one that its worker was given."""
        return self.filter(pk=row.pk, status=row.status, held_until=row.held_until)

    def move(self, row: PriorRetrieval, target: StrEnum, **changes: Any) -> bool:
        """One conditional UPDATE of a row that is held as `row` is. Returns whether this caller made the move."""
        check_move(RETRIEVAL_MOVES, _S(row.status), target)
        return bool(self.held_as(row).update(status=target, **changes))

    def moved_for(self, clinic: Clinic, message_id: int) -> PriorRetrieval | None:
        """For which retrieval a sender of `clinic` sends something, by the message id of the C-MOVE request.

        Many archives send under another AE title than that under which they are asked.
        """
        asked = self.filter(entity__clinic=clinic, message_id=message_id)
        return asked.order_by(F("begun_at").desc(nulls_last=True), "-pk").first()

    def naming(self, uid: str, patient: Patient | UUID) -> list[PriorRetrieval]:
        """Those of the patient's studies that name the study with this UID."""
        return [one for one in self.filter(study__patient=patient) if one.names(uid)]


class PriorRetrieval(ClinicalModel):
    """That an archive is asked for earlier studies of the patient whose `study` came in. The row is the job.

    `found`: what is fetched, {"uid", "day" (YYYYMMDD), "modalities", "state" (wanted, fetched or here), "count"} each.
    """

    entity = models.ForeignKey(
        RemoteEntity, verbose_name=_("archive"), on_delete=models.PROTECT, related_name="retrievals"
    )
    # Null once it was deleted.
    study = models.ForeignKey(
        Study, verbose_name=_("study"), null=True, blank=True, on_delete=models.PROTECT, related_name="prior_retrievals"
    )
    status = models.CharField(_("status"), max_length=8, choices=_S.choices, default=_S.WANTED)
    found = models.JSONField(default=list, blank=True)
    wanted_at = models.DateTimeField(_("wanted"), default=timezone.now)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), default=timezone.now)
    # A worker's lease; a row whose lease ran out is anybody's.
    held_until = models.DateTimeField(null=True, blank=True)
    begun_at = models.DateTimeField(_("last begun"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # Sentences in the source language, a line each.
    last_answer = models.TextField(_("last answer"), blank=True, default="")
    # Of C-MOVE requests: by it the archive says for what it sends an instance.
    message_id = models.PositiveIntegerField(null=True, blank=True)

    objects = PriorRetrievalQuerySet.as_manager()

    class Meta:
        verbose_name = _("retrieval of priors")
        verbose_name_plural = _("retrievals of priors")
        ordering = ["-wanted_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["entity", "study"], name="one_retrieval_per_archive_and_study"),
            models.CheckConstraint(condition=Q(status__in=_S.values), name="retrieval_status_known"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="retrieval_line", condition=Q(status__in=OPEN)),
            models.Index(fields=["entity", "-wanted_at", "-id"], name="retrieval_of_archive"),
        ]

    def __str__(self) -> str:
        return f"{self.study_id} ← {self.entity}"

    @property
    def is_held(self) -> bool:
        return self.held_until is not None and self.held_until >= timezone.now()

    @property
    def moved_at(self) -> datetime:
        """When it ended, else since when it is wanted."""
        ended = self.ended_at if self.status not in OPEN else None
        return ended or self.wanted_at

    @property
    def answer(self) -> str:
        """How it ended last, in the active language; an archive's own words as they came."""
        return in_active_language(self.last_answer)

    @property
    def came(self) -> int:
        """Of how many studies images came."""
        return sum(one["state"] == "fetched" and one["count"] > 0 for one in self.found)

    def brings(self, uid: str) -> bool:
        """Whether images of this study came by it, or are still to come."""
        return any(one["uid"] == uid and (self.status in OPEN or one["count"]) for one in self.found)

    def names(self, uid: str) -> bool:
        return any(one["uid"] == uid for one in self.found)

    def wanted(self) -> Iterable[dict[str, Any]]:
        return (one for one in self.found if one["state"] == "wanted")

    def covers(self, uid: str, patient: Patient) -> bool:
        """Whether this study of `patient` is what was asked for."""
        return self.study is not None and self.names(uid) and self.study.patient.in_use == patient
