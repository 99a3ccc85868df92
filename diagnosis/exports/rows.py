"""Rows as plain values for JSON: every field, so that a field that is added later is not forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import FileField, ForeignKey, Model

from accounts.models import User

# Of the portal's own work, and nothing of the patient's.
INTERNAL = frozenset({"claim", "lease_expires_at", "worker", "search_key", "enqueued_at"})


def plain(row: Model, *, leave_out: Iterable[str] = ()) -> dict[str, Any]:
    """Field → value; a person stands as a name, another row as its key. Files are left out: they lie beside it."""
    hidden = INTERNAL.union(leave_out)
    fields = [one for one in row._meta.concrete_fields if not isinstance(one, FileField) and one.name not in hidden]
    return {one.name: _value(row, one) for one in fields}


def _value(row: Model, field: Any) -> Any:
    if isinstance(field, ForeignKey) and field.related_model is User:
        person = getattr(row, field.name)
        return person.full_name if person else None
    return getattr(row, field.attname)
