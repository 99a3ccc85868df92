from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import examples
from diagnosis.api.serializers.scan import ScanSerializer


class ChangeSerializer(serializers.Serializer[Any]):
    """One field of the record before and after, both as text."""

    field = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)


@extend_schema_serializer(examples=[examples.answer(examples.EVENT)])
class EventSerializer(serializers.Serializer[Any]):
    """One entry of a patient's history: a scan with its analyses, or a change of the record."""

    kind = serializers.ChoiceField(["scan", "record"])
    at = serializers.DateTimeField()
    by = serializers.CharField(allow_blank=True)
    scan = ScanSerializer(required=False)
    reason = serializers.CharField(required=False)
    changes = ChangeSerializer(many=True, required=False)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Keys that the kind does not have are left out rather than null."""
        return {name: value for name, value in super().to_representation(instance).items() if value is not None}
