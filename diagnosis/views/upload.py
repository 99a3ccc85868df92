"""Take files for a patient: one at a time with JSON answers for the script, many at once as a plain form without it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, require
from diagnosis.forms.upload import UploadForm
from diagnosis.models import Patient
from diagnosis.views import upload_outcome
from diagnosis.views.shortcuts import find, person, rights

# A plain form may bring several files; beyond this many bytes it is turned away unread.
LARGEST_FORM = 8 * settings.UPLOAD_MAX_BYTES
_DRAIN_STEP, _DRAIN_AT_MOST = 2**20, 2**28


@csrf_exempt  # the check reads the body; `_receive` makes it once the body is known to be bearable
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_FORM:
        _drain(request)
        return _turned_away(request, _form_too_large())
    try:
        return _receive(request, pk)
    except TooManyFilesSent:
        return _turned_away(request, _too_many_files())


@csrf_protect
def _receive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    patient = find(Patient.objects.select_related("clinic"), request, pk)
    require(person(request), Permission.UPLOAD_SCAN, patient.clinic)
    if request.method == "GET" and patient.merged_into_id:
        return redirect("diagnosis:patient-detail", pk=patient.pk)
    if request.method == "GET":
        return _page(request, patient, UploadForm())
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _wrong(request, patient, form)
    files = form.cleaned_data.pop("files")
    sender = upload_outcome.Sender(by=person(request), patient=patient, **form.cleaned_data)
    outcomes = [sender.send(file) for file in files]
    if _wants_json(request):
        return JsonResponse(outcomes[0].payload, status=outcomes[0].http_status)
    return render(
        request,
        "diagnosis/scan/outcomes.html",
        {"patient": patient, "outcomes": outcomes, "sender": sender},
        status=max(outcome.http_status for outcome in outcomes),
    )


def _page(request: HttpRequest, patient: Patient, form: UploadForm, *, status: int = 200) -> HttpResponse:
    context = {"patient": patient, "upload": form, "may": rights(request, patient.clinic)}
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
