"""Whose clinics, and over which time: what every page of the screen starts with."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from accounts.permissions import Permission, allowed, runs_site
from diagnosis.models import Analysis, Correction, Review, Scan, Withdrawal
from diagnosis.models.analysis import AnalysisQuerySet
from diagnosis.models.correction import CorrectionQuerySet
from diagnosis.models.review import ReviewQuerySet
from diagnosis.models.scan import ScanQuerySet
from diagnosis.models.withdrawal import WithdrawalQuerySet
from diagnosis.oversight import history, usage
from diagnosis.oversight.history import Month
from diagnosis.views.shortcuts import person

P = ParamSpec("P")
PERIODS = {"3": _("last 3 months"), "12": _("last 12 months"), "36": _("last 3 years")}
USUAL = "12"
ONLY_ADMINISTRATORS = _("These pages are for administrators of a clinic. Ask yours if you need a figure from them.")
PAGES = (
    ("oversight-overview", _("Overview")),
    ("oversight-jobs", _("Analyses")),
    ("oversight-reading", _("Reading")),
    ("oversight-agreement", _("Agreement")),
    ("oversight-classifiers", _("Classifiers")),
    ("oversight-work", _("Queue and storage")),
    ("oversight-corrections", _("Corrections")),
    ("oversight-deletions", _("Deletion")),
    ("oversight-deidentified", _("Export without names")),
    ("oversight-critical", _("Critical results")),
    ("oversight-access", _("Unusual looking")),
    ("oversight-emergency", _("Confidential records")),
)


@dataclass(frozen=True)
class Scope:
    """`clinics`: those the person oversees. `named`: those whose patients the person may see.

    No list names a confidential record that is not open to the person; figures count all of them.
    """

    clinics: tuple[Clinic, ...]
    named: frozenset[uuid.UUID]
    chosen: Clinic | None
    months: str
    user: User

    @property
    def managed(self) -> frozenset[uuid.UUID]:
        """Those that the person administers as a member: who runs the site alone looks after no records."""
        return frozenset(Clinic.objects.where(self.user, Permission.MANAGE_CLINIC).values_list("pk", flat=True))

    @property
    def keys(self) -> list[uuid.UUID]:
        """Of the clinics that are looked at now."""
        return [self.chosen.pk] if self.chosen else [clinic.pk for clinic in self.clinics]

    @cached_property
    def weeks(self) -> usage.Weeks:
        """What the classifiers answered in them, week by week; counted once for a page."""
        return usage.weekly(self.keys)

    @property
    def since(self) -> datetime:
        return history.since(int(self.months))

    @property
    def query(self) -> str:
        """The choice, for links."""
        return urlencode(({"clinic": self.chosen.pk} if self.chosen else {}) | {"months": self.months})

    def analyses(self) -> AnalysisQuerySet:
        return Analysis.objects.filter(study__clinic__in=self.keys)

    def listed_analyses(self) -> AnalysisQuerySet:
        return self.analyses().without_hidden(self.user)

    def reviews(self) -> ReviewQuerySet:
        return Review.objects.filter(clinic__in=self.keys)

    def listed_reviews(self) -> ReviewQuerySet:
        return self.reviews().without_hidden(self.user)

    def monthly(self) -> list[Month]:
        """The figures of the period, month by month."""
        return history.monthly(self.keys, self.since)

    def scans(self) -> ScanQuerySet:
        return Scan.objects.filter(clinic__in=self.keys)

    def corrections(self) -> CorrectionQuerySet:
        """Only of clinics whose patients the person may see: a correction names two of them."""
        return Correction.objects.filter(clinic__in=self.named.intersection(self.keys)).without_hidden(self.user)

    def withdrawals(self) -> WithdrawalQuerySet:
        """Only of clinics whose patients the person may see, as `corrections`."""
        return Withdrawal.objects.filter(clinic__in=self.named.intersection(self.keys)).without_hidden(self.user)


def overseen(
    view: Callable[Concatenate[HttpRequest, Scope, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Hand the scope to a view; 403 for people who administer nothing, 404 for a clinic that is not theirs."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(request, scope_of(request), *args, **kwargs)

    return wrapped


def scope_of(request: HttpRequest) -> Scope:
    user = person(request)
    managed = Clinic.objects.where(user, Permission.MANAGE_CLINIC)
    clinics = tuple(Clinic.objects.all() if runs_site(user) else managed)
    if not clinics:
        raise PermissionDenied(str(ONLY_ADMINISTRATORS))
    named = Clinic.objects.where(user, Permission.VIEW_PATIENT).values_list("pk", flat=True)
    months = request.GET.get("months", USUAL)
    return Scope(clinics, frozenset(named), _chosen(request, clinics), months if months in PERIODS else USUAL, user)


def _chosen(request: HttpRequest, clinics: tuple[Clinic, ...]) -> Clinic | None:
    asked = request.GET.get("clinic", "")
    if not asked:
        return clinics[0] if len(clinics) == 1 else None
    for clinic in clinics:
        if str(clinic.pk) == asked:
            return clinic
    raise Http404


def show(
    request: HttpRequest,
    scope: Scope,
    template: str,
    heading: str,
    context: dict[str, Any],
    *,
    tab: str = "",
    status: int = 200,
) -> HttpResponse:
    """A page of the screen: in the admin panel's shell for those who may open that, else in the portal's.

    `tab` is the name of the page's address, where it is not the template's.
    """
    tab = tab or f"oversight-{template}"
    common = {
        "scope": scope,
        "heading": heading,
        "shell": f"diagnosis/oversight/_{'admin' if request.user.is_staff else 'portal'}.html",
        "tabs": [(reverse(f"diagnosis:{name}"), label, name == tab) for name, label in PAGES],
        "periods": PERIODS,
        "is_first": tab == PAGES[0][0],
        "messages_url": _contact_messages(request),
        "settings_url": _settings(request, scope),
    }
    # The admin panel takes its title from here; in the portal a notice would take it for its own.
    panel = {**admin.site.each_context(request), "title": heading} if request.user.is_staff else {}
    return render(request, f"diagnosis/oversight/{template}.html", {**panel, **common, **context}, status=status)


def _settings(request: HttpRequest, scope: Scope) -> str:
    """Where the clinic shown sets how it reads and what it shows; empty where the person may not."""
    if scope.chosen is None or not allowed(person(request), Permission.MANAGE_CLINIC, scope.chosen):
        return ""
    return reverse("diagnosis:reading-policy")


def _contact_messages(request: HttpRequest) -> str:
    """Where contact messages are answered; empty where the person may not. The portal's model stays the portal's."""
    if not (request.user.is_staff and person(request).has_perm("portal.view_contactmessage")):
        return ""
    try:
        return reverse("admin:portal_contactmessage_changelist")
    except NoReverseMatch:
        return ""
