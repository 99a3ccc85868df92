from __future__ import annotations

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import study_examples as examples
from diagnosis.models import CriticalResult


@extend_schema_serializer(examples=[examples.answer(examples.CRITICAL_RESULT)])
class CriticalResultSerializer(serializers.ModelSerializer[CriticalResult]):
    """A finding that a reader marked as critical: who was told, when they acknowledged it, and whether it holds."""

    marked_by = serializers.CharField(source="marked_by.full_name")
    to = serializers.CharField(help_text="whom it was sent to: a member of the clinic, or somebody outside")
    acknowledged_by = serializers.CharField(source="acknowledged_by.full_name", allow_null=True, default=None)
    withdrawn_by = serializers.CharField(source="withdrawn_by.full_name", allow_null=True, default=None)

    class Meta:
        model = CriticalResult
        fields = [
            *("id", "finding", "marked_by", "marked_at", "to", "status", "due_at", "escalated_at"),
            *("acknowledged_by", "acknowledged_at", "told_to", "told_at"),
            *("withdrawn_by", "withdrawn_at", "withdrawal_reason"),
        ]
