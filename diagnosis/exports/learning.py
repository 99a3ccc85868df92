"""Which images a clinic's signed reports label, for training: each image is taken, or left out for one reason.

An image is asked about once it belongs to a study with a signed report. What a reader thought after they had seen the
classifiers' result is told apart from what they thought before: a classifier that learns from the former learns itself.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Prefetch, Q

from accounts.models import Clinic, User
from diagnosis.exports.choice import held
from diagnosis.exports.labels import TRAIN, Label, label_of, protocol_of, signed_report
from diagnosis.models import Confidentiality, Deletion, FirstImpression, Report, Scan, Study
from diagnosis.models.modality import Modality
from diagnosis.models.review import Category, Decision, ImageQuality
from diagnosis.models.study import standing_among
from diagnosis.rules import blinding, confidentiality, records
from diagnosis.states import ReportStatus

STUDIES_AT_ONCE = 500


class Answered(StrEnum):
    """Whether a label was there before its reader saw the classifiers' result.

    BEFORE: committed as a first impression, and signed like that. CHANGED: signed is another category than the one
    committed. NO_RESULT: there was no result to see. AFTER: all else.
    """

    BEFORE = "before"
    CHANGED = "changed"
    NO_RESULT = "no-result"
    AFTER = "after"


BLIND = frozenset({Answered.BEFORE, Answered.NO_RESULT})


class Reason(StrEnum):
    """Why an image is left out; the first that holds."""

    DELETED = "deleted"
    WITHDRAWN = "taken back"
    CONFIDENTIAL = "confidential record"
    LEGAL_HOLD = "legal hold"
    REFUSED = "patient refuses"
    ENTERED_IN_ERROR = "report entered in error"
    NOT_SIGNED = "newer version not signed"
    BEING_READ = "reading hidden while another is open"
    CHANGED = "images changed since the signature"
    SLICE = "slice: the label is of the whole study"
    VIEW = "not a frontal view"
    NOT_CLASSIFIABLE = "no classifier is asked"
    QUALITY = "not readable, says the report"
    INDETERMINATE = "indeterminate"
    ATYPICAL = "atypical"
    OTHER_FINDING = "negative for pneumonia with another finding"
    AFTER_RESULT = "answered after the result was shown"
    SHARED = "the same picture of two patients"
    UNREADABLE = "file cannot be opened"
    TEXT = "text suspected in the picture"


_NO_LABEL: Mapping[str, Reason] = {Category.INDETERMINATE: Reason.INDETERMINATE, Category.ATYPICAL: Reason.ATYPICAL}


def _first(*reasons: tuple[Reason, object]) -> Reason | None:
    """The first that holds."""
    return next((reason for reason, holds in reasons if holds), None)


@dataclass(frozen=True)
class Wanted:
    """Reports signed from `since` on and before `until`; None: no bound. `refusing`: keys of patients who refuse."""

    since: datetime | None = None
    until: datetime | None = None
    only_blind: bool = False
    refusing: frozenset[UUID] = frozenset()

    def signed(self) -> Q:
        bounds = {"signed_at__gte": self.since, "signed_at__lt": self.until}
        return Q(status=ReportStatus.FINAL, **{name: bound for name, bound in bounds.items() if bound})

    def holds(self, moment: datetime) -> bool:
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


@dataclass(frozen=True)
class Example:
    """One image with its label; `first_impression` is the category committed before the result, or empty."""

    image: UUID
    patient: UUID
    study: UUID
    label: Label
    answered: Answered
    first_impression: str
    pixel_sha256: str


@dataclass
class Choice:
    examples: list[Example] = field(default_factory=list)
    left_out: Counter[Reason] = field(default_factory=Counter)


def choose(by: User, clinic: Clinic, wanted: Wanted) -> Choice:
    """Every image of a study of `clinic` with a report that was signed then, in one of both parts."""
    closed = Closed.now(wanted)
    choice = Choice()
    for studies in _studies(clinic, wanted):
        for image, verdict in _judged(studies, by, closed, wanted):
            if isinstance(verdict, Reason):
                choice.left_out[verdict] += 1
            else:
                choice.examples.append(_example(image, *verdict))
    _without_shared(choice)
    choice.examples.sort(key=lambda one: str(one.image))
    return choice


@dataclass(frozen=True)
class Closed:
    """Keys of patients of whom nothing leaves, on whichever of their records."""

    confidential: frozenset[UUID]
    held: frozenset[UUID]
    refusing: frozenset[UUID]

    @classmethod
    def now(cls, wanted: Wanted) -> Closed:
        marked = set(Confidentiality.objects.standing().values_list("patient", flat=True))
        return cls(
            frozenset(records.joined(marked)), frozenset(held()), frozenset(records.joined(set(wanted.refusing)))
        )

    def reason(self, patient: UUID) -> Reason | None:
        return _first(
            (Reason.CONFIDENTIAL, patient in self.confidential),
            (Reason.LEGAL_HOLD, patient in self.held),
            (Reason.REFUSED, patient in self.refusing),
        )


def _studies(clinic: Clinic, wanted: Wanted) -> Iterator[list[Study]]:
    reports = Report.objects.select_related("entered_in_error", "review", "corrects__review")
    signed = Report.objects.filter(wanted.signed(), study__clinic=clinic)
    found = Study.with_withdrawn.filter(pk__in=signed.order_by().values("study")).order_by("pk")
    rows = found.prefetch_related(Prefetch("reports", reports)).iterator(chunk_size=STUDIES_AT_ONCE)
    while some := list(itertools.islice(rows, STUDIES_AT_ONCE)):
        yield some


Verdict = Reason | tuple[Label, Answered, str]


def _judged(studies: list[Study], by: User, closed: Closed, wanted: Wanted) -> Iterator[tuple[Scan, Verdict]]:
    keys = [study.pk for study in studies]
    images: dict[UUID, list[Scan]] = defaultdict(list)
    for image in Scan.with_withdrawn.filter(series__study__in=keys).select_related("series").order_by("pk"):
        images[image.study_id].append(image)
    around = _Around.of(studies, by, closed)
    for study in studies:
        report = standing_among(study.reports.all())
        if report and report.signed_at and not wanted.holds(report.signed_at):
            # Its newest version is of another time, and stands there.
            continue
        reason = around.reason(study) or _changed(signed_report(study), images[study.pk])
        for image in images[study.pk]:
            yield image, _of_image(image, study, reason, around.first, wanted)


@dataclass(frozen=True)
class _Around:
    """What is asked once for many studies. `first`: (reading, reader) → category."""

    closed: Closed
    deleted: frozenset[UUID]
    being_read: frozenset[UUID]
    of_closed: frozenset[UUID]
    first: Mapping[tuple[UUID, UUID | None], str]

    @classmethod
    def of(cls, studies: list[Study], by: User, closed: Closed) -> _Around:
        keys = [study.pk for study in studies]
        reports = [report for study in studies if (report := signed_report(study))]
        return cls(
            closed,
            frozenset(Deletion.objects.confirmed().filter(study__in=keys).values_list("study", flat=True)),
            blinding.readings_hidden_among(by, keys),
            frozenset(confidentiality.closed_by(by, reports)),
            _first_impressions(reports),
        )

    def reason(self, study: Study) -> Reason | None:
        report = standing_among(study.reports.all())
        closed = self.closed.reason(study.patient_id)
        return _first(
            (Reason.DELETED, study.pk in self.deleted),
            (Reason.WITHDRAWN, study.withdrawal_id),
            *((reason, True) for reason in (closed,) if reason),
            (Reason.NOT_SIGNED, report is None or not report.is_final),
            (Reason.ENTERED_IN_ERROR, report and report.error),
            (Reason.CONFIDENTIAL, report and report.pk in self.of_closed),
            (Reason.BEING_READ, study.pk in self.being_read),
        )


def _first_impressions(reports: Collection[Report]) -> dict[tuple[UUID, UUID | None], str]:
    found = FirstImpression.objects.filter(review__in={report.reading_id for report in reports})
    return {
        (review, reader): category for review, reader, category in found.values_list("review", "reader", "category")
    }


def _changed(report: Report | None, images: Iterable[Scan]) -> Reason | None:
    """Where an image that was signed is not there any more, the label may have been of that one."""
    there = {str(image.pk) for image in images if not image.withdrawal_id}
    return Reason.CHANGED if report and not report.rests_on <= there else None


def _of_image(
    image: Scan,
    study: Study,
    reason: Reason | None,
    first: Mapping[tuple[UUID, UUID | None], str],
    wanted: Wanted,
) -> Verdict:
    report = signed_report(study)
    if reason or report is None:
        return reason or Reason.NOT_SIGNED
    label = label_of(image, report)
    if unfit := _unfit(image, report, label):
        return unfit
    committed = first.get((report.reading_id, report.reading.reader_id), "")
    answered = _answered(report, committed)
    if wanted.only_blind and answered not in BLIND:
        return Reason.AFTER_RESULT
    return label, answered, committed


def _unfit(image: Scan, report: Report, label: Label) -> Reason | None:
    return _first(
        (Reason.WITHDRAWN, image.withdrawal_id),
        (Reason.CHANGED, str(image.pk) not in report.rests_on),
        (Reason.SLICE, image.modality != Modality.CXR),
        (Reason.VIEW, protocol_of(image) != TRAIN),
        (Reason.NOT_CLASSIFIABLE, image.not_classified_code),
        (Reason.QUALITY, report.image_quality == ImageQuality.UNREADABLE),
        (_NO_LABEL.get(report.category, Reason.OTHER_FINDING), not label.label),
    )


def _answered(report: Report, committed: str) -> Answered:
    reading = report.reading
    if committed:
        return Answered.BEFORE if committed == report.category else Answered.CHANGED
    is_unseen = reading.decision == Decision.NO_RESULT and reading.category == report.category
    return Answered.NO_RESULT if is_unseen else Answered.AFTER


def _example(image: Scan, label: Label, answered: Answered, committed: str) -> Example:
    return Example(
        image.pk, image.patient_id, image.study_id, label, answered, committed, image.pixel_sha256 or image.sha256
    )


def _without_shared(choice: Choice) -> None:
    """Nobody can say whose a picture is that two patients have, and no split could keep its copies together."""
    owners: dict[str, set[UUID]] = defaultdict(set)
    for one in choice.examples:
        owners[one.pixel_sha256].add(one.patient)
    kept = [one for one in choice.examples if len(owners[one.pixel_sha256]) == 1]
    if shared := len(choice.examples) - len(kept):
        choice.left_out[Reason.SHARED] += shared
    choice.examples = kept
