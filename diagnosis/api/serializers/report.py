from __future__ import annotations

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.reverse import reverse

from diagnosis.api import study_examples as examples
from diagnosis.api.serializers.links import address_of, links
from diagnosis.models import Addendum, Report
from diagnosis.states import ReportStatus


class AddendumSerializer(serializers.ModelSerializer[Addendum]):
    """Signed words that were added to a final report."""

    class Meta:
        model = Addendum
        fields = ["number", "text", "signer_name", "signed_at", "content_sha256"]


@extend_schema_serializer(examples=[examples.answer(examples.REPORT)])
class ReportSerializer(serializers.ModelSerializer[Report]):
    """The radiologist's words on one study: preliminary until they are signed, then final for ever."""

    clinic = serializers.UUIDField(source="study.clinic_id")
    study = serializers.UUIDField(source="study_id")
    patient = serializers.UUIDField(source="study.patient_id")
    image = serializers.UUIDField(
        source="image_id",
        allow_null=True,
        help_text="the only one it rests on, in reports from before there were studies; else null",
    )
    review = serializers.UUIDField(source="review_id", help_text="the reading that settled it")
    status = serializers.ChoiceField(ReportStatus.choices)
    written_by = serializers.CharField(source="written_by.full_name")
    signer_name = serializers.CharField(help_text="as it was at the signature; empty while preliminary")
    content_sha256 = serializers.CharField(help_text="over all that was signed; empty while preliminary")
    images = serializers.ListField(
        child=serializers.UUIDField(), help_text="that it rests on, from the signature on; empty while preliminary"
    )
    addenda = AddendumSerializer(many=True)
    links = serializers.SerializerMethodField()

    class Meta:
        model = Report
        fields = [
            "id",
            "clinic",
            "study",
            "patient",
            "image",
            "review",
            "status",
            "category",
            "image_quality",
            "findings",
            "impression",
            "is_key_image",
            "written_by",
            "written_at",
            "signer_name",
            "signed_at",
            "content_sha256",
            "verification_code",
            "images",
            "addenda",
            "links",
        ]

    def get_links(self, report: Report) -> dict[str, str]:
        verification = reverse(
            "diagnosis:report-verify", args=[report.verification_code], request=self.context.get("request")
        )
        return {
            **links(self, report, self="api:report", pdf="api:report-pdf"),
            "study": address_of(self, "api:study", report.study_id),
            "review": address_of(self, "api:review", report.review_id),
            "verification": verification,
        }
