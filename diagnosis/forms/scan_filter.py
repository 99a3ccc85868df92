from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from diagnosis.models import Patient, Scan
from diagnosis.models.scan import Modality
from diagnosis.states import AnalysisStatus


class ScanFilter(django_filters.FilterSet):
    """Narrows a list that carries `latest_status` (see views._scans.for_lists)."""

    q = django_filters.CharFilter(method="of_patient", label="Patient")
    modality = django_filters.ChoiceFilter(choices=Modality.choices, empty_label="Every modality")
    status = django_filters.ChoiceFilter(
        field_name="latest_status", choices=AnalysisStatus.choices, label="Analysis", empty_label="Every state"
    )

    class Meta:
        model = Scan
        fields: list[str] = []

    def of_patient(self, scans: QuerySet[Scan], name: str, value: str) -> QuerySet[Scan]:
        return scans.filter(patient__in=Patient.objects.search(value))
