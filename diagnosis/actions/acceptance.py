"""A clinic's own acceptance set: begun, gathered, and closed for good."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from audit.notes import note_detail, note_object
from diagnosis import sealing
from diagnosis.analyses import classifiers
from diagnosis.audited import note_rows
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Acceptance, AcceptanceCase, AcceptanceSet, Report, Study
from diagnosis.models.acceptance import AcceptanceStatus
from diagnosis.models.modality import Modality
from diagnosis.oversight import acceptance
from diagnosis.oversight.acceptance_figures import FEWEST_OF_EACH
from diagnosis.rules import acceptance_seal
from diagnosis.rules.classifiers import Stops, hold_decisions

NOTHING_ANSWERS = _("No ensemble is installed for this modality that answers whether the lung is abnormal.")
ONE_OPEN = _("A set for this modality is being gathered already.")
NOT_OPEN = _("This set is closed, or was given up. Nothing was changed.")
NOT_IN_SET = _("This case is not in the set any more. Nothing was changed.")
REASON_NEEDED = _("Say how you know it, in one sentence at least.")
NOT_FIT = _(
    "Not taken: an examination needs a stored result of the version that is measured, and a patient of whom no other "
    "one is in the set."
)
TOO_FEW = _("There are %(abnormal)d abnormal and %(normal)d other cases. It takes %(fewest)d of each.")
MIXED = _("The stored results were made with different thresholds or weights. They cannot be measured together.")
STOPPED = _("A classifier of this version is stopped here. What it answers cannot be accepted.")


def begin_acceptance(*, by: User, clinic: Clinic, modality: Modality) -> AcceptanceSet:
    """Begin to gather cases for the ensemble that is installed now. Raises PermissionDenied and Refusal."""
    require(by, Permission.MANAGE_CLINIC, clinic)
    found = classifiers.abnormality_ensemble(modality)
    if found is None:
        raise Refusal("nothing_answers", NOTHING_ANSWERS)
    try:
        with transaction.atomic():
            made = AcceptanceSet.objects.create(
                clinic=clinic, modality=modality, ensemble=found.name, version=found.version, begun_by=by
            )
    except IntegrityError as error:
        raise NotAllowedNow("one_open", ONE_OPEN) from error
    _note(made, acceptance="begun", ensemble=made.identity)
    return made


@transaction.atomic
def add_by_report(*, by: User, to: AcceptanceSet, keys: Collection[UUID]) -> int:
    """Add studies whose signed reports tell the truth; one for each patient. Returns how many were added."""
    _hold(to, by)
    fit = acceptance.studies(to, by).filter(pk__in=keys)
    reports = acceptance.standing_reports(to).filter(study__in=fit).order_by("-signed_at").select_related("study")
    chosen: dict[UUID, Report] = {}
    for report in acceptance.usable(reports, by):
        chosen.setdefault(report.study.patient_id, report)
    if not chosen:
        raise Refusal("not_fit", NOT_FIT)
    AcceptanceCase.objects.bulk_create(
        AcceptanceCase(
            acceptance_set=to,
            study=report.study,
            is_abnormal=acceptance.is_abnormal(report),
            report=report,
            added_by=by,
        )
        for report in chosen.values()
    )
    note_rows(Study, [report.study for report in chosen.values()])
    _note(to, added=str(len(chosen)))
    return len(chosen)


@transaction.atomic
def add_by_hand(*, by: User, to: AcceptanceSet, study: UUID, is_abnormal: bool, reason: str) -> AcceptanceCase:
    """Add a study whose truth is known otherwise, with how."""
    if not reason.strip():
        raise Refusal("reason_needed", REASON_NEEDED)
    _hold(to, by)
    found = acceptance.studies(to, by).filter(pk=study).first()
    if found is None:
        raise Refusal("not_fit", NOT_FIT)
    made = AcceptanceCase.objects.create(
        acceptance_set=to,
        study=found,
        is_abnormal=is_abnormal,
        reason=reason.strip()[:400],
        images=sorted(acceptance.images_of([found.pk]).get(found.pk, {})),
        named_of=found.patient_id,
        added_by=by,
    )
    note_rows(Study, [found])
    _note(to, added="by hand")
    return made


@transaction.atomic
def remove_case(*, by: User, of: AcceptanceSet, case: UUID) -> None:
    """Take one out while the set is open; the audit trail keeps it."""
    _hold(of, by)
    found = AcceptanceCase.objects.visible_to(by).filter(acceptance_set=of, pk=case).select_related("study").first()
    if found is None:
        raise NotAllowedNow("not_in_set", NOT_IN_SET)
    note_rows(Study, [found.study])
    _note(of, removed=str(found.study_id), was="abnormal" if found.is_abnormal else "not abnormal")
    AcceptanceCase.objects.filter(pk=found.pk).delete()


@transaction.atomic
def remove_unsound(*, by: User, of: AcceptanceSet) -> int:
    """Take out all that cannot be measured any more, those in records that are closed to `by` too. Returns how many.

    Otherwise a set would wait for whoever may see these.
    """
    _hold(of, by)
    cases = list(of.cases.select_related("study"))
    unsound = acceptance.faults(of, cases, acceptance.newest(of, (one.study_id for one in cases)))
    gone = [one for one in cases if one.pk in unsound]
    note_rows(Study, [one.study for one in gone])
    _note(of, removed=str(len(gone)), why="cannot be measured")
    AcceptanceCase.objects.filter(pk__in=unsound).delete()
    return len(gone)


def drop_acceptance(*, by: User, of: AcceptanceSet) -> None:
    """Give it up unmeasured."""
    require(by, Permission.MANAGE_CLINIC, of.clinic)
    _end(of, AcceptanceStatus.DROPPED, by)
    _note(of, acceptance="given up")


@transaction.atomic
def close_acceptance(*, by: User, of: AcceptanceSet) -> Acceptance:
    """Freeze the cases with their stored results, compute the figures and seal them.

    Raises PermissionDenied, Refusal where there are too few cases or they cannot be measured together, and
    NotAllowedNow.
    """
    require(by, Permission.MANAGE_CLINIC, of.clinic)
    _end(of, AcceptanceStatus.CLOSED, by)
    hold_decisions(of.clinic_id)
    _hold_reports(of)
    cases = list(of.cases.select_related("study", "report__corrects", "added_by"))
    said = acceptance.newest(of, (one.study_id for one in cases))
    if unsound := acceptance.faults(of, cases, said):
        raise Refusal("unsound", _unsound(len(unsound)), count=len(unsound))
    _require_enough(cases)
    if len(acceptance.points(said.values())) != 1 or _mixed(acceptance.weights(said.values())):
        raise Refusal("mixed", MIXED)
    if Stops.of(of.clinic_id).among(of.modality, [one.split()[0] for one in acceptance.weights(said.values())]):
        raise NotAllowedNow("stopped", STOPPED)
    at = timezone.now()
    content = acceptance.content(of, cases, said) | {"closed_by": by.full_name, "closed_at": at.isoformat()}
    made = Acceptance(acceptance_set=of, content=content, content_sha256=acceptance_seal.digest(content), sealed_at=at)
    made.mac = acceptance_seal.mac_of(made)
    made.save(force_insert=True)
    transaction.on_commit(partial(sealing.keep, of.pk, 1, made.mac), robust=True)
    _note(of, acceptance="closed", sha256=made.content_sha256)
    return made


def _hold(of: AcceptanceSet, by: User) -> None:
    """Nobody closes it before this is through. The entry of the audit trail is about it, whatever is noted later."""
    require(by, Permission.MANAGE_CLINIC, of.clinic)
    note_object("diagnosis.acceptanceset", of.pk)
    if not AcceptanceSet.objects.select_for_update().filter(pk=of.pk, status=AcceptanceStatus.OPEN).exists():
        raise NotAllowedNow("not_open", NOT_OPEN)


def _hold_reports(of: AcceptanceSet) -> None:
    """Nobody corrects one of its cases' reports, or enters it in error, before this is through."""
    reports = Report.objects.filter(pk__in=of.cases.filter(report__isnull=False).values("report"))
    list(reports.order_by("pk").select_for_update(of=("self",)).values_list("pk"))


