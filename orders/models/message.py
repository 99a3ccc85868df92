from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis import messages
from diagnosis.models import Patient
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from orders.models.source import OrderSource


class Answer(models.TextChoices):
    """HL7 table 0008, of the original acknowledgement mode."""

    ACCEPTED = "AA", _("Accepted")
    ERROR = "AE", _("Could not be used")
    REJECTED = "AR", _("Rejected")


class ReceivedMessageQuerySet(ClinicalQuerySet["ReceivedMessage"]):
    pass


class ReceivedMessage(ClinicalModel):
    """One HL7 message as it was answered. Written once: the database refuses every change of the row.

    It names no patient; what the message said is its `body`, which goes where the examination is erased, and after
    MLLP_BODY_DAYS.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(OrderSource, on_delete=models.PROTECT, related_name="messages")
    control_id = models.CharField(_("message control id"), max_length=199)
    kind = models.CharField(_("message"), max_length=20, help_text="code and event, as ORM^O01")
    sha256 = models.CharField(max_length=64, help_text="of the message without the time at which it was sent")
    answer = models.CharField(_("answer"), max_length=2, choices=Answer.choices)
    reason_code = models.CharField(max_length=40, blank=True, help_text="a code of diagnosis.messages")
    reason_params = models.JSONField(default=dict, blank=True)
    acknowledgement = models.TextField(help_text="as it was sent")
    address = models.GenericIPAddressField(_("address"))
    received_at = models.DateTimeField(_("received"), auto_now_add=True)

    objects = ReceivedMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("received message")
        verbose_name_plural = _("received messages")
        ordering = ["-received_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "control_id", "sha256"],
                condition=Q(answer=Answer.ACCEPTED),
                name="one_accepted_message_per_control_id",
            )
        ]
        indexes = [models.Index(fields=["clinic", "answer", "-received_at"], name="message_refused")]

    def __str__(self) -> str:
        return f"{self.kind} {self.control_id}".strip() or "–"

    @property
    def reason_text(self) -> str:
        """Why it could not be used, in the active language."""
        return messages.reason(self.reason_code, self.reason_params)


class MessageBodyQuerySet(ClinicalQuerySet["MessageBody"]):
    clinic_path = "message__clinic"
    patient_paths = ("patient",)


class MessageBody(ClinicalModel):
    """What a message said, byte for byte."""

    message = models.OneToOneField(ReceivedMessage, on_delete=models.PROTECT, related_name="body")
    raw = models.BinaryField()
    patient = models.ForeignKey(
        Patient, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="empty: nobody known here"
    )
    orders = models.ManyToManyField("orders.Order", blank=True, related_name="messages")

    objects = MessageBodyQuerySet.as_manager()

    class Meta:
        verbose_name = _("text of a message")
        verbose_name_plural = _("texts of messages")

    def __str__(self) -> str:
        return str(self.message_id)
