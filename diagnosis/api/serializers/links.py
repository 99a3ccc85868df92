"""Addresses in payloads, whole, so that a client never builds one."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from rest_framework.reverse import reverse
from rest_framework.serializers import BaseSerializer


def links(serializer: BaseSerializer[Any], row: Model, /, **routes: str) -> dict[str, str]:
    """The addresses of `row` under the named routes."""
    return {name: address(serializer, route, row) for name, route in routes.items()}


def address(serializer: BaseSerializer[Any], route: str, row: Model) -> str:
    return reverse(route, kwargs={"pk": row.pk}, request=serializer.context.get("request"))