def _end(of: AcceptanceSet, status: AcceptanceStatus, by: User) -> None:
    is_open = AcceptanceSet.objects.filter(pk=of.pk, status=AcceptanceStatus.OPEN)
    if not is_open.update(status=status, ended_by=by, ended_at=timezone.now()):
        raise NotAllowedNow("not_open", NOT_OPEN)
    of.refresh_from_db()


def _require_enough(cases: list[AcceptanceCase]) -> None:
    abnormal = sum(one.is_abnormal for one in cases)
    normal = len(cases) - abnormal
    if min(abnormal, normal) < FEWEST_OF_EACH:
        raise Refusal("too_few", TOO_FEW, abnormal=abnormal, normal=normal, fewest=FEWEST_OF_EACH)


def _unsound(count: int) -> str:
    return ngettext(
        "%(count)d case cannot be measured any more. The list of cases says why. Take out all that are marked, then "
        "close the set.",
        "%(count)d cases cannot be measured any more. The list of cases says why. Take out all that are marked, then "
        "close the set.",
        count,
    )


def _mixed(weights: list[str]) -> bool:
    """Whether one classifier stands there twice."""
    return len({one.split("/")[0] for one in weights}) != len(weights)


def _note(of: AcceptanceSet, **said: str) -> None:
    note_object("diagnosis.acceptanceset", of.pk)
    note_detail(clinic=str(of.clinic_id), **said)
