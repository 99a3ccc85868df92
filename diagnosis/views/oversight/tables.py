"""The tables of the screen, each by the name of its download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from diagnosis.models import Analysis, Patient, Review
from diagnosis.models.analysis import AnalysisQuerySet
from diagnosis.oversight import agreement, jobs, storage, work
from diagnosis.oversight import reviews as reading
from diagnosis.oversight.agreement import Agreement
from diagnosis.oversight.table import Table
from diagnosis.views.oversight.scope import Scope

DAYS = 30
# A download ends here; nobody reads more failures than this.
MOST_ROWS = 20_000
TROUBLES: dict[str, tuple[str, Callable[[AnalysisQuerySet], AnalysisQuerySet]]] = {
    "failed": ("Failed", jobs.failed),
    "late": ("Waiting too long", jobs.late),
    "cancelled": ("Cancelled", jobs.cancelled),
    "aside": ("Set aside", jobs.aside),
}


def troubled(scope: Scope, kind: str) -> AnalysisQuerySet:
    related = ("scan__patient", "scan__clinic", "requested_by")
    return TROUBLES[kind][1](scope.analyses()).select_related(*related).order_by("-requested_at", "id")


def analyses(scope: Scope) -> Table:
    columns = (
        *("clinic", "scan", "record number", "modality", "analysis", "state", "requested at", "finished at"),
        *("attempts", "worker", "code", "reason", "technical reason", "listed as"),
    )
    rows = [
        [*_analysis(scope, analysis), label]
        for kind, (label, _) in TROUBLES.items()
        for analysis in troubled(scope, kind)[:MOST_ROWS]
    ]
    return Table(columns, rows)


def _analysis(scope: Scope, analysis: Analysis) -> list[Any]:
    scan = analysis.scan
    return [
        *(scan.clinic.name, scan.pk, _number(scope, scan), scan.get_modality_display(), analysis.number),
        *(analysis.get_status_display(), analysis.requested_at, analysis.finished_at, analysis.attempts),
        *(analysis.worker, analysis.failure_code, analysis.failure_reason, analysis.failure_detail),
    ]


def days(scope: Scope) -> Table:
    rows = [[day.day, day.succeeded, day.failed, day.cancelled] for day in jobs.by_day(scope.analyses(), DAYS)]
    return Table(("day", "finished", "failed", "cancelled"), rows)


def waiting(scope: Scope) -> Table:
    columns = ("clinic", "scan", "record number", "reading", "state", "urgent", "waiting since", "waiting hours")
    cases = reading.longest_waiting(scope.reviews()).select_related("scan__patient", "clinic")
    return Table(columns, [_case(scope, case) for case in cases[:MOST_ROWS]])


def _case(scope: Scope, case: Review) -> list[Any]:
    return [
        *(case.clinic.name, case.scan_id, _number(scope, case.scan), case.get_kind_display()),
        *(case.get_status_display(), case.urgent, case.waiting_since, timezone.now() - case.waiting_since),
    ]


def overrides(scope: Scope) -> Table:
    counted = reading.overrides(scope.decided())
    rows = [[reason, count, counted.share.whole] for reason, count in counted.reasons]
    return Table(("reason", "overridden", "of results read"), rows)


def category_changes(scope: Scope) -> Table:
    columns = ("month", "changed", "readings", "share", "low", "high")
    months = reading.category_changes_by_month(scope.decided())
    rows = [
        [
            entry.month.date(),
            entry.category_changes.changed,
            *_parts(entry.category_changes.total, entry.category_changes),
        ]
        for entry in months
    ]
    return Table(columns, rows)


def agreements(scope: Scope, *, first_impressions: bool = False) -> Table:
    columns = (
        *("classifier", "version", "month", "readings", "both positive", "only classifier", "only reader"),
        *("both negative", "sensitivity", "sensitivity low", "sensitivity high"),
        *("specificity", "specificity low", "specificity high", "kappa", "kappa low", "kappa high"),
    )
    months = agreement.by_month(scope.decided(), first_impressions=first_impressions)
    return Table(columns, [_agreement(entry) for entry in [*agreement.overall(months), *months]])


def first_agreements(scope: Scope) -> Table:
    return agreements(scope, first_impressions=True)


def _agreement(entry: Agreement) -> list[Any]:
    counts, kappa = entry.counts, entry.counts.kappa
    return [
        *(entry.classifier, entry.version, entry.month.date() if entry.month else "all", counts.total),
        *(counts.true_positive, counts.false_positive, counts.false_negative, counts.true_negative),
        *_parts(None, counts.sensitivity)[1:],
        *_parts(None, counts.specificity)[1:],
        *((kappa.value, kappa.low, kappa.high) if kappa else (None, None, None)),
    ]


def _parts(total: int | None, proportion: Any) -> list[Any]:
    low, high = proportion.interval or (None, None)
    return [total, proportion.share, low, high]


def usage(scope: Scope) -> Table:
    kinds = storage.usage(Path(settings.PRIVATE_ROOT), scope.scans())
    return Table(("kind", "files", "bytes", "missing"), [[u.kind, u.files, u.size, u.missing] for u in kinds])


def workers(scope: Scope) -> Table:
    rows = [[w.name, w.running, w.finished, w.failed, w.seen_at] for w in work.workers(scope.analyses())]
    return Table(("worker", "running", "finished", "failed", "last seen"), rows)


def corrections(scope: Scope) -> Table:
    columns = (
        *("clinic", "kind", "from record", "to record", "scans", "reason", "made by", "made at"),
        *("undone by", "undone at"),
    )
    found = scope.corrections().select_related("clinic", "source", "target", "made_by", "undone_by")
    rows = [
        [
            *(made.clinic.name, made.get_kind_display(), _record(made.source), _record(made.target), len(made.scans)),
            *(made.reason, made.made_by, made.made_at, made.undone_by, made.undone_at),
        ]
        for made in found[:MOST_ROWS]
    ]
    return Table(columns, rows)


def _record(patient: Patient) -> str:
    return patient.medical_record_number


def _number(scope: Scope, scan: Any) -> str:
    """Of the patient, for those who may see one there."""
    return scan.patient.medical_record_number if scan.clinic_id in scope.named else ""


DOWNLOADS: dict[str, Callable[[Scope], Table]] = {
    "analyses": analyses,
    "days": days,
    "waiting": waiting,
    "overrides": overrides,
    "changed-categories": category_changes,
    "agreement": agreements,
    "agreement-first-impressions": first_agreements,
    "storage": usage,
    "workers": workers,
    "corrections": corrections,
}
