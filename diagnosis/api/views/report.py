from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from audit.notes import note_event
from audit.vocabulary import Event
from diagnosis.api.files import PRIVATE
from diagnosis.api.filters import ReportFilter, StrictFilters
from diagnosis.api.scope import person, reports
from diagnosis.api.serializers.report import ReportSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.api.withholding import WithholdingPages
from diagnosis.models import Report
from diagnosis.reports.pdf import render_pdf
from diagnosis.reports.picture import pictures_of
from diagnosis.rules import blinding, corrections
from diagnosis.rules.confidentiality import require_open_report


class _ReportView(Strict, generics.GenericAPIView[Report]):
    serializer_class = ReportSerializer

    def get_queryset(self) -> QuerySet[Report]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn for nobody
            return Report.objects.none()
        return reports(self.request).select_related("study", "written_by", "corrects").prefetch_related("addenda")

    def get_object(self) -> Report:
        """Raises PermissionDenied with the reason while the person may still read the study, and NotAllowedNow for a
        report that was signed for another patient.
        """
        report: Any = super().get_object()
        if report.reading_hidden:
            raise PermissionDenied(gettext(blinding.READING_HIDDEN))
        require_open_report(person(self.request), report)
        corrections.require_of_its_patient(report)
        found: Report = report
        return found


class Reports(_ReportView, generics.ListAPIView[Report]):
    """The reports of your clinic, newest first."""

    pagination_class = WithholdingPages
    order = ("-written_at", "-id")
    filter_backends = [StrictFilters]
    filterset_class = ReportFilter

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        narrowed: Any = super().filter_queryset(queryset)
        shown: QuerySet[Any] = narrowed.filter(reading_hidden=False)
        return shown

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        """Without those that `get_object` refuses."""
        page: list[Report] | None = super().paginate_queryset(queryset)
        assert isinstance(self.paginator, WithholdingPages)
        return self.paginator.given(person(self.request), page or [], lambda report: report)

    @extend_schema(summary="List reports", responses={200: ReportSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """The ones that were written last first, without those of studies that you may still read yourself.

        A report that was signed for one patient, and whose images were given to another since, is not in `results`:
        `withheld` names it, and a person has to look at its page.
        """
        return self.list(request)


class OneReport(_ReportView, generics.RetrieveAPIView[Report]):
    """One report with its addenda."""

    @extend_schema(summary="Read a report", responses={200: ReportSerializer, **problems(403, 404, 409)})
    def get(self, request: Request, pk: str) -> Response:
        """One report with its addenda.

        Refused while you may still read the study yourself, and where it was signed for another patient than it stands
        with now.
        """
        return self.retrieve(request)


class Pdf(_ReportView):
    """A report on paper."""

    @extend_schema(
        summary="Fetch a report as PDF",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **problems(403, 404, 409)},
    )
    def get(self, request: Request, pk: str) -> HttpResponse:
        report = self.get_object()
        note_event(Event.EXPORT)
        address = reverse("diagnosis:report-verify", args=[report.verification_code], request=request)
        data = render_pdf(report, pictures=pictures_of(report), verification_url=address)
        name = f'attachment; filename="report-{report.verification_code}.pdf"'
        return HttpResponse(data, content_type="application/pdf", headers={"Content-Disposition": name, **PRIVATE})
