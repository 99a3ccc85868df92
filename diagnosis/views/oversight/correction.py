"""Put a scan with the right patient, join two records of one person, and undo either."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Clinic
from accounts.permissions import Permission
from audit.notes import note_list
from diagnosis import formats
from diagnosis.actions.correction import merge_patients, move_scans, undo_correction
from diagnosis.audited import note_rows
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.forms.correction import CorrectionForm, MoveForm
from diagnosis.models import Correction, Deletion, Patient, Report, Scan, Withdrawal
from diagnosis.rules import corrections
from diagnosis.states import ReportStatus
from diagnosis.views.oversight.scope import Scope, overseen, show
from diagnosis.views.shortcuts import noted, person

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

A_PAGE = 25
CANDIDATES = 15
WITHDRAWALS = 50
TAB = "oversight-corrections"
# Names, values, and whether two records of one person should agree on it: names and numbers often differ.
FIELDS: tuple[tuple[StrOrPromise, Callable[[Patient], Any], bool], ...] = (
    (gettext_lazy("Name"), lambda patient: patient.name, False),
    (gettext_lazy("Record number"), lambda patient: patient.medical_record_number, False),
    (gettext_lazy("Born"), lambda patient: patient.birth_date, True),
    (gettext_lazy("Sex"), lambda patient: patient.get_sex_display(), True),
)


@dataclass(frozen=True)
class Line:
    """One field of two records."""

    field: StrOrPromise
    source: Any
    target: Any
    should_agree: bool = False

    @property
    def differs(self) -> bool:
        return bool(self.source != self.target)

    @property
    def warns(self) -> bool:
        return self.differs and self.should_agree


@require_safe
@overseen
def index(request: HttpRequest, scope: Scope) -> HttpResponse:
    related = ("source", "target", "clinic", "made_by", "undone_by")
    page = Paginator(scope.corrections().select_related(*related), A_PAGE).get_page(request.GET.get("page"))
    rows = [(made, corrections.undo_blocked_reason(made)) for made in page]
    withdrawals = _withdrawals(scope)
    note_list("diagnosis.correction", _named(page, withdrawals))
    context = {"page": page, "rows": rows, "withdrawals": withdrawals}
    return show(request, scope, "corrections", _("Corrections"), context)


def _named(made: Iterable[Correction], withdrawals: Iterable[Withdrawal]) -> list[uuid.UUID]:
    """The patients on the page of corrections: a correction names two."""
    both = [key for one in made for key in (one.source_id, one.target_id)]
    return both + [one.study.patient_id for one in withdrawals]


def _withdrawals(scope: Scope) -> Iterable[Withdrawal]:
    """The newest; the study is found although it may be out of sight."""
    related = ("study__patient", "clinic", "made_by", "undone_by")
    deleted = Deletion.objects.confirmed().values("study")
    return scope.withdrawals().exclude(study__in=deleted).select_related(*related)[:WITHDRAWALS]


@require_http_methods(["GET", "POST"])
@overseen
def move(request: HttpRequest, scope: Scope, pk: uuid.UUID) -> HttpResponse:
    """Give a scan, and what else came with it, to another patient."""
    scan = noted(get_object_or_404(_scans(request).select_related("patient", "clinic", "series"), pk=pk))
    together = _same_examination(scan)
    target = _target(request, scan.patient)
    form = MoveForm(request.POST or None, initial={"scans": [one.pk for one in together]})
    form.fields["scans"].choices = [(one.pk, str(one)) for one in together]  # type: ignore[attr-defined]
    context = {"scan": scan, "together": together, "source": scan.patient, "what": "move"}
    if request.method == "POST" and target and form.is_valid():
        fields = form.cleaned_data
        return _attempt(
            request,
            scope,
            context | _beside(scan.patient, target) | {"form": form},
            lambda: move_scans(by=person(request), source=_confirmed(request, scan), target=target, **fields),
        )
    return _ask(request, scope, context | {"form": form}, scan.patient, target)


@require_http_methods(["GET", "POST"])
@overseen
def merge(request: HttpRequest, scope: Scope, pk: uuid.UUID) -> HttpResponse:
    """Join the record `pk` to another one, which stays in use."""
    source = noted(get_object_or_404(_patients(request), pk=pk))
    target = _target(request, source)
    form = CorrectionForm(request.POST or None)
    context = {"source": source, "what": "merge", "form": form}
    if request.method == "POST" and target and form.is_valid():
        reason = form.cleaned_data["reason"]
        return _attempt(
            request,
            scope,
            context | _beside(source, target),
            lambda: merge_patients(by=person(request), source=source, target=target, reason=reason),
        )
    return _ask(request, scope, context, source, target)


@require_POST
@overseen
def undo(request: HttpRequest, scope: Scope, pk: uuid.UUID) -> HttpResponse:
    made = noted(get_object_or_404(scope.corrections().select_related("source", "target", "clinic"), pk=pk))
    try:
        undo_correction(by=person(request), correction=made)
    except Refusal as refusal:
        return show(
            request, scope, "refused", _("Not undone"), {"refusal": refusal}, tab=TAB, status=refusal.http_status
        )
    messages.success(request, _("Undone. Everything is back with the patient it was with before."))
    return redirect("diagnosis:oversight-corrections")


def _attempt(
    request: HttpRequest, scope: Scope, context: dict[str, Any], act: Callable[[], Correction]
) -> HttpResponse:
    try:
        made = act()
    except Refusal as refusal:
        return _page(request, scope, context | {"refusal": refusal}, status=refusal.http_status)
    messages.success(
        request,
        _("Done. It is listed under Corrections, where it can be undone: %(correction)s.") % {"correction": made},
    )
    return redirect("diagnosis:patient-detail", pk=made.target_id)


def _ask(
    request: HttpRequest, scope: Scope, context: dict[str, Any], source: Patient, target: Patient | None
) -> HttpResponse:
    """Search for the other patient, or show both records when one is chosen."""
    if target:
        return _page(request, scope, context | _beside(source, target), status=422 if request.method == "POST" else 200)
    sought = request.GET.get("q", "").strip()[:100]
    others = _patients(request).filter(clinic=source.clinic_id).exclude(pk=source.pk)
    found = list(others.search(sought)[:CANDIDATES]) if sought else []
    if found:
        note_rows(Patient, found)
    return _page(request, scope, context | {"q": sought, "found": found})


def _page(request: HttpRequest, scope: Scope, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    heading = _("Move to the right patient") if context["what"] == "move" else _("Merge two records")
    return show(request, scope, "correction", heading, context, tab=TAB, status=status)


def _beside(source: Patient, target: Patient) -> dict[str, Any]:
    lines = [Line(field, of(source), of(target), agree) for field, of, agree in FIELDS]
    of_source, of_target = (
        patient.scans.aggregate(n=Count("pk"), last=Max("uploaded_at")) for patient in (source, target)
    )
    lines.append(Line(_("Scans"), of_source["n"], of_target["n"]))
    lines.append(Line(_("Latest upload"), _moment(of_source["last"]), _moment(of_target["last"])))
    signed = Report.objects.filter(study__patient=source, status=ReportStatus.FINAL)
    return {"target": target, "lines": lines, "warned": any(line.warns for line in lines), "signed": signed.count()}


def _moment(at: datetime | None) -> str:
    return formats.moment(at) if at else _("none")


def _target(request: HttpRequest, source: Patient) -> Patient | None:
    asked = request.POST.get("target") or request.GET.get("target")
    if not asked:
        return None
    try:
        key = uuid.UUID(asked)
    except ValueError:
        return None
    return noted(get_object_or_404(_patients(request).filter(clinic=source.clinic_id), pk=key))


def _confirmed(request: HttpRequest, scan: Scan) -> Patient:
    """The patient whom the person saw beside the scan; refused when it is another one by now."""
    if request.POST.get("source") != str(scan.patient_id):
        raise NotAllowedNow("changed_meanwhile", corrections.CHANGED_MEANWHILE)
    return scan.patient


def _same_examination(scan: Scan) -> list[Scan]:
    """The scan, and the other images of its study."""
    return [scan, *Scan.objects.filter(series__study=scan.study_id).exclude(pk=scan.pk).order_by("uploaded_at", "pk")]


def _managed(request: HttpRequest) -> list[uuid.UUID]:
    clinics = Clinic.objects.where(person(request), Permission.MANAGE_CLINIC).values_list("pk", flat=True)
    if not clinics:
        raise PermissionDenied(_("Only an administrator of the clinic may move scans or merge records."))
    return list(clinics)


def _scans(request: HttpRequest) -> Any:
    return Scan.objects.filter(clinic__in=_managed(request)).without_hidden(person(request))


def _patients(request: HttpRequest) -> Any:
    found = Patient.objects.current().filter(clinic__in=_managed(request)).without_hidden(person(request))
    return found.select_related("clinic")
