"""How what was predicted for the images of a study became what is predicted for the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnosis import messages


class ShareSerializer(serializers.Serializer[Any]):
    """How much reaches a bound."""

    slices = serializers.FloatField(help_text="share of the slices, 0 to 1")
    lung_area = serializers.FloatField(help_text="share of the lung area that lies in such slices, 0 to 1")


class ThirdSerializer(serializers.Serializer[Any]):
    """A third of the way along the axis of the patient."""

    level = serializers.CharField()
    slices = serializers.IntegerField()
    mean = serializers.FloatField(help_text="of the slices' probabilities, weighted by lung area")
    at_threshold = ShareSerializer()
    clearly_positive = ShareSerializer()


class ReasonSerializer(serializers.Serializer[Any]):
    """An image or a series, and why it has a part in the result or none."""

    id = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()

    @extend_schema_field(serializers.UUIDField())
    def get_id(self, one: Mapping[str, Any]) -> str:
        return str(one.get("image") or one["series"])

    def get_reason(self, one: Mapping[str, Any]) -> str:
        return messages.sentence(one["code"], one["params"])


class AggregationSerializer(serializers.Serializer[Any]):
    """How what was predicted for the images became what is predicted for their study.

    The figures about slices are null for X-rays and for results from before they were kept.
    """

    method = serializers.CharField()
    version = serializers.CharField(default="", help_text="of the method; empty: from before it was kept")
    key_images = serializers.ListField(
        child=serializers.UUIDField(), default=list, help_text="the images that speak loudest for the result"
    )
    images = serializers.IntegerField(default=None, allow_null=True, help_text="how many images the result rests on")
    series = ReasonSerializer(
        default=None, allow_null=True, help_text="the CT series that speaks for the study, and why it was chosen"
    )
    other_series = ReasonSerializer(many=True, default=list, help_text="series that were not chosen")
    at_threshold = ShareSerializer(default=None, allow_null=True, help_text="what reaches the lower threshold")
    clearly_positive = ShareSerializer(default=None, allow_null=True, help_text="what reaches the upper threshold")
    thirds = ThirdSerializer(many=True, default=list, help_text="where along the axis, as far as positions are known")
    left_out = ReasonSerializer(many=True, default=list, help_text="images of the series without a part in it")
    notes = serializers.SerializerMethodField(help_text="what a reader should know of it, as sentences")

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_notes(self, aggregation: Mapping[str, Any]) -> list[str]:
        return [messages.sentence(note["code"], note["params"]) for note in aggregation.get("notes", [])]
