from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from diagnosis.api import study_examples as examples
from diagnosis.api.serializers.links import address_of, links
from orders.models import Order
from orders.states import OrderStatus

_STUDY = examples.STUDY
_ID = "9ab03456-81a3-4ac2-8cd4-537b808c9ecc"
_API = "https://portal.example/api/v1"
ORDER: dict[str, Any] = {
    "id": _ID,
    "clinic": _STUDY["clinic"],
    "patient": _STUDY["patient"],
    "status": "acquired",
    "accession_number": _STUDY["accession_number"],
    "placer_number": "RIS-20117",
    "filler_number": "",
    "procedure_code": "XR-CHEST-2",
    "procedure_description": "Chest PA and lateral",
    "modality": "DX",
    "clinical_question": _STUDY["clinical_question"],
    "referring_physician": _STUDY["referring_physician"],
    "ward": _STUDY["ward"],
    "priority": "routine",
    "placed_by": "RIS",
    "requested_at": "2026-03-02T07:10:00Z",
    "scheduled_at": "2026-03-02T08:00:00Z",
    "expected_at": "2026-03-02T08:00:00Z",
    "cancelled_at": None,
    "study_instance_uid": _STUDY["study_instance_uid"],
    "study": _STUDY["id"],
    "links": {
        "self": f"{_API}/orders/{_ID}/",
        "patient": _STUDY["links"]["patient"],
        "study": _STUDY["links"]["self"],
    },
}


@extend_schema_serializer(examples=[examples.answer(ORDER)])
class OrderSerializer(serializers.ModelSerializer[Order]):
    """One examination that somebody asked for, how far it has come, and the study that answers it."""

    clinic = serializers.UUIDField(source="clinic_id")
    patient = serializers.UUIDField(
        source="patient.in_use.pk", help_text="of records that were merged, the one that is in use"
    )
    status = serializers.ChoiceField(OrderStatus.choices)
    procedure_code = serializers.CharField(help_text="the ordering system's own; empty: not said")
    placed_by = serializers.CharField(source="placed_by.full_name", help_text="the ordering system, or a person")
    expected_at = serializers.DateTimeField(help_text="when it is scheduled, else when it was requested")
    study_instance_uid = serializers.CharField(help_text="that the ordering system gave; empty: none")
    study = serializers.UUIDField(
        source="study_id", allow_null=True, help_text="the study with its images; null: they are not here"
    )
    links = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = [
            *("id", "clinic", "patient", "status", "accession_number", "placer_number", "filler_number"),
            *("procedure_code", "procedure_description", "modality", "clinical_question", "referring_physician"),
            *("ward", "priority", "placed_by", "requested_at", "scheduled_at", "expected_at", "cancelled_at"),
            *("study_instance_uid", "study", "links"),
        ]

    def get_links(self, order: Order) -> dict[str, str]:
        study = {"study": address_of(self, "api:study", order.study_id)} if order.study_id else {}
        patient = address_of(self, "api:patient", order.patient.in_use.pk)
        return {**links(self, order, self="api:order"), "patient": patient, **study}
