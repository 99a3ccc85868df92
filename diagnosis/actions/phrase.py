"""Phrases: each reader's own, and the clinic's, which its administrators keep."""

from __future__ import annotations

from typing import Any

from accounts.models import Clinic, User
from accounts.permissions import require
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Phrase
from diagnosis.rules.phrases import GONE, needed_for


def add_phrase(*, by: User, clinic: Clinic, is_shared: bool, **words: Any) -> Phrase:
    """`is_shared`: for the whole clinic, by an administrator. `words`: name, modality, findings, impression."""
    require(by, needed_for(is_shared=is_shared), clinic)
    return Phrase.objects.create(clinic=clinic, owner=None if is_shared else by, **words)


def change_phrase(*, by: User, phrase: Phrase, **words: Any) -> None:
    _require_keeper(by, phrase)
    if not Phrase.objects.filter(pk=phrase.pk).update(**words):
        raise NotAllowedNow("gone", GONE)


def remove_phrase(*, by: User, phrase: Phrase) -> None:
    """Reports keep the words that it has put into them."""
    _require_keeper(by, phrase)
    Phrase.objects.filter(pk=phrase.pk).delete()


def _require_keeper(by: User, phrase: Phrase) -> None:
    require(by, needed_for(is_shared=phrase.owner_id is None), phrase.clinic)
    if phrase.owner_id not in (None, by.pk):
        raise NotAllowedNow("not_yours", GONE)
