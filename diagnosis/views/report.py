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
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import Permission, require
from audit.notes import note_event
from audit.vocabulary import Event
from diagnosis.actions.report import add_addendum, revise_report, sign_report
from diagnosis.actions.report_correction import correct_report, enter_in_error
from diagnosis.errors import Refusal
from diagnosis.forms.report import (
    AddendumForm,
    AuthoriseForm,
    CorrectReportForm,
    EnterInErrorForm,
    ReturnForm,
    ReviseReportForm,
    SignReportForm,
    WithoutWords,
    choices_of,
)
from diagnosis.models import Report
from diagnosis.reports import seals
from diagnosis.reports.drafted import drafted
from diagnosis.reports.key_images import key_images
from diagnosis.reports.key_images import picture as picture_of_key_image
from diagnosis.reports.pdf import render_pdf
from diagnosis.reports.pdf.content import printed
from diagnosis.reports.picture import pictures_of
from diagnosis.rules import blinding, corrections, policies
from diagnosis.rules.confidentiality import require_open_report
from diagnosis.views.review.unsigned import unsigned
from diagnosis.views.shortcuts import find, noted, person, rights
from diagnosis.views.signing import proof_of, proven

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

REDIRECT = 302
AT_PASSWORD = ("wrong_password", "too_many_tries", "proof_needed", "confirmation_needed")


@never_cache
@require_safe
def detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _page(request, _find(request, pk))


