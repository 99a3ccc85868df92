"""Lists of scans, each with its latest analysis and verdict, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import Clinic, User
from diagnosis.forms.scan_filter import scans_in_state
from diagnosis.models import Analysis, Report, Scan
from diagnosis.models.analysis import OPEN
from diagnosis.models.scan import ScanQuerySet
from diagnosis.results import verdict
from diagnosis.results.verdict import Verdict
from diagnosis.rules import blinding
from diagnosis.states import AnalysisStatus

NEEDS_A_PERSON = (AnalysisStatus.FAILED,)


@dataclass(frozen=True)
class Row:
    """A scan as lists show it."""

    scan: Scan
    analysis: Analysis | None
    verdict: Verdict

    earlier: tuple[tuple[Analysis, Verdict], ...] = ()  # its other analyses, newest first
    report: Report | None = None

    @property
    def following(self) -> bool:
        """Whether the page should ask again."""
        return self.analysis is not None and not self.analysis.is_finished


def listed(user: User, clinic: Clinic) -> QuerySet[Scan]:
    """The images that stand for the clinic's studies that `user` may see, newest first."""
    return for_lists(Scan.objects.visible_to(user).in_clinic(clinic).representatives())


def for_lists(scans: ScanQuerySet) -> QuerySet[Scan]:
    """With all that a row shows."""
    return scans.with_studies().select_related("patient", "uploaded_by")


def needing_a_person(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    return scans_in_state(scans, NEEDS_A_PERSON)


def still_open(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    return scans_in_state(scans, OPEN)


def with_verdicts(scans: Iterable[Scan], user: User) -> list[Row]:
    """One row a scan; what `user` may not know yet is not in it."""
    found = list(scans)
    no_result = blinding.results_hidden_among(user, [scan.study_id for scan in found])
    no_report = blinding.readings_hidden_among(user, [scan.study_id for scan in found])
    return [_row(scan, no_result=scan.study_id in no_result, no_report=scan.study_id in no_report) for scan in found]


def report_of(scan: Scan, *, hidden: bool) -> Report | None:
    return None if hidden else scan.report


def _row(scan: Scan, *, no_result: bool, no_report: bool) -> Row:
    speaking = [one for one in scan.study.analyses.all() if one.image_id in (None, scan.pk)]
    analyses = sorted(speaking, key=lambda analysis: -analysis.number)
    verdicts = [(analysis, verdict.of_analysis(analysis, hidden=no_result)) for analysis in analyses]
    latest, verdict_of_latest = verdicts[0] if verdicts else (None, verdict.of_analysis(None))
    return Row(scan, latest, verdict_of_latest, tuple(verdicts[1:]), report_of(scan, hidden=no_report))
