from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.reverse import reverse

from diagnosis.actions.archive import MemberOutcome
from diagnosis.api import examples
from diagnosis.api.errors import refusal_body
from diagnosis.api.serializers.problem import ProblemSerializer
from diagnosis.api.serializers.request import RequestSerializer
from diagnosis.models import Scan
from diagnosis.models.scan import Modality


@extend_schema_serializer(examples=[examples.form(examples.ARCHIVE_UPLOAD)])
class ArchiveUploadSerializer(RequestSerializer):
    """multipart/form-data"""

    patient = serializers.UUIDField()
    file = serializers.FileField(help_text="a zip archive")
    modality = serializers.ChoiceField(
        Modality.choices, required=False, help_text="of the files that do not say it themselves: PNG and JPEG"
    )
    compared = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        help_text="`comparison` of earlier problems: differences of header and record that a person has compared; "
        "holds for every file that differs in exactly this way",
    )
    urgent = serializers.BooleanField(default=False, help_text="puts the scans forward in the reading queue")


class ArchivedScanSerializer(serializers.Serializer[Scan]):
    """A scan that came out of an archive; open `self` for its analyses."""

    id = serializers.UUIDField(source="pk")
    links = serializers.SerializerMethodField()

    def get_links(self, scan: Scan) -> dict[str, str]:
        return {"self": reverse("api:scan", args=[scan.pk], request=self.context.get("request"))}


class MemberSerializer(serializers.Serializer[MemberOutcome]):
    """What became of one file of an archive: a scan, or a problem."""

    path = serializers.CharField(help_text="in the archive")
    duplicate = serializers.BooleanField(
        source="upload.duplicate",
        default=False,
        help_text="the same bytes were already here; `scan` is the earlier one",
    )
    scan = ArchivedScanSerializer(source="upload.scan", default=None, allow_null=True)
    problem = serializers.SerializerMethodField(allow_null=True)

    @extend_schema_field(ProblemSerializer(allow_null=True))
    def get_problem(self, member: MemberOutcome) -> dict[str, Any] | None:
        return refusal_body(member.refusal) if member.refusal else None


@extend_schema_serializer(examples=[examples.answer(examples.ARCHIVE)])
class ArchiveSerializer(serializers.Serializer[Any]):
    """The files of an archive in its order, and how many came to what."""

    accepted = serializers.IntegerField(help_text="files that became a scan now")
    duplicates = serializers.IntegerField(help_text="files whose bytes were here already")
    left_out = serializers.IntegerField(help_text="files that are no images, as they lie on discs")
    refused = serializers.IntegerField(help_text="files that a person should look at")
    members = MemberSerializer(many=True)
