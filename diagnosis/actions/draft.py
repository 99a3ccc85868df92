"""Keeping what a reader has typed, whatever order the requests of pages arrive in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Draft, Review
from diagnosis.rules import policies


@dataclass(frozen=True)
class Written:
    """Which page sent the words, by the server's clock, and how many times it had changed by then."""

    page_opened_at: datetime
    turn: int

    @property
    def is_not_overtaken(self) -> Q:
        """Of drafts: none of a later page, nor of a later turn of this one."""
        earlier = Q(page_opened_at=None) | Q(page_opened_at__lt=self.page_opened_at)
        return earlier | Q(page_opened_at=self.page_opened_at, turn__lte=self.turn)


def save_draft(*, by: User, review: Review, content: Mapping[str, Any], written: Written | None = None) -> Draft:
    """Keep what the reader has typed. Needs no lease: words are never lost because a lease was.

    The farewell of a page may arrive after its successor has saved. Where `written` says that a later page or turn is
    kept already, NotAllowedNow is raised; without it, as from a page without scripts, the words are taken.
    """
    require(by, Permission.REVIEW_SCAN, review.clinic)
    drafts = Draft.objects.filter(review=review, reader=by)
    kept: dict[str, Any] = {"content": dict(content), "saved_at": timezone.now(), **_place(written)}
    earlier = drafts.filter(written.is_not_overtaken if written else Q())
    # Another request may make the first draft in between, of an earlier page or turn as well as of a later one.
    if not (earlier.update(**kept) or _create(review=review, reader=by, **kept) or earlier.update(**kept)):
        raise NotAllowedNow("newer_draft", policies.NEWER_DRAFT)
    return drafts.get()


def _create(**kept: Any) -> bool:
    """Whether there was none."""
    try:
        with transaction.atomic():
            Draft.objects.create(**kept)
    except IntegrityError:
        return False
    return True


def _place(written: Written | None) -> dict[str, Any]:
    return {"page_opened_at": written.page_opened_at, "turn": written.turn} if written else {"page_opened_at": None}
