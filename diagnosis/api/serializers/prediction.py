from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diagnosis.api.serializers.links import address
from diagnosis.models import EnsemblePrediction, Prediction
from diagnosis.models.zone import Zone

DOMAINS = "places whose images chose the thresholds and measured the rates; empty: all places of `measured_on`"


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
        help_text="0 to 1; from it on lies the positive zone; 1: there is none; null: from before there were zones",
    )
    chosen_for = serializers.CharField()
    domains = serializers.ListField(child=serializers.CharField(), default=list, help_text=DOMAINS)
    sensitivity = EstimateSerializer()
    specificity = EstimateSerializer()
    measured_on = serializers.CharField()


class PositiveZoneSerializer(serializers.Serializer[Any]):
    """What was measured of the positive zone alone: at or above the upper threshold."""

    sensitivity = EstimateSerializer()
    specificity = EstimateSerializer()


class SourceSerializer(serializers.Serializer[Any]):
    """What was measured on the images of one source; null where it has no image of that side."""

    sensitivity = EstimateSerializer(allow_null=True)
    specificity = EstimateSerializer(allow_null=True)
    positive = serializers.IntegerField(help_text="images of the class looked out for")
    negative = serializers.IntegerField(help_text="the other images")


class AnswerSerializer(serializers.Serializer[Any]):
    """How often a class is right where it is the likeliest, and how many of its images are found."""

    precision = EstimateSerializer()
    recall = EstimateSerializer()


class EnsembleOperatingPointSerializer(OperatingPointSerializer):
    """The same, with what was measured by source and by answer; empty: from before it was kept with the result."""

    sources = serializers.DictField(child=SourceSerializer(), default=dict, help_text="by source of the images")
    answers = serializers.DictField(child=AnswerSerializer(), default=dict, help_text="by class")
    positive_zone = PositiveZoneSerializer(
        default=None, allow_null=True, help_text="null: from before it was kept with the result"
    )
    research_only = serializers.BooleanField(
        default=False, help_text="true: what it was measured to do does not carry over to whole examinations"
    )


class AbnormalitySourceSerializer(serializers.Serializer[Any]):
    """What was measured on the images of one source; null where it has no image of that side."""

    sensitivity = EstimateSerializer(allow_null=True)
    specificity = EstimateSerializer(allow_null=True)
    abnormal = serializers.IntegerField(help_text="images of an abnormal lung")
    normal = serializers.IntegerField(help_text="images of a normal one")


class NewPlaceSerializer(serializers.Serializer[Any]):
    """What the bounds are worth at a place whose images taught and chose nothing."""

    sensitivity = EstimateSerializer()
    specificity = EstimateSerializer()
    positive_zone = PositiveZoneSerializer(help_text="the rates of the abnormal zone alone")
    abnormal = serializers.IntegerField(help_text="images of an abnormal lung")
    normal = serializers.IntegerField(help_text="images of a normal one")


class AbnormalityPointSerializer(serializers.Serializer[Any]):
    """How an ensemble answers whether the lung is abnormal, and what was measured at `threshold`."""

    labels = serializers.ListField(child=serializers.CharField(), help_text="the classes of an abnormal lung")
    slope = serializers.FloatField(help_text="of the calibration on the logit of their summed probability")
    intercept = serializers.FloatField()
    threshold = serializers.FloatField(help_text="0 to 1; below it lies the negative zone")
    abnormal_from = serializers.FloatField(help_text="0 to 1; from it on lies the positive zone; 1: there is none")
    chosen_for = serializers.CharField()
    domains = serializers.ListField(child=serializers.CharField(), default=list, help_text=DOMAINS)
    sensitivity = EstimateSerializer()
    specificity = EstimateSerializer()
    sources = serializers.DictField(child=AbnormalitySourceSerializer(), help_text="by source of the images")
    new_places = serializers.DictField(
        child=NewPlaceSerializer(),
        default=dict,
        help_text="by place, all of it made again without that place; empty: not measured, or the clinic's thresholds",
    )
    positive_zone = PositiveZoneSerializer(
        default=None, allow_null=True, help_text="null: from before it was kept with the result"
    )
    measured_on = serializers.CharField()


class SiteSerializer(serializers.Serializer[Any]):
    """The acceptance set of the clinic on which the thresholds were fitted and, by cross-fitting, measured."""

    acceptance = serializers.UUIDField(help_text="key of the set")
    sha256 = serializers.CharField(help_text="of what was sealed")
    closed_at = serializers.DateTimeField()
    abnormal = serializers.IntegerField(help_text="cases with an abnormal lung")
    normal = serializers.IntegerField(help_text="the other cases")


class AppliedAbnormalityPointSerializer(AbnormalityPointSerializer):
    """The same as it was applied to a result: thresholds and rates may be those of the clinic."""

    site = SiteSerializer(default=None, allow_null=True, help_text="null: the thresholds are those of this version")


class AbnormalitySerializer(serializers.Serializer[Any]):
    """Whether the lung is abnormal, whatever the cause."""

    probability = serializers.FloatField(help_text="calibrated, 0 to 1")
    zone = serializers.ChoiceField(Zone.choices, help_text="negative: clear; positive: abnormal")
    operating_point = AppliedAbnormalityPointSerializer()


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
        allow_null=True,
        help_text="share of the attention outside the lungs, 0 to 1, of earlier results alone: combined results were "
        "not found to be wrong more often where it is high; else null",
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
    operating_point = EnsembleOperatingPointSerializer()
    zone = serializers.CharField(help_text="negative, indeterminate or positive")
    abnormality = AbnormalitySerializer(
        allow_null=True, help_text="null: an ensemble, or a result, from before the question was asked; and all CT"
    )

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
            "abnormality",
        ]
