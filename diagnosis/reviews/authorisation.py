"""Which drafts wait for somebody who signs, and which a person has still to hand over."""

from __future__ import annotations

from django.db.models import F, QuerySet

from accounts.models import Clinic, User
from accounts.permissions import Permission
from diagnosis.models import Report
from diagnosis.rules import blinding
from diagnosis.states import ReportStatus

SHOWN = ("study__patient", "study__representative__patient", "image__patient", "written_by", "returned_by")


def to_authorise(by: User) -> QuerySet[Report]:
    """What waits for somebody who signs, the oldest first; nothing that `by` must not read yet."""
    reports = Report.objects.handed_over().filter(study__clinic__in=Clinic.objects.where(by, Permission.SIGN_REPORT))
    reports = reports.without_hidden(by)
    hidden = blinding.hidden_readings(by).filter(pk__in=reports.values("study"))
    shown = reports.exclude(study__in=hidden).exclude(review__reader=by)
    return shown.select_related(*SHOWN).order_by("handed_over_at", "pk")


def own_drafts(by: User) -> QuerySet[Report]:
    """Their own that are not final, in clinics where others sign them; those still to be handed over first."""
    signing = Clinic.objects.where(by, Permission.SIGN_REPORT)
    own = Report.objects.visible_to(by).filter(status=ReportStatus.PRELIMINARY, review__reader=by)
    drafts = own.exclude(study__clinic__in=signing).select_related(*SHOWN)
    return drafts.order_by(F("handed_over_at").asc(nulls_first=True), "written_at")
