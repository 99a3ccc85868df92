from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import study_examples as examples
from diagnosis.api.serializers.links import address_of, filtered, links
from diagnosis.api.serializers.report import CodedFindingSerializer
from diagnosis.models import Review
from diagnosis.models.review import ReviewKind
from diagnosis.states import ReviewStatus


class ReadingSerializer(serializers.ModelSerializer[Review]):
    """What the reader decided, and when."""

    analysis = serializers.UUIDField(
        source="analysis_id", allow_null=True, help_text="whose result the reader saw when deciding; null: none"
    )
    agreement = serializers.CharField(
        help_text="category against result, derived: agrees, differs or open; empty: no result, or before the check"
    )
    contradiction_reason = serializers.CharField(
        help_text="why category and decision both hold although they contradict each other; else empty"
    )
    coded_findings = CodedFindingSerializer(many=True)
    override_reason = serializers.CharField(help_text="why the reader overrides the classifiers; else empty")

    class Meta:
        model = Review
        fields = [
            "decided_at",
            "decision",
            "category",
            "image_quality",
            "override_reason",
            "override_note",
            "agreement",
            "contradiction_reason",
            "indication",
            "technique",
            "comparison",
            "findings",
            "coded_findings",
            "impression",
            "is_key_image",
            "analysis",
        ]


@extend_schema_serializer(examples=[examples.answer(examples.REVIEW)])
class ReviewSerializer(serializers.ModelSerializer[Review]):
    """One reading of one study by one person, from the queue to the decision."""

    clinic = serializers.UUIDField(source="clinic_id")
    study = serializers.UUIDField(source="study_id")
    patient = serializers.UUIDField(source="study.patient_id")
    image = serializers.UUIDField(
        source="image_id",
        allow_null=True,
        help_text="the only one it covers, in readings from before there were studies; else null",
    )
    kind = serializers.ChoiceField(ReviewKind.choices)
    status = serializers.ChoiceField(ReviewStatus.choices)
    reader = serializers.CharField(
        source="reader.full_name", default=None, allow_null=True, help_text="who holds or held it; null: nobody yet"
    )
    reading_hidden = serializers.BooleanField(
        help_text="true while you may still read the study and must not know what others wrote"
    )
    reading = serializers.SerializerMethodField(help_text="null until it is decided, and while it is hidden")
    links = serializers.SerializerMethodField()

    class Meta:
        model = Review
        fields = [
            "id",
            "clinic",
            "study",
            "patient",
            "image",
            "kind",
            "status",
            "urgent",
            "waiting_since",
            "reader",
            "claimed_at",
            "reading_hidden",
            "reading",
            "links",
        ]

    @extend_schema_field(ReadingSerializer(allow_null=True))
    def get_reading(self, review: Any) -> Any:
        shown = review.status == ReviewStatus.DECIDED and not review.reading_hidden
        return ReadingSerializer(review, context=self.context).data if shown else None

    def get_links(self, review: Review) -> dict[str, str]:
        return {
            **links(self, review, self="api:review"),
            "study": address_of(self, "api:study", review.study_id),
            "reports": filtered(self, "api:reports", "study", review.study),
        }
