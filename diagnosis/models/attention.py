from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnosis import messages
from diagnosis.models.analysis import Analysis
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet, private_storage
from diagnosis.models.prediction import Prediction
from diagnosis.models.scan import Scan


class DrawingStatus(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DRAWN = "drawn", _("Finished")
    FAILED = "failed", _("Failed")


_S = DrawingStatus


class DrawingQuerySet(ClinicalQuerySet["Drawing"]):
    clinic_path = "analysis__study__clinic"
    study_path = "analysis__study"
    patient_paths = ("image__patient",)  # who is another one where the image was moved since

    def open(self) -> DrawingQuerySet:
        return self.filter(status__in=(_S.QUEUED, _S.RUNNING))

    def unsent(self) -> DrawingQuerySet:
        """Those whose message was never sent."""
        return self.filter(enqueued_at=None, status=_S.QUEUED)

    def sent_before(self, moment: datetime) -> DrawingQuerySet:
        """Those whose message was sent before it, and waits or is lost; and those that lost their worker."""
        queued = Q(status=_S.QUEUED, enqueued_at__lt=moment)
        return self.filter(queued | Q(status=_S.RUNNING, lease_expires_at__lt=timezone.now()))

    def claim(self, pk: uuid.UUID) -> uuid.UUID | None:
        """Take one that waits or lost its worker. Returns the claim that `finish` must show, or None."""
        claim, now = uuid.uuid4(), timezone.now()
        free = Q(status=_S.QUEUED) | Q(status=_S.RUNNING, lease_expires_at__lt=now)
        until = now + settings.ATTENTION_LEASE
        taken = self.filter(free, pk=pk).update(
            status=_S.RUNNING, claim=claim, lease_expires_at=until, attempts=F("attempts") + 1
        )
        return claim if taken else None

    def finish(self, pk: uuid.UUID, claim: uuid.UUID, status: DrawingStatus, **changes: Any) -> bool:
        """End one that is still held by `claim`; False when another worker has it by now."""
        held = self.filter(pk=pk, claim=claim, status=_S.RUNNING)
        return bool(held.update(status=status, claim=None, lease_expires_at=None, used_at=timezone.now(), **changes))


class Drawing(ClinicalModel):
    """The attention maps of one image of a study's result, drawn because a person asked for them.

    They follow from image and classifiers: the oldest are deleted when there are too many, and drawn again when asked.
    """

    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, related_name="drawings")
    image = models.ForeignKey(Scan, on_delete=models.PROTECT, related_name="drawings")
    status = models.CharField(max_length=7, choices=_S.choices, default=_S.QUEUED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(default=timezone.now, help_text="when it was last asked for or drawn")
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    failure_code = models.CharField(max_length=40, blank=True)
    failure_params = models.JSONField(default=dict, blank=True)

    objects = DrawingQuerySet.as_manager()

    class Meta:
        verbose_name = _("drawing of attention maps")
        verbose_name_plural = _("drawings of attention maps")
        constraints = [
            models.UniqueConstraint(fields=["analysis", "image"], name="one_drawing_per_image_and_analysis"),
            models.CheckConstraint(condition=Q(status__in=_S.values), name="drawing_status_known"),
        ]
        indexes = [models.Index(fields=["status", "used_at"], name="drawing_oldest")]

    def __str__(self) -> str:
        return f"{self.get_status_display()}: {self.image_id}"

    @property
    def is_open(self) -> bool:
        return self.status in (_S.QUEUED, _S.RUNNING)

    @property
    def failure_reason(self) -> str:
        """In the active language; empty where nothing failed."""
        return messages.reason(self.failure_code, self.failure_params)


def drawn_path(one: AttentionMap, filename: str) -> str:
    return f"drawn/{one.pk.hex[:2]}/{one.pk.hex}.png"


class AttentionMap(ClinicalModel):
    """Where the classifier of `prediction` looked in the image of `drawing`."""

    drawing = models.ForeignKey(Drawing, on_delete=models.CASCADE, related_name="maps")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="drawn")
    picture = models.FileField(storage=private_storage, upload_to=drawn_path, max_length=100, editable=False)
    label = models.CharField(max_length=30, help_text="the class whose evidence it shows")
    # Of earlier maps alone, as of a prediction
    outside = models.FloatField(null=True, blank=True, help_text="share outside the lungs, 0 to 1; not measured: empty")

    class Meta:
        verbose_name = _("attention map")
        verbose_name_plural = _("attention maps")
        constraints = [models.UniqueConstraint(fields=["drawing", "prediction"], name="one_map_per_prediction")]

    def __str__(self) -> str:
        return f"map of {self.prediction_id}"

    @property
    def shows_finding(self) -> bool:
        """As of a prediction."""
        return bool(self.label == self.prediction.operating_point["positive_label"])
