from __future__ import annotations

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import examples
from diagnosis.api.serializers.links import links
from diagnosis.models import Patient


@extend_schema_serializer(examples=[examples.request(examples.NEW_PATIENT), examples.answer(examples.PATIENT)])
class PatientSerializer(serializers.ModelSerializer[Patient]):
    """A patient's record. Whether the number is free in the clinic is for the action to say."""

    clinic = serializers.UUIDField(source="clinic_id", read_only=True)
    merged_into = serializers.UUIDField(
        source="merged_into_id", read_only=True, allow_null=True, help_text="the record that took this one's place"
    )
    links = serializers.SerializerMethodField()

    class Meta:
        model = Patient
        fields = [
            "id",
            "clinic",
            "medical_record_number",
            "family_name",
            "given_name",
            "birth_date",
            "sex",
            "created_at",
            "merged_into",
            "links",
        ]
        read_only_fields = ["id", "created_at"]

    def get_links(self, patient: Patient) -> dict[str, str]:
        return links(self, patient, self="api:patient", history="api:patient-history")


class NewPatientSerializer(PatientSerializer):
    """A record to be made."""

    compared = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        write_only=True,
        max_length=100,
        help_text="keys of the possible duplicates that a person has compared with: they are of somebody else",
    )

    class Meta(PatientSerializer.Meta):
        fields = [*PatientSerializer.Meta.fields, "compared"]
