"""Lists of studies, each by the image that stands for it, with its latest analysis and headline, in a fixed number of
queries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from accounts.models import Clinic, User
from diagnosis.audited import note_rows
from diagnosis.forms.scan_filter import latest_in_state
from diagnosis.keyset import Count, count
from diagnosis.models import Analysis, CriticalResult, ReadingPolicy, Report, Scan, Study
from diagnosis.models.analysis import CLASSIFIERS_OFF, OPEN
from diagnosis.models.scan import ScanQuerySet
from diagnosis.results import words
from diagnosis.results.images import count_of, image_counts
from diagnosis.results.reading import being_read_among
from diagnosis.results.words import Computer, Headline
from diagnosis.rules import blinding
from diagnosis.states import AnalysisStatus

# As Study.taken_at says it.
_TAKEN = Coalesce("series__study__examined_at", "series__study__received_at")
# On the desk: rows of what needs a person, and how far the work is counted.
TROUBLED, MOST_COUNTED = 10, 99


@dataclass(frozen=True)
class Row:
    """A study as lists show it; `scan` is the image that stands for it."""

    scan: Scan
    analysis: Analysis | None
    headline: Headline

    earlier: tuple[tuple[Analysis, Computer], ...] = ()  # its other analyses, newest first
    report: Report | None = None
    images: int = 1  # of its study
    # On a patient's timeline alone: critical results, and the image of the examination before, of the same modality.
    criticals: tuple[CriticalResult, ...] = ()
    previous: UUID | None = None

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
    """How many of the clinic's studies need one, and the images that stand for those that came last.

    What the classifiers refused needs nobody once a radiologist has signed what it shows: trying again would end the
    same.
    """
    signed = Report.objects.filter(
        study=OuterRef("study"),
        entered_in_error=None,
        signed_at__gte=OuterRef("finished_at"),
    )
    failed = _in_state(user, clinic, [AnalysisStatus.FAILED]).exclude(failure_code=CLASSIFIERS_OFF)
    failed = failed.exclude(Exists(signed), failure_retryable=False)
    last = failed.order_by("-requested_at")[: MOST_COUNTED + 1]
    found = list(dict.fromkeys(last))
    newest = Scan.objects.representatives().filter(represented_study__in=found[:TROUBLED])
    return Count(min(len(found), MOST_COUNTED), len(found) > MOST_COUNTED), for_lists(newest)


def count_open(user: User, clinic: Clinic) -> Count:
    return count(_in_state(user, clinic, OPEN).distinct(), most=MOST_COUNTED)


def _in_state(user: User, clinic: Clinic, statuses: Iterable[str]) -> QuerySet[Analysis, UUID]:
    """The keys of the clinic's studies whose latest analysis is in one of `statuses`: a few of many."""
    return latest_in_state(statuses).visible_to(user).in_clinic(clinic).values_list("study", flat=True)


def with_headlines(scans: Iterable[Scan], user: User) -> list[Row]:
    """One row a scan; what `user` may not know yet is not in it."""
    found = list(scans)
    note_rows(Study, found)
    studies = [scan.study_id for scan in found]
    known = _Known(
        blinding.results_hidden_among(user, studies),
        blinding.readings_hidden_among(user, studies),
        being_read_among(studies),
        ReadingPolicy.among(scan.clinic_id for scan in found),
    )
    counts = image_counts(studies)
    return [replace(_row(scan, known), images=counts[scan.study_id]) for scan in found]


def report_of(scan: Scan, *, hidden: bool) -> Report | None:
    return None if hidden else scan.report


@dataclass(frozen=True)
class _Known:
    """What a list asks once for all its rows: keys of studies, and the policy of each clinic."""

    no_result: frozenset[UUID]
    no_reading: frozenset[UUID]
    being_read: frozenset[UUID]
    policies: dict[UUID, ReadingPolicy]


def _row(scan: Scan, known: _Known) -> Row:
    analyses = sorted(scan.seen_by, key=lambda analysis: -analysis.number)
    policy, hidden = known.policies[scan.clinic_id], scan.study_id in known.no_result
    report = report_of(scan, hidden=scan.study_id in known.no_reading)
    latest = analyses[0] if analyses else None
    headline = words.headline(
        analysis=latest,
        report=report,
        policy=policy,
        result_hidden=hidden,
        reading_hidden=scan.study_id in known.no_reading,
        being_read=scan.study_id in known.being_read,
    )
    earlier = tuple((one, words.computer(one, policy=policy, hidden=hidden)) for one in analyses[1:])
    return Row(scan, latest, headline, earlier, report)
