"""The tables of the screen, each by the name of its download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.notes import note_list
from diagnosis import keyset
from diagnosis.audited import note_rows
from diagnosis.models import Analysis, Patient, Review
from diagnosis.models.analysis import AnalysisQuerySet
from diagnosis.oversight import agreement, history, jobs, storage, work
from diagnosis.oversight import reviews as reading
from diagnosis.oversight.agreement import Agreement
from diagnosis.oversight.history import Figures, Month
from diagnosis.oversight.reviews import MonthlyCategoryChanges
from diagnosis.oversight.table import Table
from diagnosis.proportion import FEWEST, Proportion
from diagnosis.views.oversight.scope import Scope

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

DAYS = 30
TROUBLES_NEWEST_FIRST = ("-requested_at", "-id")
# A download ends here; nobody reads more failures than this.
MOST_ROWS = 20_000
TROUBLES: dict[str, tuple[StrOrPromise, Callable[[AnalysisQuerySet], AnalysisQuerySet]]] = {
    "failed": (gettext_lazy("Failed"), jobs.failed),
    "late": (gettext_lazy("Waiting too long"), jobs.late),
    "cancelled": (gettext_lazy("Cancelled"), jobs.cancelled),
    "aside": (gettext_lazy("Set aside"), jobs.aside),
}


def troubled(scope: Scope, kind: str) -> AnalysisQuerySet:
    related = ("study__patient", "study__clinic", "study__representative__patient", "image__patient", "requested_by")
    return TROUBLES[kind][1](scope.listed_analyses()).select_related(*related).order_by(*TROUBLES_NEWEST_FIRST)


def analyses(scope: Scope) -> Table:
    columns = (
        *(
            _("clinic"),
            _("scan"),
            _("record number"),
            _("modality"),
            _("analysis"),
            _("state"),
            _("requested at"),
            _("finished at"),
        ),
        *(_("attempts"), _("worker"), _("code"), _("reason"), _("technical reason"), _("listed as")),
    )
    found = [
        (one, label)
        for kind, (label, _all) in TROUBLES.items()
        for one in keyset.first(troubled(scope, kind), MOST_ROWS)
    ]
    note_rows(Analysis, [one for one, _label in found])
    rows = [[*_analysis(scope, one), label] for one, label in found]
    return Table(columns, rows)


def _analysis(scope: Scope, analysis: Analysis) -> list[Any]:
    scan = analysis.scan
    return [
        *(scan.clinic.name, scan.pk, _number(scope, scan), scan.get_modality_display(), analysis.number),
        *(analysis.get_status_display(), analysis.requested_at, analysis.finished_at, analysis.attempts),
        *(analysis.worker, analysis.failure_code, analysis.failure_reason, analysis.failure_detail),
    ]


def days(scope: Scope) -> Table:
    rows = [[day.day, day.succeeded, day.failed, day.cancelled] for day in jobs.by_day(_total(scope).ended, DAYS)]
    return Table((_("day"), _("finished"), _("failed"), _("cancelled")), rows)


def waiting(scope: Scope) -> Table:
    columns = (
        _("clinic"),
        _("scan"),
        _("record number"),
        _("reading"),
        _("state"),
        _("urgent"),
        _("waiting since"),
        _("waiting hours"),
    )
    cases = reading.longest_waiting(scope.listed_reviews()).select_related(
        "study__patient", "study__representative__patient", "image__patient", "clinic"
    )
    found = list(cases[:MOST_ROWS])
    note_rows(Review, found)
    return Table(columns, [_case(scope, case) for case in found])


def _case(scope: Scope, case: Review) -> list[Any]:
    return [
        *(case.clinic.name, case.scan.pk, _number(scope, case.scan), case.get_kind_display()),
        *(case.get_status_display(), case.urgent, case.waiting_since, timezone.now() - case.waiting_since),
    ]


def overrides(scope: Scope) -> Table:
    counted = reading.overrides(_total(scope).given)
    rows = [[reason, count, counted.share.whole] for reason, count in counted.reasons]
    return Table((_("reason"), _("overridden"), _("of results read")), rows)


def changed(months: list[Month]) -> list[MonthlyCategoryChanges]:
    """Of the months in which there was a reading with a first impression."""
    found = [MonthlyCategoryChanges(month.first, month.figures.changes) for month in months]
    return [entry for entry in found if entry.category_changes.total]


def _total(scope: Scope) -> Figures:
    return history.total(scope.monthly())


def category_changes(scope: Scope) -> Table:
    columns = (_("month"), _("changed"), _("readings"), _("share"), _("low"), _("high"))
    months = changed(scope.monthly())
    rows = [
        [
            entry.month.date(),
            entry.category_changes.changed,
            *_parts(entry.category_changes.total, entry.category_changes.proportion),
        ]
        for entry in months
    ]
    return Table(columns, rows)


def agreements(scope: Scope, *, first_impressions: bool = False) -> Table:
    columns = (
        *(
            _("classifier"),
            _("version"),
            _("month"),
            _("readings"),
            _("both positive"),
            _("only classifier"),
            _("only reader"),
        ),
        *(_("both negative"), _("sensitivity"), _("sensitivity low"), _("sensitivity high")),
        *(_("specificity"), _("specificity low"), _("specificity high"), _("kappa"), _("kappa low"), _("kappa high")),
        _("category and decision compared"),
    )
    months = history.agreements(scope.monthly(), first_impressions=first_impressions)
    return Table(columns, [_agreement(entry) for entry in [*agreement.overall(months), *months]])


def first_agreements(scope: Scope) -> Table:
    return agreements(scope, first_impressions=True)


def _agreement(entry: Agreement) -> list[Any]:
    counts = entry.counts
    kappa = counts.kappa if counts.total >= FEWEST else None
    return [
        *(entry.classifier, entry.version, entry.month.date() if entry.month else _("all"), counts.total),
        *(counts.true_positive, counts.false_positive, counts.false_negative, counts.true_negative),
        *_parts(None, counts.sensitivity)[1:],
        *_parts(None, counts.specificity)[1:],
        *((kappa.value, kappa.low, kappa.high) if kappa else (None, None, None)),
        entry.checked,
    ]


def _parts(total: int | None, proportion: Proportion) -> list[Any]:
    """No rate of too few: a table is read like a page."""
    if not proportion.is_shown or proportion.interval is None:
        return [total, None, None, None]
    return [total, proportion.share, *proportion.interval]


def usage(scope: Scope) -> Table:
    kinds = storage.measured(Path(settings.PRIVATE_ROOT), scope.keys).kinds
    return Table(
        (_("kind"), _("files"), _("bytes"), _("missing")), [[u.label, u.files, u.size, u.missing] for u in kinds]
    )


def workers(scope: Scope) -> Table:
    rows = [[w.name, w.running, w.finished, w.failed, w.seen_at] for w in work.workers(scope.analyses())]
    return Table((_("worker"), _("running"), _("finished"), _("failed"), _("last seen")), rows)


def corrections(scope: Scope) -> Table:
    columns = (
        *(
            _("clinic"),
            _("kind"),
            _("from record"),
            _("to record"),
            _("scans"),
            _("reason"),
            _("made by"),
            _("made at"),
        ),
        *(_("undone by"), _("undone at")),
    )
    found = list(scope.corrections().select_related("clinic", "source", "target", "made_by", "undone_by")[:MOST_ROWS])
    note_list("diagnosis.correction", [key for made in found for key in (made.source_id, made.target_id)])
    rows = [
        [
            *(made.clinic.name, made.get_kind_display(), _record(made.source), _record(made.target), len(made.scans)),
            *(made.reason, made.made_by, made.made_at, made.undone_by, made.undone_at),
        ]
        for made in found
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