@require_POST
def revise(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    form, done = ReviseReportForm(request.POST), _("The preliminary report has been changed.")
    return carry_out(request, pk, "revise_form", form, revise_report, done, needs=Permission.REVIEW_SCAN, signs=False)


@sensitive_post_parameters("password")
@require_POST
def sign(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    form = SignReportForm(request.POST)
    done = carry_out(request, pk, "sign_form", form, sign_report, _("The report is signed and final."))
    following = unsigned(person(request)).first() if "go_on" in request.POST and done.status_code == REDIRECT else None
    return redirect("diagnosis:report-detail", pk=following.pk) if following else done


@sensitive_post_parameters("password")
@require_POST
def addendum(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    form = AddendumForm(request.POST)
    return carry_out(
        request, pk, "addendum_form", form, add_addendum, _("The addendum is signed and is now part of the report.")
    )


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Write and sign a corrected version of a final report."""
    report = _find(request, pk)
    require(person(request), Permission.SIGN_REPORT, report.study.clinic)
    form = CorrectReportForm(request.POST or None, initial=_initial(report) | {"category": report.category})
    if request.method == "POST" and form.is_valid():
        try:
            version = correct_report(by=person(request), report=report, **_proven_words(request, form))
        except Refusal as refusal:
            _say_at(form, refusal)
        else:
            messages.success(request, gettext("The corrected report is signed. The one before it stays as it was."))
            return redirect("diagnosis:report-detail", pk=version.pk)
    context = {
        "report": report,
        "patient": report.scan.patient,
        "form": form,
        "proven": proven(request),
        "blocked_reason": policies.correct_blocked_reason(report),
    }
    return render(request, "diagnosis/report/correct.html", context, status=400 if form.errors else 200)


@sensitive_post_parameters("password")
@require_POST
def enter_error(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Say that a final report should never have been."""
    form = EnterInErrorForm(request.POST)
    return carry_out(request, pk, "error_form", form, enter_in_error, _("The report is marked as entered in error."))


@never_cache
@require_safe
def pdf(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    report = _find(request, pk)
    note_event(Event.EXPORT)
    data = render_pdf(report, pictures=pictures_of(report), verification_url=_verification_url(request, report))
    name = f"report-{report.verification_code}.pdf"
    return HttpResponse(
        data, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'}
    )


@require_safe
def key_image(request: HttpRequest, pk: uuid.UUID, place: int) -> HttpResponse:
    """The picture of one key image, with the window and the measurements of its reader."""
    report = _find(request, pk)
    note_event(Event.INSTANCES_ACCESSED)
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
    report = Report.objects.filter(verification_code=code, signed_at__isnull=False).select_related("study").first()
    if report:
        noted(report)
    context = {"report": report, "proof": seals.proof(report) if report else None}
    return render(request, "diagnosis/report/verify.html", context, status=200 if report else 404)


def _find(request: HttpRequest, pk: uuid.UUID) -> Report:
    related = ("study__patient", "study__clinic", "study__representative__series", "image__series")
    also = ("review__reader", "written_by", "corrects", "corrected_by", "entered_in_error")
    rows = Report.objects.select_related(*related, *also)
    report = find(rows.prefetch_related("addenda"), request, pk)
    require(person(request), Permission.VIEW_RESULT, report.scan.clinic)
    if blinding.hides_reading(person(request), report.study_id):
        raise PermissionDenied(gettext(blinding.READING_HIDDEN))
    require_open_report(person(request), report)
    return report


def _page(request: HttpRequest, report: Report, *, status: int = 200, **forms_in_error: forms.Form) -> HttpResponse:
    by = person(request)
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
        "amend_blocked_reason": policies.amend_blocked_reason(report),
        "is_own": report.reading.reader_id == by.pk,
        "hand_over_blocked_reason": policies.hand_over_blocked_reason(report, by=by),
        "authorise_blocked_reason": policies.authorise_blocked_reason(report),
        "drafted": drafted(report),
        "waiting_to_sign": unsigned(by).exclude(pk=report.pk).count() if not report.is_final else 0,
        "proven": proven(request),
        "proof": seals.proof(report) if report.is_final else None,
        "verification_url": _verification_url(request, report),
        "revise_form": ReviseReportForm(initial=_initial(report)),
        "sign_form": SignReportForm(),
        "hand_over_form": WithoutWords(),
        "authorise_form": AuthoriseForm(initial=_initial(report) | _as_shown(report), auto_id="id_authorise_%s"),
        "return_form": ReturnForm(initial=_as_shown(report), auto_id="id_return_%s"),
        "addendum_form": AddendumForm(),
        "error_form": EnterInErrorForm(auto_id="id_error_%s"),
        **forms_in_error,
    }
    return render(request, "diagnosis/report/detail.html", context, status=status)


def carry_out(
    request: HttpRequest,
    pk: uuid.UUID,
    name: str,
    form: Any,
    action: Callable[..., object],
    done: StrOrPromise,
    *,
    needs: Permission = Permission.SIGN_REPORT,
    signs: bool = True,
) -> HttpResponse:
    """Do what the form asks and go back to the report, or show it again with the sentence at the form called `name`."""
    report = _find(request, pk)
    if not form.is_valid():
        return _page(request, report, status=400, **{name: form})
    require(person(request), needs, report.study.clinic)
    try:
        words = _proven_words(request, form) if signs else form.words
        action(by=person(request), report=report, **words)
    except Refusal as refusal:
        _say_at(form, refusal)
        return _page(request, _find(request, pk), status=refusal.http_status, **{name: form})
    messages.success(request, str(done))
    return redirect("diagnosis:report-detail", pk=pk)


def _proven_words(request: HttpRequest, form: Any) -> dict[str, Any]:
    """What the form asks for, with the proof that its signature needs."""
    return form.words | {"proof": proof_of(request, form.cleaned_data["password"])}


def _say_at(form: forms.Form, refusal: Refusal) -> None:
    form.add_error("password" if refusal.code in AT_PASSWORD else None, refusal.sentence)


def _initial(report: Report) -> dict[str, Any]:
    words = {
        name: getattr(report, name) for name in ("indication", "technique", "comparison", "findings", "impression")
    }
    return words | choices_of(report.coded_findings)


def _as_shown(report: Report) -> dict[str, str]:
    return {"seen": report.handed_over_at.isoformat() if report.handed_over_at else ""}


def _verification_url(request: HttpRequest, report: Report) -> str:
    return request.build_absolute_uri(reverse("diagnosis:report-verify", args=[report.verification_code]))
