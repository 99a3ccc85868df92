from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import FileResponse, HttpResponse
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from audit.notes import note_event
from audit.vocabulary import Action, Event
from diagnosis.actions.analysis import rerun_analysis
from diagnosis.actions.receiving import Upload
from diagnosis.actions.scan import upload_scan
from diagnosis.api import conditional, uploads
from diagnosis.api.files import PRIVATE, stored_file
from diagnosis.api.idempotency import idempotent
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import patient_of_upload, person, readable, visible
from diagnosis.api.serializers.analysis import AnalysisSerializer
from diagnosis.api.serializers.request import request_of
from diagnosis.api.serializers.scan import (
    EncodedUploadSerializer,
    FileUploadSerializer,
    ScanSerializer,
    UploadedSerializer,
)
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.audited import note_row
from diagnosis.models import Scan
from diagnosis.models.scan import Modality, ScanQuerySet
from diagnosis.scans import rendition


def with_results(request: Request) -> ScanQuerySet:
    """The scans that the person may see, with the analyses whose results they may read."""
    scans = visible(Scan.objects.all(), request).select_related("uploaded_by", "series__study__representative")
    return scans.prefetch_related(_results(request))


def _results(request: Request) -> Prefetch[Any]:
    related = ("requested_by", "image", "ensemble_prediction")
    analyses = readable(request).select_related(*related).prefetch_related("predictions")
    return Prefetch("series__study__analyses", analyses.order_by("-number"))


class _ScanView(Strict, generics.GenericAPIView[Scan]):
    serializer_class = ScanSerializer

    def get_queryset(self) -> QuerySet[Scan]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn for nobody
            return Scan.objects.none()
        return with_results(self.request)


class Scans(_ScanView):
    """The scans of your clinic, newest first."""

    parser_classes = [MultiPartParser, uploads.EncodedFileParser]
    pagination_class = Pages
    order = ("-uploaded_at", "-id")
    filter_backends = [DjangoFilterBackend]
    filterset_fields = ["patient", "modality"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before authentication, whose CSRF check would read the body.
        uploads.refuse_oversized(request)
        super().initial(request, *args, **kwargs)

    @extend_schema(summary="List scans", responses={200: ScanSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """Newest first, each with its analyses."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Upload a scan",
        request={"multipart/form-data": FileUploadSerializer, "application/json": EncodedUploadSerializer},
        responses={
            201: UploadedSerializer,
            200: UploadedSerializer,
            **problems(403, 404, 409, 413, 422, 503, 507),
        },
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Upload a scan and queue its analysis. The same bytes again answer 200 with the earlier scan."""
        fields, data, name = _read(request)
        patient = patient_of_upload(request, fields["patient"])
        note_row(patient)
        note_event(Event.IMPORT, Action.CREATE)
        flags = {key: fields[key] for key in ("identity_confirmed", "urgent")}
        modality = Modality(fields["modality"]) if "modality" in fields else None
        upload = upload_scan(
            by=person(request),
            patient=patient,
            data=data,
            name=name,
            modality=modality,
            request=request_of(fields),
            **flags,
        )
        return self._uploaded(upload)

    def _uploaded(self, upload: Upload) -> Response:
        scan = upload.scan
        if upload.duplicate:
            scan = self.get_queryset().get(pk=scan.pk)
        else:  # whoever sent it sees it, and most of the time of a new upload would go into asking
            prefetch_related_objects([scan], _results(self.request))
        context = self.get_serializer_context()
        payload = UploadedSerializer(Upload(scan, upload.duplicate), context=context).data
        code = status.HTTP_200_OK if upload.duplicate else status.HTTP_201_CREATED
        return Response(payload, status=code, headers={"Location": payload["scan"]["links"]["self"]})


def _read(request: Request) -> tuple[dict[str, Any], bytes, str]:
    """The fields, the bytes and the name of an upload, whichever way it came."""
    if (request.content_type or "").startswith("multipart/"):
        form = FileUploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        return form.validated_data, uploads.read_file(file), file.name
    body = EncodedUploadSerializer(data=request.data)
    body.is_valid(raise_exception=True)
    return body.validated_data, uploads.decode_base64(body.validated_data["image"]), body.validated_data["name"]


class OneScan(_ScanView, generics.RetrieveAPIView[Scan]):
    """One scan with its analyses."""

    @extend_schema(summary="Read a scan", responses={200: ScanSerializer, **problems(404)})
    def get(self, request: Request, pk: str) -> Response:
        """One scan with its analyses, newest first."""
        return self.retrieve(request)


class Original(_ScanView):
    """The file as it was uploaded, unaltered."""

    @extend_schema(
        summary="Fetch the original file",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **problems(404)},
    )
    def get(self, request: Request, pk: str) -> FileResponse:
        scan = self.get_object()
        note_event(Event.EXPORT)
        with stored_file(scan.pk):
            file = scan.original.open("rb")
        kind = "application/octet-stream"
        headers = PRIVATE | conditional.of_file(scan.sha256, scan.uploaded_at.timestamp())
        return FileResponse(file, as_attachment=True, filename=scan.original_name, content_type=kind, headers=headers)


class Image(_ScanView):
    """The scan as a picture: 8-bit grey PNG, windowed, air black, at most 2048 pixels long."""

    @extend_schema(summary="Fetch the picture", responses={(200, "image/png"): OpenApiTypes.BINARY, **problems(404)})
    def get(self, request: Request, pk: str) -> HttpResponse:
        scan = self.get_object()
        note_event(Event.INSTANCES_ACCESSED)
        with stored_file(scan.pk):
            return HttpResponse(rendition.rendition(scan, rendition.FULL), content_type="image/png", headers=PRIVATE)


class Rerun(_ScanView):
    """New analyses of a scan."""

    @extend_schema(
        summary="Analyse a scan again",
        request=None,
        responses={201: AnalysisSerializer, **problems(403, 404, 409, 422)},
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Analyse again. Adds an analysis; the earlier ones stay as they are."""
        analysis = rerun_analysis(by=person(request), study=self.get_object().study)
        analysis = readable(request).get(pk=analysis.pk)
        payload = AnalysisSerializer(analysis, context=self.get_serializer_context()).data
        return Response(payload, status=status.HTTP_201_CREATED, headers={"Location": payload["links"]["self"]})
