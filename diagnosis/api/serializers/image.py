from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import study_examples as examples
from diagnosis.api.serializers.intended_use import IntendedUseSerializer, intended_use_now
from diagnosis.api.serializers.links import address_of, links
from diagnosis.models import ImageResult, Scan


class NotClassifiedSerializer(serializers.Serializer[Any]):
    """Why an image has no probability."""

    code = serializers.CharField(source="not_classified_code", help_text="for programs")
    reason = serializers.CharField(source="not_classified", help_text="for people")


@extend_schema_field(NotClassifiedSerializer(allow_null=True))
class NotClassifiedField(serializers.Field[Any, Any, Any, Any]):
    """Null where the image has a probability, or may have one."""

    def __init__(self, **more: Any) -> None:
        super().__init__(source="*", read_only=True, **more)

    def to_representation(self, value: Any) -> Any:
        return NotClassifiedSerializer(value).data if value.not_classified_code else None


@extend_schema_serializer(examples=[examples.answer(examples.IMAGE_RESULT)])
class ImageResultSerializer(serializers.ModelSerializer[ImageResult]):
    """What one analysis says of one image."""

    analysis = serializers.UUIDField(source="analysis_id")
    image = serializers.UUIDField(source="image_id")
    probabilities = serializers.DictField(
        child=serializers.FloatField(),
        help_text="of the class looked out for, calibrated, 0 to 1; by classifier, such as vgg16-cxr/1.0.0",
    )
    probability = serializers.FloatField(
        allow_null=True, help_text="the combination's, else the classifiers' mean; null: not classified"
    )
    above = serializers.IntegerField(help_text="how many classifiers reach their operating point")
    zone = serializers.CharField(help_text="negative, indeterminate or positive; empty: no combination, so no zone")
    not_classified = NotClassifiedField()
    intended_use = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = ImageResult
        fields = [
            "analysis",
            "image",
            "probabilities",
            "probability",
            "above",
            "zone",
            "not_classified",
            "intended_use",
            "links",
        ]

    @extend_schema_field(IntendedUseSerializer)
    def get_intended_use(self, result: ImageResult) -> dict[str, str]:
        return intended_use_now()

    def get_links(self, result: ImageResult) -> dict[str, str]:
        return {
            "analysis": address_of(self, "api:analysis", result.analysis_id),
            "image": address_of(self, "api:image", result.image_id),
        }


@extend_schema_serializer(examples=[examples.answer(examples.IMAGE)])
class ImageSerializer(serializers.ModelSerializer[Scan]):
    """One file as it came: its place in the study, and what the newest analysis that saw it says of it."""

    clinic = serializers.UUIDField(source="clinic_id")
    patient = serializers.UUIDField(source="patient_id")
    study = serializers.UUIDField(source="series.study_id")
    series = serializers.UUIDField(source="series_id")
    role = serializers.CharField(help_text="frontal, lateral, axial, scout, derived, other; empty: the file says none")
    uploaded_by = serializers.CharField(source="uploaded_by.full_name")
    not_classified = NotClassifiedField(help_text="why no classifier is asked about it; null: one may be")
    result_hidden = serializers.BooleanField(
        help_text="true while you read first: commit your first impression, then ask again"
    )
    result = serializers.SerializerMethodField(
        help_text="of the newest analysis that has one for this image; null while it is hidden or there is none"
    )
    links = serializers.SerializerMethodField()

    class Meta:
        model = Scan
        fields = [
            "id",
            "clinic",
            "patient",
            "study",
            "series",
            "modality",
            "role",
            "sop_instance_uid",
            "instance_number",
            "slice_position",
            "row_spacing",
            "column_spacing",
            "body_part",
            "view_position",
            "original_name",
            "file_format",
            "sha256",
            "byte_size",
            "width",
            "height",
            "bits",
            "acquired_at",
            "uploaded_at",
            "uploaded_by",
            "identity_note",
            "not_classified",
            "result_hidden",
            "result",
            "links",
        ]

    @extend_schema_field(ImageResultSerializer(allow_null=True))
    def get_result(self, image: Any) -> Any:
        # A prefetch of those that the person may read, the newest first.
        shown: list[ImageResult] = image.shown_results
        return ImageResultSerializer(shown[0], context=self.context).data if shown else None

    def get_links(self, image: Scan) -> dict[str, str]:
        routes = {"self": "api:image", "original": "api:scan-original", "picture": "api:scan-image"}
        return {
            "study": address_of(self, "api:study", image.series.study_id),
            "series": address_of(self, "api:one-series", image.series_id),
            **links(self, image, **routes),
        }


class SliceSerializer(serializers.ModelSerializer[Scan]):
    """An image within its series; open `self` for all that is known of it."""

    not_classified = NotClassifiedField(help_text="why no classifier is asked about it; null: one may be")
    links = serializers.SerializerMethodField()

    class Meta:
        model = Scan
        fields = ["id", "role", "sop_instance_uid", "instance_number", "slice_position", "not_classified", "links"]

    def get_links(self, image: Scan) -> dict[str, str]:
        return links(self, image, self="api:image", picture="api:scan-image")
