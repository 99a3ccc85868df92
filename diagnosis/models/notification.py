from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnosis.models.patient import Patient
from diagnosis.models.study import Study

if TYPE_CHECKING:
    from accounts.models import Clinic, User


class NotificationKind(models.TextChoices):
    RESULT = "result", _("A result is ready")
    FAILURE = "failure", _("An analysis failed")
    REPORT = "report", _("Report signed")
    ADDENDUM = "addendum", _("A report has an addendum")
    CRITICAL = "critical", _("A critical result waits for you to acknowledge it")
    OVERDUE = "overdue", _("A critical result was not acknowledged in time")
    RETRACTED = "retract", _("A critical result was withdrawn")
    CORRECTION = "correct", _("A report was corrected")
    ERROR = "error", _("A report was entered in error")
    RETURNED = "returned", _("A report came back to you")
    AUTHORISED = "author", _("Your report was authorised")
    LOOK = "look", _("A second reader does not agree with your report")
    EMERGENCY = "emerg", _("A confidential record was opened in an emergency")
    UNREAD = "unread", _("Nobody who is named can read an examination of a confidential record")


# Mailed whatever a person chose.
URGENT = (
    *(NotificationKind.CRITICAL, NotificationKind.OVERDUE, NotificationKind.RETRACTED),
    *(NotificationKind.EMERGENCY, NotificationKind.UNREAD),
)


class NotificationQuerySet(models.QuerySet["Notification"]):
    def of(self, user: User) -> NotificationQuerySet:
        return self.filter(recipient_id=user.pk)

    def in_clinic(self, clinic: Clinic) -> NotificationQuerySet:
        return self.filter(Q(study__clinic=clinic) | Q(record__clinic=clinic))

    def unread(self) -> NotificationQuerySet:
        return self.filter(read_at=None)

    def mark_read(self) -> int:
        return self.unread().update(read_at=timezone.now())


class Notification(models.Model):
    """Tells a person that something about a study is ready. Holds no clinical word itself, so it can be mailed.

    Administrators are told of a confidential `record` that they may not see: it has no study, and shows no patient.
    """

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    study = models.ForeignKey(
        Study, null=True, blank=True, on_delete=models.CASCADE, related_name="notifications", help_text="else a record"
    )
    record = models.ForeignKey(
        Patient, null=True, blank=True, on_delete=models.CASCADE, related_name="+", help_text="confidential"
    )
    image = models.ForeignKey(
        "diagnosis.Scan",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("the image that it was about, in notices from before there were studies; else empty"),
    )
    kind = models.CharField(max_length=8, choices=NotificationKind.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(study=None, record__isnull=False) | Q(study__isnull=False, record=None),
                name="notification_of_one_thing",
            )
        ]
        indexes = [
            models.Index(fields=["recipient", "read_at", "-created_at"]),
            models.Index(fields=["recipient", "-created_at", "-id"], name="notification_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.recipient_id}"

    @property
    def clinic(self) -> Clinic:
        of = self.study or self.record
        assert of is not None  # one of the two, says a constraint
        return of.clinic
