from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.vocabulary import Action, Event, Outcome

MOST_TEXT = 200


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def about(self, patient: uuid.UUID) -> AuditEventQuerySet:
        """Those that name this patient alone; lists on which the patient stood are `listing`."""
        return self.filter(patient=patient)

    def listing(self, patient: uuid.UUID) -> AuditEventQuerySet:
        return self.filter(patients__contains=patient.hex)


class AuditEvent(models.Model):
    """One entry of the trail. Written once: database triggers refuse every UPDATE, DELETE and TRUNCATE.

    It names people and patients by key alone, and has no foreign keys: it outlives whatever it names. `link` is a keyed
    hash over the entry and the link before it in its `chain`; audit.chain says how.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    event = models.CharField(max_length=6, choices=Event.choices)
    action = models.CharField(max_length=1, choices=Action.choices)
    outcome = models.CharField(max_length=2, choices=Outcome.choices, default=Outcome.SUCCESS)
    person: models.UUIDField[Any, uuid.UUID | None] = models.UUIDField(null=True)
    login = models.CharField(max_length=254, blank=True, default="", help_text="as typed, where a sign-in failed")
    token = models.BigIntegerField(null=True, help_text="the API token that the request came with")
    address = models.CharField(max_length=45, blank=True, default="", help_text="network address of the client")
    route = models.CharField(max_length=100, blank=True, default="", help_text="method and name of the address")
    object_type = models.CharField(max_length=60, blank=True, default="")
    object_id = models.CharField(max_length=60, blank=True, default="")
    patient: models.UUIDField[Any, uuid.UUID | None] = models.UUIDField(null=True)
    patients = models.TextField(blank=True, default="", help_text="keys of others shown, in hexadecimal, by blanks")
    detail = models.JSONField(default=dict, blank=True, help_text="texts only")

    chain: models.UUIDField[Any, uuid.UUID] = models.UUIDField()
    position = models.PositiveBigIntegerField()
    link = models.CharField(max_length=64)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("entry of the audit trail")
        verbose_name_plural = _("entries of the audit trail")
        constraints = [models.UniqueConstraint(fields=["chain", "position"], name="audit_one_link_per_place")]
        indexes = [
            models.Index(fields=["patient", "-at"], name="audit_by_patient"),
            models.Index(fields=["person", "-at"], name="audit_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} at {self.at:%Y-%m-%d %H:%M:%S}"
