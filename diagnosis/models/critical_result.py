from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.study import Study

if TYPE_CHECKING:
    from accounts.models import User


class CriticalStatus(models.TextChoices):
    OPEN = "open", _("Not acknowledged")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    WITHDRAWN = "withdrawn", _("Withdrawn")


_S = CriticalStatus
_UNACKNOWLEDGED = Q(acknowledged_by=None, acknowledged_at=None, told_to="", told_at=None)
_ACKNOWLEDGED = Q(acknowledged_by__isnull=False, acknowledged_at__isnull=False) & (
    Q(told_to="", told_at=None) | ~Q(told_to="") & Q(told_at__isnull=False)
)


class CriticalResultQuerySet(ClinicalQuerySet["CriticalResult"]):
    study_path = "study"

    def open(self) -> CriticalResultQuerySet:
        return self.filter(status=_S.OPEN)

    def standing(self) -> CriticalResultQuerySet:
        """Not withdrawn."""
        return self.exclude(status=_S.WITHDRAWN)

    def overdue(self, now: datetime | None = None) -> CriticalResultQuerySet:
        """Not acknowledged in time."""
        return self.open().filter(due_at__lte=now or timezone.now())

    def to_escalate(self, now: datetime | None = None) -> CriticalResultQuerySet:
        return self.overdue(now).filter(escalated_at=None)

    def waiting_for(self, user: User) -> CriticalResultQuerySet:
        """Those that were sent to `user`, at first or when nobody had acknowledged them."""
        escalated = Q(escalate_to=user.pk, escalated_at__isnull=False)
        return self.open().filter(Q(recipient=user.pk) | escalated)


class CriticalResult(ClinicalModel):
    """A finding that somebody must hear of at once: who was told, when they said so, and who heard when they did not.

    The person is a member of the clinic (`recipient`), or somebody outside with a telephone. One that was marked by
    mistake is withdrawn: it stays written, with what had become of it until then.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="critical_results")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="critical_results")
    finding = models.TextField(max_length=2000)
    marked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    marked_at = models.DateTimeField(default=timezone.now)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="critical_results"
    )
    outsider_name = models.CharField(max_length=200, blank=True)
    outsider_phone = models.CharField(max_length=60, blank=True)

    status = models.CharField(max_length=12, choices=_S.choices, default=_S.OPEN)
    due_at = models.DateTimeField(help_text="from then on it is overdue")
    escalate_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="who is told beside the administrators when it is overdue; nobody: empty",
    )
    escalated_at = models.DateTimeField(null=True, blank=True)

    # Acknowledged on the page by whom it was sent to; or told by telephone, as `acknowledged_by` wrote down
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    told_to = models.CharField(
        max_length=200, blank=True, help_text="on the telephone; empty: acknowledged on the page"
    )
    told_at = models.DateTimeField(null=True, blank=True)

    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawal_reason = models.CharField(max_length=400, blank=True, default="")

    objects = CriticalResultQuerySet.as_manager()

    class Meta:
        verbose_name = _("critical result")
        verbose_name_plural = _("critical results")
        ordering = ["-marked_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(recipient__isnull=False, outsider_name="", outsider_phone="")
                | Q(recipient=None) & ~Q(outsider_name="") & ~Q(outsider_phone=""),
                name="critical_result_to_somebody",
            ),
            models.CheckConstraint(
                condition=Q(status=_S.OPEN) & _UNACKNOWLEDGED
                | Q(status=_S.ACKNOWLEDGED) & _ACKNOWLEDGED
                | Q(status=_S.WITHDRAWN) & (_UNACKNOWLEDGED | _ACKNOWLEDGED),
                name="critical_result_acknowledged_who_and_when",
            ),
            models.CheckConstraint(
                condition=Q(status=_S.WITHDRAWN, withdrawn_by__isnull=False, withdrawn_at__isnull=False)
                & ~Q(withdrawal_reason="")
                | ~Q(status=_S.WITHDRAWN) & Q(withdrawn_by=None, withdrawn_at=None, withdrawal_reason=""),
                name="critical_result_withdrawn_who_when_why",
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "-marked_at"], name="critical_newest"),
            models.Index(fields=["due_at"], name="critical_open", condition=Q(status=_S.OPEN)),
        ]

    def __str__(self) -> str:
        return f"critical result of {self.study_id}"

    @property
    def is_open(self) -> bool:
        return self.status == _S.OPEN

    @property
    def is_withdrawn(self) -> bool:
        return self.status == _S.WITHDRAWN

    @property
    def is_overdue(self) -> bool:
        return self.is_open and self.due_at <= timezone.now()

    @property
    def to(self) -> str:
        """Whom it was sent to, by name."""
        return str(self.recipient) if self.recipient else f"{self.outsider_name} ({self.outsider_phone})"
