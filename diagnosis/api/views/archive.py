from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from audit.notes import note_event
from audit.vocabulary import Action, Event
from diagnosis.actions.archive import MemberOutcome, upload_archive
from diagnosis.api import uploads
from diagnosis.api.idempotency import idempotent
from diagnosis.api.scope import patient_of_upload, person
from diagnosis.api.serializers.archive import ArchiveSerializer, ArchiveUploadSerializer
from diagnosis.api.serializers.request import request_of
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.audited import note_row
from diagnosis.models.scan import Modality
from diagnosis.scans.archives import LeftOut


class Archives(Strict, generics.GenericAPIView[Any]):
    """Many files in one request."""

    parser_classes = [MultiPartParser]
    serializer_class = ArchiveSerializer
    answers_within = timedelta(minutes=20)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before authentication, whose CSRF check would read the body.
        uploads.refuse_oversized_archive(request)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        summary="Upload a zip archive",
        request={"multipart/form-data": ArchiveUploadSerializer},
        responses={200: ArchiveSerializer, **problems(403, 404, 409, 413, 422)},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Upload every file of a zip archive, such as a patient's disc, and queue the analyses.

        The answer comes when all files are checked, some tenths of a second for each. A file that is refused does not
        stop the others. The same archive again adds nothing that is there, so it may be sent again after a lost
        connection.
        """
        form = ArchiveUploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        fields = form.validated_data
        patient = patient_of_upload(request, fields["patient"])
        note_row(patient)
        note_event(Event.IMPORT, Action.CREATE)
        archive = upload_archive(
            by=person(request),
            patient=patient,
            file=fields["file"],
            size=fields["file"].size,
            modality=Modality(fields["modality"]) if "modality" in fields else None,
            compared=fields.get("compared", ()),
            urgent=fields["urgent"],
            request=request_of(fields),
        )
        members = list(archive.outcomes)
        payload = {"members": members, **_counts(members)}
        return Response(ArchiveSerializer(payload, context=self.get_serializer_context()).data)


def _counts(members: Iterable[MemberOutcome]) -> dict[str, int]:
    counted = Counter(_kind(member) for member in members)
    return {kind: counted[kind] for kind in ("accepted", "duplicates", "left_out", "refused")}


def _kind(member: MemberOutcome) -> str:
    if member.upload:
        return "duplicates" if member.upload.duplicate else "accepted"
    return "left_out" if isinstance(member.refusal, LeftOut) else "refused"
