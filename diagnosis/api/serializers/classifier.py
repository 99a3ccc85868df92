from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import examples
from diagnosis.api.serializers.prediction import (
    AbnormalityPointSerializer,
    AnswerSerializer,
    OperatingPointSerializer,
    SourceSerializer,
)
from diagnosis.models.scan import Modality


@extend_schema_serializer(examples=[examples.answer(examples.CLASSIFIER)])
class ClassifierSerializer(serializers.Serializer[Any]):
    """What a classifier is, what it was made from, how it was measured, what it must not be used for."""

    name = serializers.CharField()
    version = serializers.CharField()
    architecture = serializers.CharField()
    modality = serializers.ChoiceField(Modality.choices)
    labels = serializers.ListField(child=serializers.CharField())
    input_size = serializers.ListField(child=serializers.IntegerField(), help_text="height, width in pixels")
    preprocessing = serializers.CharField()
    operating_point = OperatingPointSerializer()
    weights_sha256 = serializers.CharField()
    trained_on = serializers.ListField(child=serializers.CharField())
    intended_use = serializers.CharField()
    must_not_use = serializers.CharField()
    licence = serializers.CharField()
    metrics = serializers.DictField(help_text="held-out numbers")


@extend_schema_serializer(examples=[examples.answer(examples.ENSEMBLE)])
class EnsembleSerializer(serializers.Serializer[Any]):
    """What combines the answers of a modality's classifiers, and how it was measured with exactly these members."""

    name = serializers.CharField()
    version = serializers.CharField()
    modality = serializers.ChoiceField(Modality.choices)
    labels = serializers.ListField(child=serializers.CharField())
    members = serializers.ListField(child=serializers.CharField(), help_text="identities such as vgg16-cxr/1.0.0")
    temperature = serializers.FloatField()
    operating_point = OperatingPointSerializer()
    sources = serializers.DictField(child=SourceSerializer(), help_text="the operating point by source of the images")
    answers = serializers.DictField(child=AnswerSerializer(), help_text="by class, where it is the likeliest")
    abnormality = AbnormalityPointSerializer(allow_null=True, help_text="null: it is not asked")
    research_only = serializers.BooleanField(
        help_text="true: what it was measured to do does not carry over to whole examinations"
    )
    metrics = serializers.DictField(help_text="held-out numbers")
