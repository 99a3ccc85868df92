"""Which rows and which clinic a request is about."""

from __future__ import annotations

from typing import Any, TypeVar, cast
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404
from django.utils.translation import gettext
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from accounts.models import ApiToken, Clinic, Membership, User
from accounts.models.membership import MembershipQuerySet
from accounts.permissions import Permission
from diagnosis import notifications
from diagnosis.errors import ConfidentialRecord
from diagnosis.models import Analysis, ImageResult, Patient, Report, Review
from diagnosis.models.analysis import AnalysisQuerySet
from diagnosis.models.base import ClinicalQuerySet
from diagnosis.models.image_result import ImageResultQuerySet
from diagnosis.models.notification import NotificationQuerySet
from diagnosis.models.report import ReportQuerySet
from diagnosis.models.review import ReviewQuerySet
from diagnosis.rules import blinding

Q = TypeVar("Q", bound=ClinicalQuerySet[Any])


def person(request: Request) -> User:
    """Who asks; the views' permission classes let nobody in unknown."""
    return cast(User, request.user)


def visible(rows: Q, request: Request) -> Q:
    """The rows that the person may see; through a token only those of the token's clinic."""
    seen = rows.visible_to(person(request))
    if isinstance(request.auth, ApiToken):
        return seen.in_clinic(request.auth.membership.clinic)
    return seen


def patient_of_upload(request: Request, pk: UUID) -> Patient:
    """Whom a file is sent for. A closed record is refused as what it is, so that the sender does not take the patient
    for a new one; the API opens none in an emergency.
    """
    found = visible(Patient.objects.all(), request)
    if patient := found.filter(pk=pk).first():
        return patient
    if Patient.objects.in_clinic(clinic_of(request)).in_clinics_of(person(request)).filter(pk=pk).exists():
        raise ConfidentialRecord(pk)
    raise Http404


def readable(request: Request) -> AnalysisQuerySet:
    """The analyses whose results the person may read; `result_hidden` where they read first and have not said yet."""
    clinics = Clinic.objects.where(person(request), Permission.VIEW_RESULT)
    hidden = hides_result(request, "study")
    analyses = Analysis.objects.filter(study__clinic__in=clinics).annotate(result_hidden=hidden)
    return visible(analyses.select_related("study__clinic__reading_policy"), request)


def hides_result(request: Request, study: str) -> Exists:
    """Of the rows of a query: whether the person may not see the result of the study that `study` leads to."""
    return Exists(blinding.hidden_results(person(request)).filter(pk=OuterRef(study)))


def readable_results(request: Request) -> ImageResultQuerySet:
    """What analyses say of single images, where the person may read it."""
    clinics = Clinic.objects.where(person(request), Permission.VIEW_RESULT)
    shown = ImageResult.objects.filter(~hides_result(request, "analysis__study"), analysis__study__clinic__in=clinics)
    return visible(shown, request)


def reviews(request: Request) -> ReviewQuerySet:
    """The readings of the clinics in which the person reads; `reading_hidden` where one may still be theirs to give."""
    clinics = Clinic.objects.where(person(request), Permission.REVIEW_SCAN)
    return visible(Review.objects.filter(clinic__in=clinics).annotate(reading_hidden=_hides_reading(request)), request)


def reports(request: Request) -> ReportQuerySet:
    """The reports of the clinics in which the person reads results; `reading_hidden` as for `reviews`."""
    clinics = Clinic.objects.where(person(request), Permission.VIEW_RESULT)
    found = Report.objects.filter(study__clinic__in=clinics).select_related("entered_in_error", "corrected_by")
    found = found.annotate(reading_hidden=_hides_reading(request))
    return visible(found, request)


def shown_reports(request: Request) -> ReportQuerySet:
    """Those of `reports` that the person may see now."""
    return reports(request).filter(~_hides_reading(request))


def _hides_reading(request: Request) -> Exists:
    return hides_reading(request, "study")


def hides_reading(request: Request, study: str) -> Exists:
    """Of the rows of a query: whether the person may not see the readings of the study that `study` leads to."""
    return Exists(blinding.hidden_readings(person(request)).filter(pk=OuterRef(study)))


def notices(request: Request) -> NotificationQuerySet:
    """What the page of notices shows the person; through a token only what is of the token's clinic."""
    own = notifications.own(person(request))
    if isinstance(request.auth, ApiToken):
        return own.in_clinic(request.auth.membership.clinic)
    return own


def people(request: Request) -> MembershipQuerySet:
    """Who works or worked in the clinics whose people the person manages; through a token only in the token's."""
    found = Membership.objects.filter(clinic__in=Clinic.objects.where(person(request), Permission.MANAGE_STAFF))
    if isinstance(request.auth, ApiToken):
        return found.filter(clinic=request.auth.membership.clinic)
    return found


def own_tokens(request: Request) -> QuerySet[ApiToken]:
    """The person's tokens; through a token only those of the same membership."""
    tokens = ApiToken.objects.visible_to(person(request))
    if isinstance(request.auth, ApiToken):
        return tokens.filter(membership=request.auth.membership)
    return tokens


def clinic_of(request: Request) -> Clinic:
    """The clinic in which the request works: the token's, or the one chosen in the session."""
    membership = getattr(request, "membership", None)  # from the token, else from the session
    if not membership:
        raise PermissionDenied(gettext("You do not work in any clinic yet. Ask an administrator to add you to one."))
    clinic: Clinic = membership.clinic
    return clinic
