from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 255


class KeptAnswerQuerySet(models.QuerySet["KeptAnswer"]):
    def take(self, *, holder: str, key: str, fingerprint: str, within: timedelta) -> tuple[KeptAnswer | None, bool]:
        """The row of this key, and whether the caller is the one who answers.

        A request that began longer than `within` ago and never answered has died, and the same one again takes its
        place. None: the row was given back between two looks.
        """
        now = timezone.now()
        try:
            with transaction.atomic():
                return self.create(holder=holder, key=key, fingerprint=fingerprint, started_at=now), True
        except IntegrityError:
            same = self.filter(holder=holder, key=key)
        dead = same.filter(status=None, fingerprint=fingerprint, started_at__lt=now - within)
        taken = dead.update(started_at=now)
        return same.first(), bool(taken)

    def begun_as(self, row: KeptAnswer) -> Self:
        """That row, as long as it is answered by nobody else and not yet."""
        return self.filter(pk=row.pk, started_at=row.started_at, status=None)

    def forget_old(self, now: datetime | None = None) -> int:
        """Delete what is no longer promised. Returns how many."""
        return self.filter(started_at__lt=(now or timezone.now()) - KEPT_FOR).delete()[0]

    def forget_of(self, patient: UUID) -> None:
        """Delete what was answered about somebody."""
        self.filter(patient=patient).delete()


class KeptAnswer(models.Model):
    """What a request with an Idempotency-Key was answered, for the same request again.

    `holder`: who may ask for it again, the token or the person of a session. `fingerprint`: SHA-256 of what was sent.
    No `status`: it is being worked on, or whoever did so has died.
    """

    holder = models.CharField(max_length=60)
    key = models.CharField(max_length=LONGEST_KEY)
    fingerprint = models.CharField(max_length=64)
    started_at = models.DateTimeField(default=timezone.now, db_index=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.TextField(blank=True, help_text="JSON")
    location = models.CharField(max_length=500, blank=True)
    # What the audit trail was told of, so that it is told of the same when the answer is given again.
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=60, blank=True)
    patient = models.UUIDField(null=True, blank=True, db_index=True)

    objects = KeptAnswerQuerySet.as_manager()

    class Meta:
        verbose_name = _("kept answer")
        verbose_name_plural = _("kept answers")
        constraints = [models.UniqueConstraint(fields=["holder", "key"], name="one_answer_for_each_key")]

    def __str__(self) -> str:
        return f"{self.holder} {self.key}"
