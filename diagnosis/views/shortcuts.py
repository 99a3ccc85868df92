"""Who is asking, and in which clinic: what every clinical view starts with."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from django.contrib import messages
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from accounts.models import Clinic, Membership, User
from accounts.permissions import Permission
from audit.notes import note_object
from diagnosis.audited import note_row, patient_of
from diagnosis.errors import ConfidentialRecord, Refusal
from diagnosis.models import Deletion, EmergencyAccess
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.confidentiality import hides_any
from diagnosis.rules import deletions

P = ParamSpec("P")
M = TypeVar("M", bound=ClinicalModel)
R = TypeVar("R", bound=Model)


def person(request: HttpRequest) -> User:
    """The signed-in member of staff; strangers never get as far as a view."""
    return cast(User, request.user)


def membership(request: HttpRequest) -> Membership | None:
    # The middleware's lazy object is never None itself, but false when nothing is behind it.
    return cast(Membership, request.membership) if request.membership else None  # type: ignore[attr-defined]


def in_clinic(
    view: Callable[Concatenate[HttpRequest, Clinic, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Hand the current clinic to a view of that clinic's things; people without one get a page that says so."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if current := membership(request):
            return view(request, current.clinic, *args, **kwargs)
        return render(request, "diagnosis/clinic/none.html", status=403)

    return wrapped


def find(rows: ClinicalQuerySet[M], request: HttpRequest, pk: uuid.UUID) -> M:
    """One object that the person may see, or 404; 410 where it was deleted, ConfidentialRecord for one of a
    closed record of their clinic.

    The audit trail is told. In an emergency the page gets to know it, for its banner.
    """
    found = rows.visible_to(person(request)).with_emergency(person(request)).filter(pk=pk).first()
    if found is None:
        refuse_confidential(rows.model, person(request), pk)
        deletions.require_there(rows.model, pk, Deletion.objects.visible_to(person(request)))
        raise Http404
    if found.in_emergency:  # type: ignore[attr-defined]  # an annotation
        request.emergency = _emergency(person(request), found)  # type: ignore[attr-defined]
    return noted(found)


def refuse_confidential(kind: type[ClinicalModel], user: User, pk: uuid.UUID) -> None:
    """Raise ConfidentialRecord where the row is closed to `user` for that reason alone; the audit trail is told."""
    rows: ClinicalQuerySet[Any] = kind._default_manager.all()  # type: ignore[assignment]
    row = rows.in_clinics_of(user).filter(pk=pk).first()
    if row is not None and (patient := patient_of(row)) and hides_any(user, [patient]):
        note_object(row._meta.label_lower, row.pk, patient=patient)
        raise ConfidentialRecord(patient)


def _emergency(user: User, row: ClinicalModel) -> EmergencyAccess | None:
    return EmergencyAccess.objects.open().filter(person=user, patient=patient_of(row)).first()


def noted(row: R) -> R:
    """The same row, after the audit trail was told of it."""
    note_row(row)
    return row


def do_and_tell(request: HttpRequest, action: Callable[[], object], done: str) -> None:
    """Do it, and have the next page say that it is `done`, or why it was refused."""
    try:
        action()
    except Refusal as refusal:
        messages.warning(request, refusal.sentence)
    else:
        messages.success(request, done)


def rights(request: HttpRequest, clinic: Clinic) -> dict[str, bool]:
    """What the person may do there, by the permission's name in lower case; for templates."""
    held = person(request).permissions_in(clinic)
    return {permission.name.lower(): permission in held for permission in Permission}


def wants_fragment(request: HttpRequest) -> bool:
    """Whether a script asks for the changing part of the page alone."""
    return request.headers.get("X-Fragment") == "1"


def show(
    request: HttpRequest, template: str, fragment: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The whole page, or its `fragment` when a script asks for that; never the one where the other is expected."""
    partial = wants_fragment(request)
    response = render(request, fragment if partial else template, context, status=status)
    response.headers["Vary"] = "X-Fragment, Cookie"
    if partial:
        response.headers["Cache-Control"] = "no-store"
    return response
