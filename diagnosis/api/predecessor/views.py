"""`POST /sendbase64` and `POST /upload`: an image of nobody goes in, and words about its result come out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from accounts.authentication import BasicTokenAuthentication
from audit.notes import note_event
from audit.vocabulary import Action, Event
from diagnosis.actions.unassigned import upload_unassigned
from diagnosis.api import errors, uploads
from diagnosis.api.files import PRIVATE
from diagnosis.api.predecessor import shape, waiting
from diagnosis.api.scope import clinic_of, person, readable
from diagnosis.api.serializers.analysis import AnalysisSerializer
from diagnosis.api.views.analysis import POLL_SECONDS
from diagnosis.audited import note_row
from diagnosis.models import Analysis, ReadingPolicy, Scan
from diagnosis.models.scan import Modality
from diagnosis.results import intended_use
from diagnosis.states import AnalysisStatus

STILL_AT_WORK = gettext_noop(
    "The image was stored and is being analysed. Send it again in a few seconds for the result, or ask %(address)s."
)
NO_ANALYSIS = gettext_noop("The image was stored. No classifier is asked about it; a person has to look at it.")
NOT_YOURS = gettext_noop("The image was stored. You may not read what the classifiers say of it.")
PICTURE_NEEDED = gettext_noop("There is no image in it. Send it as “pic”.")
UNKNOWN_MODALITY = gettext_noop("“modality” in the address is cxr or ct; without it the image is taken for an X-ray.")


class AnyJsonParser(uploads.EncodedFileParser):
    """The old system read a body as JSON whatever it was called; browsers call it a form."""

    media_type = "*/*"


class _Old(APIView):
    """Only tokens: no page calls these addresses, so no session has a say, nor a forged form of one."""

    authentication_classes = [BasicTokenAuthentication]
    content_negotiation_class = shape.NoChoice
    schema = None  # docs/manual/predecessor.md; new programs find nothing here that the API has not
    encoded = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        uploads.refuse_oversized(request, encoded=self.encoded)
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Any:
        return _refused

    def picture(self, request: Request) -> tuple[bytes, str]:
        """The bytes, and the name of their file."""
        raise NotImplementedError

    def post(self, request: Request) -> Response:
        data, name = self.picture(request)
        note_event(Event.IMPORT, Action.CREATE)
        upload = upload_unassigned(
            by=person(request), clinic=clinic_of(request), data=data, name=name, modality=_modality(request)
        )
        note_row(upload.scan)
        return _told(request, upload.scan)


class SendBase64(_Old):
    """`{"pic": "data:image/png;base64,…"}` → `{"percentage": "97.31% COVID", …}`."""

    parser_classes = [AnyJsonParser]
    renderer_classes = [JSONRenderer]
    encoded = True

    def picture(self, request: Request) -> tuple[bytes, str]:
        text = request.data.get("pic") if isinstance(request.data, dict) else None
        if not isinstance(text, str) or not text:
            raise ValidationError({"pic": [gettext(PICTURE_NEEDED)]})
        return uploads.decode_base64(text), "sendbase64"


class Upload(_Old):
    """multipart/form-data with the file `pic` → the same as lines of text."""

    parser_classes = [MultiPartParser]
    renderer_classes = [shape.TextRenderer]

    def picture(self, request: Request) -> tuple[bytes, str]:
        file = request.data.get("pic") if isinstance(request.data, dict) else None
        if not isinstance(file, UploadedFile):
            raise ValidationError({"pic": [gettext(PICTURE_NEEDED)]})
        return uploads.read_file(file), file.name or "upload"


_upload = Upload.as_view()


@csrf_exempt
@login_not_required
def upload(request: HttpRequest) -> HttpResponseBase:
    """A person who types the address means the page."""
    if request.method in ("GET", "HEAD"):
        return redirect("diagnosis:upload")
    return _upload(request)


def _modality(request: Request) -> Modality:
    """The old system knew X-rays alone; whoever changes its address may add `?modality=ct`."""
    try:
        return Modality(request.query_params.get("modality", Modality.CXR.value))
    except ValueError as error:
        raise ValidationError({"modality": [gettext(UNKNOWN_MODALITY)]}) from error


def _refused(error: Exception, context: dict[str, Any]) -> Response:
    answer = errors.handle(error, context)
    answer.data = shape.of_problem(answer.data)
    answer.content_type = None  # what the renderer says
    return answer


def _told(request: Request, scan: Scan) -> Response:
    scan_address = reverse("api:scan", args=[scan.pk], request=request)
    newest = scan.latest_analysis
    if newest is None:
        reason = scan.not_classified or gettext(NO_ANALYSIS)
        return _answer({"percentage": str(reason), "scan": scan_address})
    if not waiting.wait(newest.pk):
        return _accepted(request, newest, scan_address)
    related = ("study__clinic__reading_policy", "image", "requested_by", "ensemble_prediction")
    found = readable(request).select_related(*related).prefetch_related("predictions").filter(pk=newest.pk).first()
    if found is None:
        return _answer({"percentage": gettext(NOT_YOURS), "scan": scan_address})
    return _result(request, found, scan_address)


def _accepted(request: Request, analysis: Analysis, scan_address: str) -> Response:
    address = reverse("api:analysis", args=[analysis.pk], request=request)
    told = {"percentage": gettext(STILL_AT_WORK) % {"address": address}, "scan": scan_address, "status_url": address}
    answer = _answer(told, 202)
    answer["Location"], answer["Retry-After"] = address, str(POLL_SECONDS)
    return answer


def _result(request: Request, analysis: Analysis, scan_address: str) -> Response:
    whole = AnalysisSerializer(analysis, context={"request": request}).data
    policy = getattr(analysis.study.clinic, "reading_policy", None) or ReadingPolicy(clinic=analysis.study.clinic)
    words = shape.percentage(
        analysis, policy=policy, hidden=bool(whole["result_hidden"]), stopped=bool(whole["stopped"])
    )
    told = {
        "percentage": words,
        "verdict": whole["verdict"],
        "intended_use": intended_use.sentence(),
        "scan": scan_address,
        "analysis": whole,
    }
    return _answer(told, _status(analysis))


def _status(analysis: Analysis) -> int:
    if analysis.status != AnalysisStatus.FAILED:
        return 200
    return 503 if analysis.failure_retryable else 422


def _answer(told: dict[str, Any], code: int = 200) -> Response:
    return Response(told, status=code, headers=PRIVATE)
