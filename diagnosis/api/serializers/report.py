from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.reverse import reverse

from diagnosis.api import study_examples as examples
from diagnosis.api.serializers.links import address_of, links
from diagnosis.models import Addendum, EnteredInError, Report
from diagnosis.models.finding import Finding, Presence, Side
from diagnosis.states import STANDING_ELSEWHERE, ReportStanding, ReportStatus


class AddendumSerializer(serializers.ModelSerializer[Addendum]):
    """Signed words that were added to a final report."""

    class Meta:
        model = Addendum
        fields = ["number", "text", "signer_name", "signed_at", "content_sha256"]


class CodeSerializer(serializers.Serializer[Any]):
    """A concept of a public terminology."""

    scheme = serializers.ChoiceField(["RADLEX", "SCT"], help_text="RadLex or SNOMED CT")
    value = serializers.CharField()
    meaning = serializers.CharField(help_text="the concept's own name there")


class CodedFindingSerializer(serializers.Serializer[Any]):
    """A finding that the reader spoke of; what nobody spoke of is not listed."""

    finding = serializers.ChoiceField(Finding.choices)
    presence = serializers.ChoiceField(Presence.choices)
    side = serializers.ChoiceField([("", ""), *Side.choices], help_text="empty: not said")
    code = CodeSerializer(allow_null=True, help_text="null where no terminology has the concept")


class EnteredInErrorSerializer(serializers.ModelSerializer[EnteredInError]):
    """Who said since when and why that the report never should have been."""

    class Meta:
        model = EnteredInError
        fields = ["reason", "signer_name", "signed_at", "content_sha256"]


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
    review = serializers.UUIDField(source="reading_id", help_text="the reading that settled it")
    status = serializers.ChoiceField(ReportStatus.choices)
    standing = serializers.ChoiceField(
        ReportStanding.choices, read_only=True, help_text="what it is worth today: its state, and what was signed since"
    )
    fhir_status = serializers.SerializerMethodField(help_text="the same as DiagnosticReport.status of FHIR R4")
    coded_findings = CodedFindingSerializer(many=True)
    author_name = serializers.CharField(help_text="who wrote it, as it was at the signature; empty while preliminary")
    canonical_form = serializers.IntegerField(help_text="the number of the form that the hash covers")
    corrects = serializers.UUIDField(source="corrects_id", allow_null=True, help_text="the version before it")
    corrected_by = serializers.UUIDField(
        source="successor.pk", default=None, allow_null=True, help_text="the version that took its place"
    )
    entered_in_error = EnteredInErrorSerializer(source="error", allow_null=True)
    written_by = serializers.CharField(source="written_by.full_name")
    handed_over_at = serializers.DateTimeField(
        allow_null=True,
        help_text="when its author, who does not sign, gave it to those who do; null: never, or sent back since",
    )
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
            "standing",
            "fhir_status",
            "category",
            "image_quality",
            "indication",
            "technique",
            "comparison",
            "findings",
            "coded_findings",
            "impression",
            "is_key_image",
            "written_by",
            "written_at",
            "handed_over_at",
            "author_name",
            "signer_name",
            "signed_at",
            "content_sha256",
            "canonical_form",
            "verification_code",
            "images",
            "addenda",
            "corrects",
            "correction_reason",
            "corrected_by",
            "entered_in_error",
            "links",
        ]

    def get_fhir_status(self, report: Report) -> str:
        return STANDING_ELSEWHERE[report.standing].fhir

    def get_links(self, report: Report) -> dict[str, str]:
        verification = reverse(
            "diagnosis:report-verify", args=[report.verification_code], request=self.context.get("request")
        )
        return {
            **links(self, report, self="api:report", pdf="api:report-pdf"),
            "study": address_of(self, "api:study", report.study_id),
            "review": address_of(self, "api:review", report.reading_id),
            "verification": verification,
        }
