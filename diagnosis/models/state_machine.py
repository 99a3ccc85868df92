"""What every object with states shares: one conditional UPDATE per move, and a row that tells of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.apps import apps
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnosis import messages
from diagnosis.messages import Message
from diagnosis.models.base import ClinicalQuerySet
from diagnosis.states import Moves, check_move

M = TypeVar("M", bound=models.Model)


class TransitionRow(models.Model):
    """One move: what happened, when, and who did it. Written once, never changed."""

    source = models.CharField(_("from"), max_length=12, blank=True, help_text=_("empty where the object began"))
    target = models.CharField(_("to"), max_length=12)
    at = models.DateTimeField(_("time"), auto_now_add=True)
    # Text, so that the row outlives the account or worker it names.
    by = models.CharField(_("by"), max_length=400)
    note = models.TextField(blank=True, help_text="a code of diagnosis.messages; text in older rows")
    note_params = models.JSONField(default=dict, blank=True, help_text="what fills the code's sentence")

    class Meta:
        abstract = True
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.source or 'new'} → {self.target}"

    @property
    def note_text(self) -> str:
        """In the active language; empty where the move explains itself."""
        return messages.note(self.note, self.note_params)


class MachineQuerySet(ClinicalQuerySet[M]):
    """Rows with a `status`, and a row for each of their moves."""

    moves: ClassVar[Moves]
    transition: ClassVar[str]  # the model of its transitions
    subject: ClassVar[str]  # and that model's foreign key to it

    def move(
        self,
        pk: UUID,
        source: StrEnum,
        target: StrEnum,
        *,
        by: str,
        note: Message | None = None,
        only: Q | None = None,
        **changes: Any,
    ) -> bool:
        """Move one row from `source` to `target`, if it is there now: one conditional UPDATE.

        The transition is written in the same transaction. `only` narrows the WHERE further (a claim, a lease).
        Returns whether this caller made the move; False means that somebody else was first.
        """
        check_move(self.moves, source, target)
        # No savepoint inside another transaction: that would be two more round trips for each move.
        with transaction.atomic(savepoint=False):
            if not self.filter(only or Q(), pk=pk, status=source).update(status=target, **changes):
                return False
            self.log_transition(pk, source, target, by=by, note=note)
            return True

    def log_transition(
        self, pk: UUID, source: StrEnum | str, target: StrEnum, *, by: str, note: Message | None = None
    ) -> None:
        """Write the transition's row alone; for the first one, whose source is empty."""
        row: dict[str, Any] = {f"{self.subject}_id": pk, "source": source, "target": target, "by": by}
        if note:
            row |= {"note": note.code, "note_params": dict(note.params)}
        apps.get_model(self.model._meta.app_label, self.transition)._default_manager.create(**row)
