from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diagnosis.api.serializers.links import address
from diagnosis.models import EnsemblePrediction, Prediction


class EstimateSerializer(serializers.Serializer[Any]):
    """A measured value with its 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class OperatingPointSerializer(serializers.Serializer[Any]):
    """The thresholds of this version of the classifier or ensemble, and what was measured at `threshold`."""

    positive_label = serializers.CharField()
    threshold = serializers.FloatField(help_text="0 to 1; below it lies the negative zone")
    positive_from = serializers.FloatField(
        allow_null=True,
        help_text="0 to 1; from it on lies the positive zone; null: from before there were zones",
    )
    chosen_for = serializers.CharField()
    sensitivity = EstimateSerializer()
    specificity = EstimateSerializer()
    measured_on = serializers.CharField()


class PredictionSerializer(serializers.ModelSerializer[Prediction]):
    """What one version of one classifier said."""

    image = serializers.UUIDField(source="image_id", help_text="the image that the attention map is of")
    weights_sha256 = serializers.CharField()
    preprocessing = serializers.CharField(help_text="version of the preprocessing")
    probabilities = serializers.DictField(child=serializers.FloatField(), help_text="calibrated, summing to 1")
    operating_point = OperatingPointSerializer()
    zone = serializers.CharField(help_text="negative, indeterminate or positive; empty: from before there were zones")
    attention = serializers.SerializerMethodField(help_text="PNG: where the classifier looked, not where disease is")
    attention_outside = serializers.FloatField(
        allow_null=True, help_text="share of the attention outside the lungs, 0 to 1; above 0.5: distrust the result"
    )

    class Meta:
        model = Prediction
        fields = [
            "id",
            "image",
            "classifier",
            "version",
            "architecture",
            "weights_sha256",
            "preprocessing",
            "label",
            "probabilities",
            "operating_point",
            "probability",
            "at_or_above_threshold",
            "zone",
            "milliseconds",
            "attention",
            "attention_outside",
        ]

    def get_attention(self, prediction: Prediction) -> str:
        return address(self, "api:attention", prediction)


class EnsemblePredictionSerializer(serializers.ModelSerializer[EnsemblePrediction]):
    """What one version of an ensemble predicts from its members; only with all that it was measured with."""

    members = serializers.ListField(child=serializers.CharField(), help_text="identities such as vgg16-cxr/1.0.0")
    probabilities = serializers.DictField(child=serializers.FloatField(), help_text="calibrated, summing to 1")
    operating_point = OperatingPointSerializer()
    zone = serializers.CharField(help_text="negative, indeterminate or positive")

    class Meta:
        model = EnsemblePrediction
        fields = [
            "ensemble",
            "version",
            "members",
            "label",
            "probabilities",
            "operating_point",
            "probability",
            "at_or_above_threshold",
            "zone",
        ]
