"""Addresses in payloads, whole, so that a client never builds one."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from rest_framework import serializers
from rest_framework.reverse import reverse
from rest_framework.serializers import BaseSerializer


class ReferenceSerializer(serializers.Serializer[Any]):
    """Something else, by its key and its address."""

    id = serializers.UUIDField()
    links = serializers.DictField(child=serializers.CharField())


class StateReferenceSerializer(ReferenceSerializer):
    """The same, and how far it has come."""

    status = serializers.CharField()


def links(serializer: BaseSerializer[Any], row: Model, /, **routes: str) -> dict[str, str]:
    """The addresses of `row` under the named routes."""
    return {name: address(serializer, route, row) for name, route in routes.items()}


def address(serializer: BaseSerializer[Any], route: str, row: Model) -> str:
    return address_of(serializer, route, row.pk)


def address_of(serializer: BaseSerializer[Any], route: str, key: Any) -> str:
    """The same by the key, where the row itself is not at hand."""
    return reverse(route, kwargs={"pk": key}, request=serializer.context.get("request"))


def filtered(serializer: BaseSerializer[Any], route: str, parameter: str, row: Model) -> str:
    """The address of the list that holds what belongs to `row`."""
    return f"{reverse(route, request=serializer.context.get('request'))}?{parameter}={row.pk}"


def reference(serializer: BaseSerializer[Any], route: str, row: Model) -> dict[str, Any]:
    """As ReferenceSerializer describes it."""
    return {"id": str(row.pk), "links": links(serializer, row, self=route)}


def state_reference(serializer: BaseSerializer[Any], route: str, row: Any) -> dict[str, Any] | None:
    """As StateReferenceSerializer describes it; None of None."""
    return {**reference(serializer, route, row), "status": row.status} if row else None
