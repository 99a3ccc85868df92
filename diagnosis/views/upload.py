"""Take files for a patient: one at a time with JSON answers for the script, many at once as a plain form without it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import tzinfo

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, require
from audit.notes import note_event
from audit.vocabulary import Action, Event
from diagnosis.actions.archive import ArchiveUpload
from diagnosis.errors import Refusal
from diagnosis.forms.upload import UploadForm
from diagnosis.models import Patient, ReadingPolicy
from diagnosis.rules.classifiers import closed_panels
from diagnosis.scans import archives
from diagnosis.views import upload_outcome
from diagnosis.views.shortcuts import find, person, rights
from diagnosis.views.upload_outcome import Sender

# A plain form may bring several files, or an archive; beyond this many bytes it is turned away unread.
LARGEST_FORM = max(8 * settings.UPLOAD_MAX_BYTES, settings.UPLOAD_MAX_ARCHIVE_BYTES + settings.UPLOAD_MAX_BYTES)
_DRAIN_STEP, _DRAIN_AT_MOST = 2**20, 2**28


@csrf_exempt  # the check reads the body; `_receive` makes it once the body is known to be bearable
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_FORM:
        _drain(request)
        return _turned_away(request, _form_too_large())
    try:
        return _receive(request, pk)
    except TooManyFilesSent:
        return _turned_away(request, _too_many_files())


@csrf_protect
def _receive(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    patient = find(Patient.objects.select_related("clinic"), request, pk)
    require(person(request), Permission.UPLOAD_SCAN, patient.clinic)
    if request.method == "GET" and patient.merged_into_id:
        return redirect("diagnosis:patient-detail", pk=patient.pk)
    if request.method == "GET":
        return _page(request, patient, UploadForm())
    note_event(Event.IMPORT, Action.CREATE)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _wrong(request, patient, form)
    files, fields = form.cleaned_data["files"], form.cleaned_data
    sender = upload_outcome.Sender(
        by=person(request),
        patient=patient,
        modality=fields["modality"],
        compared=fields["compared"],
        instead=fields["instead"],
        request=form.request,
        said={name: request.POST.get(name, "") for name in form.repeated},
    )
    return _answer(sender, files[0]) if _wants_json(request) else _report(request, sender, files)


def _report(request: HttpRequest, sender: Sender, files: list[UploadedFile]) -> HttpResponse:
    outcomes = sender.send_all(files)
    told = [outcome for outcome in outcomes if outcome.kind != "left_out"]
    left_out = [outcome.name for outcome in outcomes if outcome.kind == "left_out"]
    return render(
        request,
        "diagnosis/scan/outcomes.html",
        {"patient": sender.patient, "outcomes": told, "left_out": left_out, "sender": sender},
        status=max((outcome.http_status for outcome in told), default=422),
    )


def _answer(sender: Sender, file: UploadedFile) -> HttpResponseBase:
    """One file and its outcome; an archive and a line for each of its files, told as soon as it is known."""
    if not archives.is_archive(file):
        outcome = sender.send(file)
        return JsonResponse(outcome.payload, status=outcome.http_status)
    try:
        archive = sender.unpack(file)
    except Refusal as refusal:
        outcome = sender.of_refusal(refusal, file.name or "")
        return JsonResponse(outcome.payload, status=outcome.http_status)
    return StreamingHttpResponse(_lines(sender, archive), content_type="application/x-ndjson")


def _lines(sender: Sender, archive: ArchiveUpload) -> Iterator[str]:
    """JSON, a value a line: how many files, then their outcomes."""
    language, zone = translation.get_language(), timezone.get_current_timezone()

    def told() -> Iterator[str]:
        yield json.dumps({"total": archive.total}) + "\n"
        # Sent when the middleware that chose them has ended.
        while line := _in_locale(lambda: _next_line(sender, archive), language, zone):
            yield line

    return told()


def _in_locale(make: Callable[[], str], language: str, zone: tzinfo) -> str:
    with translation.override(language), timezone.override(zone):
        return make()


def _next_line(sender: Sender, archive: ArchiveUpload) -> str:
    """Uploads the next file; empty after the last."""
    member = next(archive.outcomes, None)
    return json.dumps(sender.of_member(member).payload) + "\n" if member else ""


def _page(request: HttpRequest, patient: Patient, form: UploadForm, *, status: int = 200) -> HttpResponse:
    context = {"patient": patient, "upload": form, "may": rights(request, patient.clinic)}
    context["asks_request"] = ReadingPolicy.of(patient.clinic).asks_request
    context["unanswered"] = closed_panels(patient.clinic_id)
    return render(request, "diagnosis/scan/upload.html", context, status=status)


def _wrong(request: HttpRequest, patient: Patient, form: UploadForm) -> HttpResponse:
    if _wants_json(request):
        sentence = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return JsonResponse(upload_outcome.refused("form", sentence), status=400)
    return _page(request, patient, form, status=400)


def _turned_away(request: HttpRequest, sentence: str) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse(upload_outcome.refused("too_much", sentence), status=413)
    return render(request, "diagnosis/scan/too_large.html", {"sentence": sentence}, status=413)


def _form_too_large() -> str:
    return _(
        "These files are larger together than the %(megabytes)d MB that are accepted at once. Upload fewer at a time."
    ) % {"megabytes": LARGEST_FORM // 2**20}


def _too_many_files() -> str:
    return _("These are more than the %(most)d files that are accepted at once. Upload fewer at a time.") % {
        "most": settings.DATA_UPLOAD_MAX_NUMBER_FILES
    }


def _drain(request: HttpRequest) -> None:
    """Read on for a while and forget: a connection closed too early shows the sender no answer at all."""
    read = 0
    while read < _DRAIN_AT_MOST and (chunk := request.read(_DRAIN_STEP)):
        read += len(chunk)


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"
