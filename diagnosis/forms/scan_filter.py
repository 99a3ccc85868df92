from __future__ import annotations

from collections.abc import Iterable

import django_filters
from django.db.models import Exists, QuerySet
from django.utils.translation import gettext_lazy as _

from diagnosis.models import Analysis, Patient, Scan
from diagnosis.models.analysis import AnalysisQuerySet
from diagnosis.models.scan import Modality
from diagnosis.states import AnalysisStatus

# Studies in a state, up to which their keys are asked for: the database then begins at them, whatever it expects.
FEW = 5_000
FEW_PATIENTS = 500


class ScanFilter(django_filters.FilterSet):
    """Narrows a list of scans by patient, modality and the state of the latest analysis."""

    q = django_filters.CharFilter(method="of_patient", label=_("Patient"))
    modality = django_filters.ChoiceFilter(
        choices=Modality.choices, label=_("Modality"), empty_label=_("Every modality")
    )
    status = django_filters.ChoiceFilter(
        method="in_state", choices=AnalysisStatus.choices, label=_("Analysis"), empty_label=_("Every state")
    )

    class Meta:
        model = Scan
        fields: list[str] = []

    def of_patient(self, scans: QuerySet[Scan], name: str, value: str) -> QuerySet[Scan]:
        # The keys of a few, and not the search itself: the database would look for them among all scans by date.
        found = Patient.objects.search(value)
        few = list(found.order_by().values_list("pk", flat=True)[: FEW_PATIENTS + 1])
        return scans.filter(patient__in=few if len(few) <= FEW_PATIENTS else found)

    def in_state(self, scans: QuerySet[Scan], name: str, value: str) -> QuerySet[Scan]:
        return scans_in_state(scans, [value])


def latest_in_state(statuses: Iterable[str]) -> AnalysisQuerySet:
    """Those in one of `statuses` that no newer one of the same study has replaced."""
    return Analysis.objects.filter(~Exists(Analysis.objects.newer()), status__in=list(statuses))


def scans_in_state(scans: QuerySet[Scan], statuses: Iterable[str]) -> QuerySet[Scan]:
    """Those of `scans`, which stand for their studies, whose study's latest analysis is in one of `statuses`.

    Begins at the analyses: few have failed or are open, however many scans a clinic has. By the scans' own keys: with
    those of the studies PostgreSQL would read all scans, of which it thinks that half are confidential.
    """
    found = latest_in_state(statuses).order_by().values_list("study__representative", flat=True)
    few = list(found[: FEW + 1])
    return scans.filter(pk__in=few if len(few) <= FEW else found)
