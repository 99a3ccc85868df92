"""Lists of studies, each by the image that stands for it, with its latest analysis and verdict, in a fixed number of
queries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from accounts.models import Clinic, User
from diagnosis.forms.scan_filter import latest_in_state
from diagnosis.keyset import Count, count
from diagnosis.models import Analysis, Report, Scan, Study
from diagnosis.models.analysis import OPEN
from diagnosis.models.scan import ScanQuerySet
from diagnosis.results import verdict
from diagnosis.results.images import count_of, image_counts
from diagnosis.results.verdict import Verdict
from diagnosis.rules import blinding
from diagnosis.states import AnalysisStatus

# As Study.taken_at says it.
_TAKEN = Coalesce("series__study__examined_at", "series__study__received_at")
NEEDS_A_PERSON = (AnalysisStatus.FAILED,)
# On the desk: rows of what needs a person, and how far the work is counted.
TROUBLED, MOST_COUNTED = 10, 99


@dataclass(frozen=True)
class Row:
    """A study as lists show it; `scan` is the image that stands for it."""

    scan: Scan
    analysis: Analysis | None
    verdict: Verdict

    earlier: tuple[tuple[Analysis, Verdict], ...] = ()  # its other analyses, newest first
    report: Report | None = None
    images: int = 1  # of its study

    @property
    def study(self) -> Study:
        return self.scan.study

    @property
    def view(self) -> str:
        """The view of the only image."""
        return self.scan.view_position if self.images == 1 else ""

    @property
    def count_of_images(self) -> str:
        """ "60 images"; empty where there is one."""
        return count_of(self.images) if self.images > 1 else ""

    @property
    def report_is_behind(self) -> bool:
        """Whether images came after the signature of its report."""
        if self.report is None or self.report.image_id:
            return False
        return 0 < len(self.report.snapshot.get("images", ())) < self.images

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


def by_date(scans: ScanQuerySet) -> ScanQuerySet:
    """The latest examination first, whenever its files came in."""
    return scans.alias(taken=_TAKEN).order_by("-taken", "-pk")


def taken_before(study: Study) -> ScanQuerySet:
    """The images that stand for the same patient's examinations before `study`, the latest first."""
    others = Scan.objects.representatives().filter(patient=study.patient_id).exclude(represented_study=study.pk)
    return others.alias(taken=_TAKEN).filter(taken__lt=study.taken_at).order_by("-taken", "-pk")


def needing_a_person(user: User, clinic: Clinic) -> tuple[Count, QuerySet[Scan]]:
    """How many of the clinic's studies need one, and the images that stand for those that came last."""
    last = _in_state(user, clinic, NEEDS_A_PERSON).order_by("-requested_at")[: MOST_COUNTED + 1]
    found = list(dict.fromkeys(last))
    newest = Scan.objects.representatives().filter(represented_study__in=found[:TROUBLED])
    return Count(min(len(found), MOST_COUNTED), len(found) > MOST_COUNTED), for_lists(newest)


def count_open(user: User, clinic: Clinic) -> Count:
    return count(_in_state(user, clinic, OPEN).distinct(), most=MOST_COUNTED)


def _in_state(user: User, clinic: Clinic, statuses: Iterable[str]) -> QuerySet[Analysis, UUID]:
    """The keys of the clinic's studies whose latest analysis is in one of `statuses`: a few of many."""
    return latest_in_state(statuses).visible_to(user).in_clinic(clinic).values_list("study", flat=True)


def with_verdicts(scans: Iterable[Scan], user: User) -> list[Row]:
    """One row a scan; what `user` may not know yet is not in it."""
    found = list(scans)
    no_result = blinding.results_hidden_among(user, [scan.study_id for scan in found])
    no_report = blinding.readings_hidden_among(user, [scan.study_id for scan in found])
    counts = image_counts(scan.study_id for scan in found)
    rows = (_row(scan, no_result=scan.study_id in no_result, no_report=scan.study_id in no_report) for scan in found)
    return [replace(row, images=counts[row.scan.study_id]) for row in rows]


def report_of(scan: Scan, *, hidden: bool) -> Report | None:
    return None if hidden else scan.report


def _row(scan: Scan, *, no_result: bool, no_report: bool) -> Row:
    analyses = sorted(scan.seen_by, key=lambda analysis: -analysis.number)
    verdicts = [(analysis, verdict.of_analysis(analysis, hidden=no_result)) for analysis in analyses]
    latest, verdict_of_latest = verdicts[0] if verdicts else (None, verdict.of_analysis(None))
    return Row(scan, latest, verdict_of_latest, tuple(verdicts[1:]), report_of(scan, hidden=no_report))
