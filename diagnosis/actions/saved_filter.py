from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from accounts.models import User
from diagnosis.models import SavedFilter
from diagnosis.rules import saved_filters as rules


@transaction.atomic
def save_filter(*, by: User, name: str, chosen: Mapping[str, str]) -> SavedFilter:
    """Keep filters of the queue under a name; the same name again replaces what stood under it.

    Raises Refusal without a name, without a filter, and where a person keeps too many.
    """
    # Held, so that two at once do not go past the limit.
    list(User.objects.select_for_update().filter(pk=by.pk))
    rules.require_saveable(by, name=name, chosen=chosen)
    made, _new = SavedFilter.objects.update_or_create(user=by, name=name.strip(), defaults={"chosen": dict(chosen)})
    return made


def delete_filter(*, by: User, saved: SavedFilter) -> None:
    """Only one's own; the queue itself stays as it is."""
    SavedFilter.objects.filter(pk=saved.pk, user=by).delete()
