"""Confidential records: who may mark one and say who is named, and whether each of its examinations has a reader."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop

from accounts.models import Membership, User
from accounts.permissions import Permission, allowed, require
from diagnosis.errors import ConfidentialRecord, NotAllowedNow, Refusal
from diagnosis.models import (
    Confidentiality,
    Correction,
    CriticalResult,
    NamedPerson,
    Patient,
    Report,
    Review,
    SecondLook,
    Study,
)
from diagnosis.models.confidentiality import is_confidential
from diagnosis.models.review import OPEN
from diagnosis.rules.corrections import corrected_since
from diagnosis.rules.critical_results import may_acknowledge
from diagnosis.rules.records import joined_apart
from diagnosis.states import ReportStatus, ReviewStatus

SHORTEST_REASON = 10

REASON_NEEDED = gettext_noop(
    "Write why you open this record, in ten letters at least. The clinic’s administrators read it."
)
OPEN_ALREADY = gettext_noop("This record is open to you. Nothing was changed.")
ENDED_ALREADY = gettext_noop("This emergency access has ended already. Nothing was changed.")
STILL_OPEN = gettext_noop("This emergency access still lasts. Review it once it has ended. Nothing was changed.")
REVIEWED_ALREADY = gettext_noop("This emergency access was reviewed already. Nothing was changed.")
OWN_ACCESS = gettext_noop("Another administrator must review your own emergency access. Nothing was changed.")
NOT_CONFIDENTIAL = gettext_noop("This record is not confidential any more. Nothing was changed.")
MARKED_ALREADY = gettext_noop("This record is confidential already. Nothing was changed.")
LAST_NAMED = gettext_noop("Name somebody else first: at least one person must see the record. Nothing was changed.")
NOT_A_MEMBER = gettext_noop("That person may not view patients in this clinic. Choose another one.")
DIFFERENT = gettext_noop(
    "One of the two records is confidential and the other is not, so the names of one would become known, or images "
    "would disappear from view. Mark both as confidential first, or neither. Nothing was changed."
)


def may_keep(user: User, patient: Patient) -> bool:
    """Administrators; others who correct records, where this one is not confidential yet or they are named.

    An emergency access is not enough: it would make itself permanent.
    """
    held = user.permissions_in(patient.clinic)
    if Permission.MANAGE_CLINIC in held:
        return True
    if Permission.EDIT_PATIENT not in held:
        return False
    return not is_confidential(patient.pk) or NamedPerson.objects.filter(user=user, patient=patient).exists()


def require_keeper(user: User, patient: Patient) -> None:
    if not may_keep(user, patient):
        require(user, Permission.MANAGE_CLINIC, patient.clinic)


def require_reason(reason: str) -> str:
    """`reason` without blanks around it. Raises Refusal where it says too little."""
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refusal("reason_needed", REASON_NEEDED)
    return reason.strip()


def require_alike(first: Patient, second: Patient) -> None:
    """Raise unless both records are confidential, or neither."""
    if is_confidential(first.pk) != is_confidential(second.pk):
        raise NotAllowedNow("confidential_and_not", DIFFERENT)


def require_open_report(user: User, report: Report) -> None:
    """Raise ConfidentialRecord where a report was signed for a patient whose record is closed to `user`, and its images
    were given to this one since: what was signed names the other.

    The records are found by the corrections: a number may have been amended. Those that were merged are one record.
    """
    for closed in closed_by(user, [report]).values():
        raise ConfidentialRecord(closed)


def open_reports(user: User, reports: list[Report]) -> list[Report]:
    """Those of `reports` that `require_open_report` lets through. The queries do not grow with them; one where no
    closed record was corrected.
    """
    hidden = Confidentiality.objects.hidden_from(user).values("patient")
    if not Correction.objects.filter(Q(source__in=hidden) | Q(target__in=hidden)).exists():
        return reports
    closed = closed_by(user, reports)
    return [one for one in reports if one.pk not in closed]


def closed_by(user: User, reports: Collection[Report]) -> dict[uuid.UUID, uuid.UUID]:
    """By the key of a report that is closed so: the key of the closed record."""
    made = corrected_since(reports)
    if not made:
        return {}
    given = {key: {other for one in found for other in (one.source_id, one.target_id)} for key, found in made.items()}
    patients = {one.pk: one.study.patient_id for one in reports if one.pk in given}
    own = joined_apart(set(patients.values()))
    others = {key: records - own[patients[key]] for key, records in given.items()}
    hidden = Confidentiality.objects.hidden_from(user).filter(patient__in=set().union(*others.values()))
    closed = set(hidden.values_list("patient", flat=True))
    return {key: next(iter(found & closed)) for key, found in others.items() if found & closed}


def records(patient: uuid.UUID) -> Iterator[uuid.UUID]:
    """The keys of a person's record and of those merged into it, and into those."""
    merged = [patient]
    while merged:
        yield from merged
        merged = list(Patient.objects.filter(merged_into__in=merged).values_list("pk", flat=True))


