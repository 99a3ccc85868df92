"""Which signed reports contradict their classifiers' result, and whom another reader's look at them bears out."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts.models import Clinic, User
from accounts.permissions import Permission
from diagnosis.models import Report, Review, SecondLook
from diagnosis.models.agreement import Agreement
from diagnosis.models.review import Category
from diagnosis.models.second_look import Outcome
from diagnosis.reviews import agreement
from diagnosis.states import ReportStatus


def due_to(reader: User) -> QuerySet[Report]:
    """For those who sign: contradicted final reports that nobody took, without `reader`'s own, the oldest first."""
    clinics = Clinic.objects.where(reader, Permission.SIGN_REPORT)
    own = Review.objects.filter(study=OuterRef("study"), reader=reader.pk)
    reports = Report.objects.filter(study__clinic__in=clinics, status=ReportStatus.FINAL, second_look=None)
    # A report that was corrected or entered in error has had its second look already.
    standing = reports.filter(corrected_by=None, entered_in_error=None)
    contradicted = standing.filter(review__agreement=Agreement.DIFFERS, review__analysis__isnull=False)
    return contradicted.exclude(Exists(own)).exclude(signed_by=reader).order_by("signed_at", "pk")


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
