"""The unmatched worklist: which studies wait for a person, why, and how many."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery

from accounts.models import Clinic, User
from diagnosis import messages
from network import classes
from network.models import InstanceStatus, ReceivedInstance, ReceivedStudy, StudyStatus

# The instances that a study in this state is about.
THEIRS = {
    StudyStatus.WAITING: InstanceStatus.WAITING,
    StudyStatus.REJECTED: InstanceStatus.REJECTED,
    StudyStatus.ATTACHED: InstanceStatus.KEPT,
}


@dataclass(frozen=True)
class Row:
    """One study of the list; `reasons`: a sentence each, the most frequent first."""

    study: ReceivedStudy
    instances: int
    reasons: list[str]
    preview: Any = None


def studies(clinic: Clinic, status: StudyStatus, *, by: User) -> QuerySet[ReceivedStudy]:
    """Oldest first where somebody waits for it, else the latest; without those of confidential records that are not
    open to `by`.
    """
    order = "received_at" if status == StudyStatus.WAITING else "-received_at"
    found = ReceivedStudy.objects.in_clinic(clinic).filter(status=status).without_hidden(by)
    return found.select_related("entity", "decided_by").order_by(order, "pk")


def count_hidden(clinic: Clinic, status: StudyStatus, *, by: User) -> int:
    """Of how many studies `by` may not be told whose they are: somebody else must decide about them."""
    return (
        ReceivedStudy.objects.in_clinic(clinic).filter(status=status).count() - studies(clinic, status, by=by).count()
    )


def rows(found: list[ReceivedStudy], status: StudyStatus) -> list[Row]:
    """What the list says of each of `found`, which are all of one status."""
    counts, reasons = _counted([study.pk for study in found], THEIRS[status])
    previews = _previews([study.pk for study in found], THEIRS[status])
    return [Row(one, counts[one.pk], reasons[one.pk], previews.get(one.pk)) for one in found]


def _counted(keys: list[Any], status: InstanceStatus) -> tuple[dict[Any, int], dict[Any, list[str]]]:
    of_studies = ReceivedInstance.objects.filter(study__in=keys, status=status).order_by()
    grouped = of_studies.values("study", "reason_code", "reason_params").annotate(number=Count("pk"))
    counts: dict[Any, int] = defaultdict(int)
    reasons: dict[Any, list[str]] = defaultdict(list)
    for one in sorted(grouped, key=lambda one: -one["number"]):
        counts[one["study"]] += one["number"]
        if one["reason_code"]:
            reasons[one["study"]].append(messages.reason(one["reason_code"], one["reason_params"]))
    return counts, reasons


def images(study: ReceivedStudy, most: int) -> list[UUID]:
    """Instances of the study that may be drawn."""
    drawn = study.instances.filter(status=THEIRS[StudyStatus(study.status)], sop_class_uid__in=classes.SHOWN)
    return list(drawn.order_by("received_at", "pk").values_list("pk", flat=True)[:most])


def _previews(keys: list[Any], status: InstanceStatus) -> dict[Any, Any]:
    """An instance of each study that may be drawn."""
    shown = ReceivedInstance.objects.filter(study=OuterRef("pk"), status=status, sop_class_uid__in=classes.SHOWN)
    first = shown.order_by("received_at", "pk").values("pk")[:1]
    with_first = ReceivedStudy.objects.filter(pk__in=keys).annotate(first=Subquery(first))
    return dict(with_first.values_list("pk", "first"))


def count(clinic: Clinic) -> int:
    """How many studies of the clinic wait for a person."""
    return ReceivedStudy.objects.in_clinic(clinic).waiting().count()
