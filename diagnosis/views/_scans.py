"""Lists of scans, each with its latest analysis and verdict, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import Clinic, User
from diagnosis import blinding, verdict
from diagnosis.models import Analysis, Scan
from diagnosis.models.analysis import OPEN
from diagnosis.states import AnalysisStatus
from diagnosis.verdict import Verdict

NEEDS_A_PERSON = (AnalysisStatus.FAILED,)


@dataclass(frozen=True)
class Row:
    """A scan as lists show it."""

    scan: Scan
    analysis: Analysis | None
    verdict: Verdict

    hidden: bool = False  # from this person, who reads first

    @property
    def following(self) -> bool:
        """Whether the page should ask again."""
        return self.analysis is not None and not self.analysis.is_finished


def listed(user: User, clinic: Clinic) -> QuerySet[Scan]:
    """The clinic's scans that `user` may see, newest first, with the latest analysis's status."""
    return for_lists(Scan.objects.visible_to(user).in_clinic(clinic))


def for_lists(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    latest = Analysis.objects.filter(scan=OuterRef("pk")).order_by("-number")
    return (
        scans.annotate(latest_status=Subquery(latest.values("status")[:1]))
        .select_related("patient", "uploaded_by")
        .prefetch_related("analyses__predictions")
    )


def needing_a_person(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    return _in_state(scans, NEEDS_A_PERSON)


def still_open(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    return _in_state(scans, OPEN)


def _in_state(scans: QuerySet[Scan], statuses: Iterable[str]) -> QuerySet[Scan]:
    # As a dict: the type checker does not see the annotation.
    return scans.filter(**{"latest_status__in": list(statuses)})


def with_verdicts(scans: Iterable[Scan], user: User) -> list[Row]:
    """One row a scan; what `user` may not know yet is not in it."""
    found = list(scans)
    hidden = blinding.results_hidden_among(user, found)
    return [_row(scan, hidden=scan.pk in hidden) for scan in found]


def _row(scan: Scan, *, hidden: bool) -> Row:
    analysis = scan.latest_analysis
    return Row(scan, analysis, verdict.of_analysis(analysis, hidden=hidden), hidden)
