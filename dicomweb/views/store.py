"""STOW-RS: images that a program sends."""

from __future__ import annotations

import json
from email.message import Message

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from accounts.permissions import Permission, require
from audit.notes import note_detail, note_event, note_object
from audit.record import address_of
from audit.vocabulary import Action, Event
from diagnosis.api.files import PRIVATE
from diagnosis.api.scope import clinic_of, person
from diagnosis.errors import Refusal
from diagnosis.scans import archives
from dicomweb.accepting import DICOM, RELATED, json_type
from dicomweb.parts import MOST_BOUNDARY, BadMultipart, parts
from dicomweb.storing import Batch, Outcome, entity_of
from network import tasks
from network.models import RemoteEntity

OFF = gettext_noop("This portal takes no images over DICOMweb. Whoever runs it can switch that on (DICOMWEB_STORE).")
CLOSED = gettext_noop("The administration has switched off what programs of this clinic send over DICOMweb.")
BAD_BODY = gettext_noop("The body is no multipart/related with a boundary, or its closing boundary is missing.")

# Of a client that comes through a socket without addresses.
NOWHERE = "0.0.0.0"  # noqa: S104  nothing listens there


class SwitchedOff(Refusal):
    http_status = 403


def store_instances(request: Request, study: str = "") -> HttpResponse:
    """Answers when everything that it names as stored is on the disk and in the index."""
    entity = _entity(request)
    archives.require_size(int(request.META.get("CONTENT_LENGTH") or 0))
    boundary = _boundary(request)
    accepted = json_type(request)
    note_event(Event.IMPORT, Action.CREATE)
    note_object(entity._meta.label_lower, entity.pk)
    outcome = Outcome()
    try:
        _receive(outcome, request._request, boundary, entity, study)
    finally:  # what is on the disk is told and sorted, whatever became of the rest of the body
        note_detail(stored=str(len(outcome.stored)), failed=str(len(outcome.failed)))
        if outcome.stored:
            tasks.wake()
    body = json.dumps(outcome.as_attributes())
    return HttpResponse(body, status=outcome.status, content_type=accepted, headers=PRIVATE)


def _receive(outcome: Outcome, request: HttpRequest, boundary: str, entity: RemoteEntity, study: str) -> None:
    """Raises Refusal where the body cannot be read to its end; what came before is stored, and in `outcome`."""
    batch = Batch(outcome, entity, study, address_of(request) or NOWHERE)
    try:
        for data in parts(request.read, boundary, most_bytes=settings.UPLOAD_MAX_BYTES):
            batch.add(data)
    except BadMultipart as error:
        raise Refusal("bad_multipart", BAD_BODY) from error
    finally:
        batch.store()
    if not (outcome.stored or outcome.failed):
        raise Refusal("bad_multipart", BAD_BODY)


def _entity(request: Request) -> RemoteEntity:
    if not settings.DICOMWEB_STORE:
        raise SwitchedOff("dicomweb_store_off", OFF)
    clinic = clinic_of(request)
    require(person(request), Permission.UPLOAD_SCAN, clinic)
    entity = entity_of(clinic)
    if not entity.is_active:
        raise SwitchedOff("entity_off", CLOSED)
    return entity


def _boundary(request: Request) -> str:
    """Raises UnsupportedMediaType for what is no multipart of DICOM files."""
    message = Message()
    message["Content-Type"] = (request.content_type or "").replace("\r", " ").replace("\n", " ")
    kind = message.get_param("type", DICOM)
    if message.get_content_type() != RELATED or str(kind).lower() != DICOM:
        raise UnsupportedMediaType(message.get_content_type())
    boundary = message.get_boundary("")
    if not 0 < len(boundary) <= MOST_BOUNDARY or not boundary.isascii():
        raise Refusal("bad_multipart", BAD_BODY)
    return boundary
