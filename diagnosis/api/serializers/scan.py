from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import examples
from diagnosis.api.serializers.analysis import AnalysisSerializer
from diagnosis.api.serializers.links import ReferenceSerializer, links, reference
from diagnosis.api.serializers.request import RequestSerializer
from diagnosis.models import Scan
from diagnosis.models.scan import Modality


class UploadSerializer(RequestSerializer):
    """What comes with a file, whichever way it comes."""

    patient = serializers.UUIDField()
    modality = serializers.ChoiceField(Modality.choices, required=False, help_text="may be left out for DICOM")
    identity_confirmed = serializers.BooleanField(
        default=False, help_text="a person has compared a header that disagrees with the record"
    )
    urgent = serializers.BooleanField(default=False, help_text="puts the scan forward in the reading queue")


@extend_schema_serializer(examples=[examples.form(examples.FILE_UPLOAD)])
class FileUploadSerializer(UploadSerializer):
    """multipart/form-data"""

    file = serializers.FileField(allow_empty_file=True)


@extend_schema_serializer(examples=[examples.request(examples.ENCODED_UPLOAD)])
class EncodedUploadSerializer(UploadSerializer):
    """application/json"""

    image = serializers.CharField(trim_whitespace=False, help_text="the file's bytes as base64 or a data: URL")
    name = serializers.CharField(max_length=1000, default="", allow_blank=True, help_text="its name, for display")


@extend_schema_serializer(examples=[examples.answer(examples.SCAN)])
class ScanSerializer(serializers.ModelSerializer[Scan]):
    """An uploaded image and its analyses, newest first."""

    clinic = serializers.UUIDField(source="clinic_id")
    patient = serializers.UUIDField(source="patient_id")
    uploaded_by = serializers.CharField(source="uploaded_by.full_name")
    analyses = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = Scan
        fields = [
            "id",
            "clinic",
            "patient",
            "modality",
            "original_name",
            "file_format",
            "sha256",
            "byte_size",
            "width",
            "height",
            "bits",
            "body_part",
            "view_position",
            "acquired_at",
            "uploaded_at",
            "uploaded_by",
            "identity_note",
            "analyses",
            "links",
        ]

    @extend_schema_field(AnalysisSerializer(many=True))
    def get_analyses(self, scan: Scan) -> Any:
        return AnalysisSerializer(scan.seen_by, many=True, context=self.context).data

    def get_links(self, scan: Scan) -> dict[str, str]:
        routes = {"self": "api:scan", "original": "api:scan-original", "image": "api:scan-image"}
        return links(self, scan, analyses="api:scan-analyses", **routes)


@extend_schema_serializer(examples=[examples.answer(examples.UPLOADED)])
class UploadedSerializer(serializers.Serializer[Any]):
    """What became of an upload. `analysis` is the newest; poll it until it has finished."""

    duplicate = serializers.BooleanField(
        help_text="the same bytes were already here; `scan` is the earlier one, whose modality may be put right"
    )
    scan = ScanSerializer()
    study = serializers.SerializerMethodField(help_text="where it was filed")
    analysis = AnalysisSerializer(allow_null=True, source="scan.latest_analysis")

    @extend_schema_field(ReferenceSerializer)
    def get_study(self, upload: Any) -> dict[str, Any]:
        return reference(self, "api:study", upload.scan.study)
