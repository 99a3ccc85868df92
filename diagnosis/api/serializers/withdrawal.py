from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import study_examples as examples
from diagnosis.models import Study, Withdrawal


@extend_schema_serializer(examples=[examples.request(examples.TAKE_BACK)])
class TakeBackSerializer(serializers.Serializer[Any]):
    """Which images of the study, and why."""

    images = serializers.ListField(
        child=serializers.UUIDField(), allow_empty=False, required=False, help_text="left out: all that you uploaded"
    )
    reason = serializers.CharField(max_length=400, default="", allow_blank=True, help_text="kept with the images")


@extend_schema_serializer(examples=[examples.answer(examples.TAKEN_BACK)])
class WithdrawalSerializer(serializers.ModelSerializer[Withdrawal]):
    """What was taken back."""

    study = serializers.UUIDField(source="study_id")
    images = serializers.ListField(child=serializers.UUIDField(), source="taken")
    made_by = serializers.CharField(source="made_by.full_name")
    study_remains = serializers.SerializerMethodField(help_text="whether the study still has images")

    class Meta:
        model = Withdrawal
        fields = ["id", "study", "images", "reason", "made_by", "made_at", "study_remains"]

    def get_study_remains(self, made: Withdrawal) -> bool:
        return Study.objects.filter(pk=made.study_id).exists()
