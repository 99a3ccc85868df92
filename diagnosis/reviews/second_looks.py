"""Which signed reports contradict their classifiers' result, and whom another reader's look at them bears out."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts.models import Clinic, User
from accounts.permissions import Permission
from diagnosis import keyset
from diagnosis.models import EnteredInError, Report, Review, SecondLook
from diagnosis.models.agreement import Agreement
from diagnosis.models.confidentiality import hides_any
from diagnosis.models.review import Category
from diagnosis.models.second_look import Outcome
from diagnosis.reviews import agreement
from diagnosis.states import ReportStatus

MOST_COUNTED = 99


def due_to(reader: User) -> QuerySet[Report]:
    """For those who sign: contradicted final reports that nobody took, without their own, the oldest reading first.

    Begins at the contradicted readings, which have an index in this order: they are a few of many.
    """
    # Keys, so that nobody looks through all contradicted reports for a person who signs nowhere.
    clinics = list(Clinic.objects.where(reader, Permission.SIGN_REPORT).values_list("pk", flat=True))
    own = Review.objects.filter(study=OuterRef("study"), reader=reader.pk)
    reports = Report.objects.filter(study__clinic__in=clinics, status=ReportStatus.FINAL)
    contradicted = reports.filter(review__agreement=Agreement.DIFFERS, review__analysis__isnull=False)
    # By the reading's key of the study: asked of the reports, PostgreSQL thinks half of them gone, and reads them all.
    contradicted = contradicted.without_hidden(reader, study="review__study")
    # A report that was corrected or entered in error has had its second look already. Each is asked of one report: of
    # joins to tables where most reports have no row PostgreSQL believes that hardly any report is left.
    done = (
        SecondLook.objects.filter(report=OuterRef("pk")),
        Report.objects.filter(corrects=OuterRef("pk")),
        EnteredInError.objects.filter(report=OuterRef("pk")),
    )
    due = contradicted.exclude(signed_by=reader).filter(~Exists(own), *(~Exists(one) for one in done))
    return due.order_by("review__decided_at", "review__pk")


def count_due_to(reader: User) -> keyset.Count:
    return keyset.count(due_to(reader), most=MOST_COUNTED)


@transaction.atomic
def give_back_unseen(patients: Iterable[UUID]) -> None:
    """Give back the open looks at these patients whose readers do not see the record any more, so that others may."""
    looks = SecondLook.objects.filter(report__study__patient__in=patients, decided_at=None)
    # Locked: one that is decided at this moment stays.
    for look in looks.select_related("reader", "report__study").select_for_update(of=("self",)):
        if hides_any(look.reader, [look.report.study.patient_id]):
            look.delete()


def outcome(report: Report, category: Category) -> Outcome:
    """Whom `category` bears out: the report, the result that it contradicts, or neither."""
    if category == report.category:
        return Outcome.REPORT
    analysis = report.reading.analysis
    assert analysis is not None  # nothing contradicts a report without a result
    agrees = agreement.between(analysis, category) == Agreement.AGREES
    return Outcome.CLASSIFIERS if agrees else Outcome.NEITHER


def counts(looks: QuerySet[SecondLook]) -> dict[str, int]:
    """How many are decided, by outcome, and how many of all need action."""
    by_outcome = {name: Count("pk", filter=Q(outcome=name)) for name in Outcome.values}
    decided = looks.filter(decided_at__isnull=False)
    return decided.aggregate(total=Count("pk"), acted=Count("pk", filter=Q(needs_action=True)), **by_outcome)
