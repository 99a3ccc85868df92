from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import examples, study_examples
from diagnosis.api.serializers.analysis import AnalysisSerializer
from diagnosis.api.serializers.study import StudySerializer


class ChangeSerializer(serializers.Serializer[Any]):
    """One field of the record before and after, both as text."""

    field = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)


@extend_schema_serializer(
    examples=[examples.answer(examples.EVENT), examples.answer(study_examples.STUDY_EVENT, "study")]
)
class EventSerializer(serializers.Serializer[Any]):
    """One entry of a patient's history: a study with its analyses, newest first, or a change of the record."""

    kind = serializers.ChoiceField(["study", "record"])
    at = serializers.DateTimeField()
    by = serializers.CharField(allow_blank=True)
    study = StudySerializer(required=False)
    analyses = AnalysisSerializer(many=True, required=False)
    reason = serializers.CharField(required=False)
    changes = ChangeSerializer(many=True, required=False)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Keys that the kind does not have are left out rather than null."""
        return {name: value for name, value in super().to_representation(instance).items() if value is not None}
