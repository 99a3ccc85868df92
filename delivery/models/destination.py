from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.cipher import cipher
from accounts.models import Clinic
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from network.models.addresses import validate_title

PURPOSE = b"delivery.destination"


class Kind(models.TextChoices):
    DICOM = "dicom", _("DICOM (C-STORE)")
    HL7 = "hl7", _("HL7 v2 (MLLP)")
    WEBHOOK = "webhook", _("Webhook (HTTPS)")


class Content(models.TextChoices):
    STUDY_RESULT = "study_result", _("Result of the classifiers")
    SIGNED_REPORT = "signed_report", _("Signed report")
    HL7_RESULT = "hl7_result", _("Report as an HL7 message")
    EVENT = "event", _("Event")


# What may be sent to a destination of each kind.
CONTENTS_OF: Mapping[str, tuple[Content, ...]] = {
    Kind.DICOM: (Content.STUDY_RESULT, Content.SIGNED_REPORT),
    Kind.HL7: (Content.HL7_RESULT,),
    Kind.WEBHOOK: (Content.EVENT,),
}
# Without which nothing can be sent to one.
NEEDED: Mapping[str, tuple[str, ...]] = {
    Kind.DICOM: ("host", "port", "called_title", "calling_title"),
    Kind.HL7: ("host", "port"),
    Kind.WEBHOOK: ("url",),
}


class DestinationQuerySet(ClinicalQuerySet["Destination"]):
    def active(self) -> Self:
        return self.filter(is_active=True, clinic__is_active=True)

    def wanting(self, content: Content, *, clinic: Clinic | UUID) -> list[Destination]:
        """The active ones of `clinic`, or of the clinic with this key, that want `content`."""
        kinds = [kind for kind, contents in CONTENTS_OF.items() if content in contents]
        found = self.active().filter(clinic=clinic, kind__in=kinds).order_by("pk")
        return [one for one in found if content in one.contents]

    def reachable(self, now: datetime) -> Self:
        return self.active().filter(Q(paused_until=None) | Q(paused_until__lte=now))


class Destination(ClinicalModel):
    """A receiver of one clinic: an archive, a record system, a program."""

    clinic = models.ForeignKey(
        Clinic, verbose_name=_("clinic"), on_delete=models.PROTECT, related_name="destinations", editable=False
    )
    kind = models.CharField(_("kind"), max_length=7, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=80, help_text=_("By which people of the clinic know it."))
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("While it is not, nothing new is queued for it, and what waits stays.")
    )
    contents = models.JSONField(_("what it receives"), default=list, blank=True)
    host = models.CharField(_("host"), max_length=253, blank=True, help_text=_("DICOM and HL7: name or address."))
    port = models.PositiveIntegerField(
        _("port"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    tls = models.BooleanField(_("encrypted (TLS)"), default=False)
    called_title = models.CharField(
        _("called AE title"),
        max_length=16,
        blank=True,
        validators=[validate_title],
        help_text=_("DICOM: the receiver’s."),
    )
    calling_title = models.CharField(
        _("calling AE title"), max_length=16, blank=True, validators=[validate_title], help_text=_("DICOM: ours.")
    )
    url = models.URLField(_("address"), max_length=500, blank=True, help_text=_("Webhook: begins with https://."))
    # What only its kind needs, such as the facility of an HL7 receiver.
    options = models.JSONField(default=dict, blank=True, editable=False)
    encrypted_secret = models.TextField(blank=True, default="", editable=False)
    # Nobody answers there: nothing is tried before then. How often in a row.
    paused_until = models.DateTimeField(null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = DestinationQuerySet.as_manager()

    class Meta:
        verbose_name = _("destination")
        verbose_name_plural = _("destinations")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "name"],
                name="one_destination_per_name_and_clinic",
                violation_error_message=_("This clinic already has a destination of this name."),
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="destination_kind_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        """What it and the portal alone know; empty where there is none, or where no key of today opens it.

        Never shown again once it was set.
        """
        if not self.encrypted_secret:
            return ""
        try:
            return cipher(PURPOSE).decrypt(self.encrypted_secret.encode()).decode()
        except InvalidToken:
            return ""

    @secret.setter
    def secret(self, text: str) -> None:
        self.encrypted_secret = cipher(PURPOSE).encrypt(text.encode()).decode() if text else ""

    @property
    def wanted(self) -> list[str]:
        """The names of what it receives."""
        return [str(Content(one).label) for one in self.contents]

    def clean(self) -> None:
        """What its kind cannot do without."""
        missing = [name for name in NEEDED[self.kind] if not getattr(self, name)]
        if missing:
            raise ValidationError(dict.fromkeys(missing, _("A destination of this kind needs this.")))
        if set(self.contents) - set(CONTENTS_OF[self.kind]):
            raise ValidationError({"contents": _("A destination of this kind cannot receive this.")})
