"""WADO-RS: metadata, instances as they are stored, and frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from django.http import Http404, HttpResponse, HttpResponseBase
from django.utils.translation import gettext_noop
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request

from audit.notes import note_event
from audit.vocabulary import Event
from diagnosis.api.files import stored_file
from diagnosis.errors import Refusal
from diagnosis.models import Scan, Study
from diagnosis.scans import intake
from dicomweb import accepting, addresses
from dicomweb.attributes import Attributes
from dicomweb.metadata import metadata
from dicomweb.multipart import CHUNK_BYTES, Part, related
from dicomweb.selecting import at, listed
from dicomweb.views.base import DicomWebView, as_json
from dicomweb.views.store import store_instances
from ml.imaging.dicom import stated_transfer_syntax

# The file's head, in which its transfer syntax stands.
HEAD_BYTES = 4096
PIXELS = "7FE00010"
BAD_FRAMES = gettext_noop("“%(frames)s” is no list of frame numbers.")


class Metadata(DicomWebView):
    """Of a study, of a series or of an instance."""

    def get(self, request: Request, **uids: str) -> HttpResponse:
        accepting.json_type(request)
        found = at(request, **uids)
        studies = listed(request, found)
        return as_json(request, [_told(request, scan, studies.get(scan.pk)) for scan in found])


def _told(request: Request, scan: Scan, study: Study | None) -> Attributes:
    with stored_file(scan.pk):
        told = metadata(scan, study)
    frames = f"{addresses.of(request, *addresses.uids_of(scan))}/frames/1"
    return told | {PIXELS: {"vr": "OW", "BulkDataURI": frames}}


class Instances(DicomWebView):
    """The files of a study, of a series or of an instance, byte for byte as they came."""

    def get(self, request: Request, **uids: str) -> HttpResponseBase:
        accepted = accepting.takes_instances(request)
        found = at(request, **uids)
        note_event(Event.EXPORT)
        parts = [_whole(request, scan, accepted) for scan in found]
        return related(parts, kind=accepting.DICOM)


def _whole(request: Request, scan: Scan, accepted: Sequence[accepting.MediaRange]) -> Part:
    """Looked at before the answer begins: a file that is missing, or stored as the client does not take it."""
    with stored_file(scan.pk), scan.original.open("rb") as file:
        syntax, size = stated_transfer_syntax(file.read(HEAD_BYTES)), file.size
    if not accepting.takes_syntax(accepted, syntax):
        raise NotAcceptable
    kind = f"{accepting.DICOM}; transfer-syntax={syntax}" if syntax else accepting.DICOM
    return Part(kind, size, partial(_pieces, scan), addresses.of(request, *addresses.uids_of(scan)))


def _pieces(scan: Scan) -> Iterator[bytes]:
    with scan.original.open("rb") as file:
        yield from iter(partial(file.read, CHUNK_BYTES), b"")


class WholeStudy(Instances):
    """The files of a study, and where to send more of it."""

    def post(self, request: Request, study: str) -> HttpResponseBase:
        return store_instances(request, study)


class Frames(DicomWebView):
    """The one frame that an image here has, encoded as it is stored."""

    def get(self, request: Request, frames: str, **uids: str) -> HttpResponseBase:
        [scan] = at(request, **uids)
        require_frames(frames)
        with stored_file(scan.pk), scan.original.open("rb") as file:
            data = file.read()
        with intake.decoding() as decoder:
            frame = decoder.stored_frame(data, owner=str(scan.patient_id))
        kind = accepting.frame_type(request, frame.syntax)
        address = f"{addresses.of(request, *addresses.uids_of(scan))}/frames/1"
        content_type = f"{kind}; transfer-syntax={frame.syntax}"
        part = Part(content_type, len(frame.data), lambda: iter([frame.data]), address)
        return related([part], kind=kind)


def require_frames(stated: str) -> None:
    """Raises Refusal for what is no list of numbers, and Http404 for a frame beside the first."""
    numbers = stated.split(",")
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise Refusal("bad_frames", BAD_FRAMES, frames=stated[:64])
    if {int(number[:9]) for number in numbers} != {1}:
        raise Http404
