from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnosis.models.study import Study

if TYPE_CHECKING:
    from accounts.models import User


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


# Mailed whatever a person chose.
URGENT = (NotificationKind.CRITICAL, NotificationKind.OVERDUE, NotificationKind.RETRACTED)


class NotificationQuerySet(models.QuerySet["Notification"]):
    def of(self, user: User) -> NotificationQuerySet:
        return self.filter(recipient_id=user.pk)

    def unread(self) -> NotificationQuerySet:
        return self.filter(read_at=None)

    def mark_read(self) -> int:
        return self.unread().update(read_at=timezone.now())


class Notification(models.Model):
    """Tells a person that something about a study is ready. Holds no clinical word itself, so it can be mailed."""

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="notifications")
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
        indexes = [
            models.Index(fields=["recipient", "read_at", "-created_at"]),
            models.Index(fields=["recipient", "-created_at", "-id"], name="notification_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.recipient_id}"
