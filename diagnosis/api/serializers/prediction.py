from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diagnosis.api.serializers._links import address
from diagnosis.models import Prediction


class EstimateSerializer(serializers.Serializer[Any]):
    """A measured value with its 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class OperatingPointSerializer(serializers.Serializer[Any]):
    """The threshold of this version of the classifier, and what was measured there."""

    positive_label = serializers.CharField()
    threshold = serializers.FloatField(help_text="0 to 1")
    chosen_for = serializers.CharField()
    sensitivity = EstimateSerializer()
    specificity = EstimateSerializer()
    measured_on = serializers.CharField()


class PredictionSerializer(serializers.ModelSerializer[Prediction]):
    """What one version of one classifier said."""

    weights_sha256 = serializers.CharField()
    preprocessing = serializers.CharField(help_text="version of the preprocessing")
    probabilities = serializers.DictField(child=serializers.FloatField(), help_text="calibrated, summing to 1")
    operating_point = OperatingPointSerializer()
    attention = serializers.SerializerMethodField(help_text="PNG: where the classifier looked, not where disease is")

    class Meta:
        model = Prediction
        fields = [
            "id",
            "classifier",
            "version",
            "architecture",
            "weights_sha256",
            "preprocessing",
            "label",
            "probabilities",
            "operating_point",
            "probability",
            "positive",
            "milliseconds",
            "attention",
        ]

    def get_attention(self, prediction: Prediction) -> str:
        return address(self, "api:attention", prediction)
