"""Filters of the queue that a person keeps: how many, and what can be kept."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_noop

from accounts.models import User
from diagnosis.errors import Refusal
from diagnosis.models import SavedFilter

MOST = 12  # as many as can be looked over above the queue
NAME_NEEDED = gettext_noop("Write a name for these filters. Nothing was saved.")
NOTHING_CHOSEN = gettext_noop("No filter is in use, so nothing was saved. Choose one first.")
TOO_MANY = gettext_noop("You keep %(most)d filters already. Delete one first; nothing was saved.")


def require_saveable(by: User, *, name: str, chosen: Mapping[str, str]) -> None:
    if not name.strip():
        raise Refusal("name_needed", NAME_NEEDED)
    if not chosen:
        raise Refusal("nothing_chosen", NOTHING_CHOSEN)
    others = SavedFilter.objects.filter(user=by).exclude(name=name.strip())
    if others.count() >= MOST:
        raise Refusal("too_many", TOO_MANY, most=MOST)