def colleagues(patient: Patient) -> QuerySet[User]:
    """Who can be named: the members of the clinic who view patients, by name."""
    people = Membership.objects.people(Permission.VIEW_PATIENT, patient.clinic_id)
    return people.order_by("full_name", "email")


def named(patient: uuid.UUID) -> QuerySet[NamedPerson]:
    return NamedPerson.objects.filter(patient=patient).select_related("user", "named_by").order_by("user__full_name")


def at_work(patient: Patient) -> QuerySet[User]:
    """Who has work in hand that nobody else would finish: they are named with the mark, so that nothing is lost.

    Who reads or has an unsigned report, who must acknowledge a critical result, and who ordered what is not read yet.
    """
    reading = Review.objects.filter(study__patient=patient, status=ReviewStatus.CLAIMED).values("reader")
    drafts = Report.objects.filter(study__patient=patient, status=ReportStatus.PRELIMINARY).values("review__reader")
    looks = SecondLook.objects.filter(report__study__patient=patient, decided_at=None).values("reader")
    critical = CriticalResult.objects.open().filter(study__patient=patient)
    ordered = Study.objects.filter(patient=patient, reviews__status__in=OPEN, ordered_by__isnull=False)
    return colleagues(patient).filter(
        Q(pk__in=reading)
        | Q(pk__in=drafts)
        | Q(pk__in=looks)
        | Q(pk__in=critical.exclude(recipient=None).values("recipient"))
        | Q(pk__in=critical.exclude(escalate_to=None).values("escalate_to"))
        | Q(pk__in=ordered.values("ordered_by"))
    )


def kept(clinics: Iterable[uuid.UUID] | None = None) -> QuerySet[Patient]:
    """The confidential records in use, of these clinics or of all."""
    marked = Patient.objects.current().filter(pk__in=Confidentiality.objects.standing().values("patient"))
    return marked if clinics is None else marked.filter(clinic__in=list(clinics))


def waiting(patients: QuerySet[Patient]) -> QuerySet[Patient]:
    """Those of `patients` of whom an examination waits to be read, a report to be signed, or an escalated critical
    result to be acknowledged.
    """
    read = Review.objects.open().filter(study__patient=OuterRef("pk"), study__withdrawal=None)
    sign = Report.objects.filter(study__patient=OuterRef("pk"), status=ReportStatus.PRELIMINARY)
    hear = CriticalResult.objects.open().filter(study__patient=OuterRef("pk"), escalated_at__isnull=False)
    return patients.filter(Exists(read) | Exists(sign) | Exists(hear))


def lacks_reader(patient: Patient) -> bool:
    """Whether something of a confidential record waits that none of the named people may do."""
    return bool(lacking(patient))


def lacking(patient: Patient) -> list[datetime]:
    """Since when each case waits for a reading, each report for a signature, and each escalated critical result for an
    acknowledgement that none of the named people may give. Emergency access does not count: it ends.
    """
    if not is_confidential(patient.pk):
        return []
    people = list(colleagues(patient).filter(pk__in=NamedPerson.objects.filter(patient=patient).values("user")))
    return [
        *(one.waiting_since for one in _unread(patient) if not _has_reader(one, people)),
        *(one.written_at for one in _unsigned(patient) if not _has_signer(one, people)),
        *(one.escalated_at or one.due_at for one in _unheard(patient) if not _has_addressee(one, people)),
    ]


def _unread(patient: Patient) -> QuerySet[Review]:
    return Review.objects.open().filter(study__patient=patient, study__withdrawal=None).select_related("clinic")


def _unsigned(patient: Patient) -> QuerySet[Report]:
    return Report.objects.filter(study__patient=patient, status=ReportStatus.PRELIMINARY).select_related(
        "study__clinic", "review"
    )


def _unheard(patient: Patient) -> QuerySet[CriticalResult]:
    escalated = CriticalResult.objects.open().filter(study__patient=patient, escalated_at__isnull=False)
    return escalated.select_related("clinic")


def _has_reader(review: Review, people: list[User]) -> bool:
    if review.reader_id in {one.pk for one in people}:
        return True
    able = (one for one in people if allowed(one, Permission.REVIEW_SCAN, review.clinic))
    return any(Review.objects.filter(pk=review.pk).open_to(one).exists() for one in able)


def _has_signer(report: Report, people: list[User]) -> bool:
    """As in `policies.sign_blocked_reason`: the author signs or hands over, and then another one signs."""
    author = report.reading.reader_id
    signers = [one for one in people if allowed(one, Permission.SIGN_REPORT, report.study.clinic)]
    if report.handed_over_at:
        return any(one.pk != author for one in signers)
    return bool(signers) and author in {one.pk for one in people}


def _has_addressee(critical: CriticalResult, people: list[User]) -> bool:
    return any(may_acknowledge(one, critical) for one in people)
