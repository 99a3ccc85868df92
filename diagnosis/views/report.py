from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import Permission, require
from diagnosis.actions.report import add_addendum, revise_report, sign_report
from diagnosis.errors import Refusal
from diagnosis.forms.report import AddendumForm, ReviseReportForm, SignReportForm
from diagnosis.models import Report
from diagnosis.reports import content as report_content
from diagnosis.reports.key_images import key_images
from diagnosis.reports.key_images import picture as picture_of_key_image
from diagnosis.reports.pdf import render_pdf
from diagnosis.reports.pdf.content import printed
from diagnosis.reports.picture import picture_of
from diagnosis.rules import blinding, corrections, policies
from diagnosis.views.shortcuts import find, person, rights

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@never_cache
@require_safe
def detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _page(request, _find(request, pk))


@require_POST
def revise(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    form = ReviseReportForm(request.POST)
    return _carry_out(request, pk, "revise_form", form, revise_report, _("The preliminary report has been changed."))


@sensitive_post_parameters("password")
@require_POST
def sign(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    form = SignReportForm(request.POST)
    return _carry_out(request, pk, "sign_form", form, sign_report, _("The report is signed and final."))


@sensitive_post_parameters("password")
@require_POST
def addendum(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    form = AddendumForm(request.POST)
    return _carry_out(
        request, pk, "addendum_form", form, add_addendum, _("The addendum is signed and is now part of the report.")
    )


@never_cache
@require_safe
def pdf(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    report = _find(request, pk)
    data = render_pdf(report, picture=picture_of(report), verification_url=_verification_url(request, report))
    name = f"report-{report.verification_code}.pdf"
    return HttpResponse(
        data, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'}
    )


@require_safe
def key_image(request: HttpRequest, pk: uuid.UUID, place: int) -> HttpResponse:
    """The picture of one key image, with the window and the measurements of its reader."""
    report = _find(request, pk)
    shown = next((one for one in key_images(report) if one.place == place), None)
    data = picture_of_key_image(shown) if shown else None
    if data is None:
        raise Http404("there is no such key image, or its file cannot be read")
    return HttpResponse(data, content_type="image/png", headers={"Cache-Control": "private, no-store"})


@login_not_required
@never_cache
@require_safe
def verify(request: HttpRequest, code: str) -> HttpResponse:
    """For whoever holds a printed report: is it signed, and with which hash? Says nothing about the patient."""
    report = Report.objects.filter(verification_code=code, signed_at__isnull=False).first()
    context = {"report": report, "intact": report is not None and report_content.is_intact(report)}
    return render(request, "diagnosis/report/verify.html", context, status=200 if report else 404)


def _find(request: HttpRequest, pk: uuid.UUID) -> Report:
    related = ("study__patient", "study__clinic", "study__representative__series", "image__series")
    rows = Report.objects.select_related(*related, "review__reader", "written_by")
    report = find(rows.prefetch_related("addenda"), request, pk)
    require(person(request), Permission.VIEW_RESULT, report.scan.clinic)
    if blinding.hides_reading(person(request), report.study_id):
        raise PermissionDenied(gettext(blinding.READING_HIDDEN))
    return report


def _page(request: HttpRequest, report: Report, *, status: int = 200, **forms_in_error: forms.Form) -> HttpResponse:
    by = person(request)
    words = {"findings": report.findings, "impression": report.impression}
    context: dict[str, Any] = {
        "report": report,
        "scan": report.scan,
        "patient": report.scan.patient,
        "printed": printed(report),
        "key_images": key_images(report),
        "may": rights(request, report.scan.clinic),
        "sign_blocked_reason": policies.sign_blocked_reason(report, by=by),
        "revise_blocked_reason": policies.revise_blocked_reason(report, by=by),
        "second_opinion_blocked_reason": policies.second_opinion_blocked_reason(report.scan),
        "signed_under": corrections.signed_under(report),
        "intact": report.is_final and report_content.is_intact(report),
        "verification_url": _verification_url(request, report),
        "revise_form": ReviseReportForm(initial=words),
        "sign_form": SignReportForm(),
        "addendum_form": AddendumForm(),
        **forms_in_error,
    }
    return render(request, "diagnosis/report/detail.html", context, status=status)


def _carry_out(
    request: HttpRequest, pk: uuid.UUID, name: str, form: forms.Form, action: Callable[..., object], done: StrOrPromise
) -> HttpResponse:
    """Do what the form asks and go back to the report, or show it again with the sentence at the form called `name`."""
    report = _find(request, pk)
    if not form.is_valid():
        return _page(request, report, status=400, **{name: form})
    try:
        action(by=person(request), report=report, **form.cleaned_data)
    except Refusal as refusal:
        form.add_error("password" if refusal.code in ("wrong_password", "too_many_tries") else None, refusal.sentence)
        return _page(request, _find(request, pk), status=refusal.http_status, **{name: form})
    messages.success(request, str(done))
    return redirect("diagnosis:report-detail", pk=pk)


def _verification_url(request: HttpRequest, report: Report) -> str:
    return request.build_absolute_uri(reverse("diagnosis:report-verify", args=[report.verification_code]))
