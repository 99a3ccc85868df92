"""The table of the demonstration scans' results, line by line as they come."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from diagnosis import formats
from diagnosis.analyses import classifiers
from diagnosis.models import Analysis, EnsemblePrediction, Prediction, Scan
from diagnosis.results import verdict
from diagnosis.results.labels import label_name
from diagnosis.results.verdict import Verdict
from diagnosis.states import AnalysisStatus as S

COLUMNS = (
    ("patient", 20),
    ("scan", 12),
    ("modality", 14),
    ("classifier", 18),
    ("label", 26),
    ("probability", 11),
    ("verdict", 26),
    ("seconds", 7),
)


class Results:
    """Follows the latest analysis of each scan. `say` prints one line."""

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self._say = say
        self._total = total
        self._pending: dict[uuid.UUID, Scan] = {}
        self._shown = 0
        self._faults = 0
        self._say(_line([title for title, _ in COLUMNS]))
        self._say(_line(["─" * width for _, width in COLUMNS]))

    @property
    def complete(self) -> bool:
        return self._shown == self._total

    @property
    def progress(self) -> str:
        return f"{self._shown + len(self._pending)} of {self._total} uploaded, {self._shown} analysed"

    @property
    def good(self) -> bool:
        """Whether every scan has its results, or the refusal that is due where no classifier is installed."""
        return self.complete and not self._faults

    def follow(self, scan: Scan) -> None:
        self._pending[scan.pk] = scan

    def update(self) -> None:
        """Print what has finished since the last call."""
        analyses = (
            Analysis.objects.filter(study__series__images__in=self._pending)
            .order_by("number")
            .select_related("ensemble_prediction", "study__representative", "image")
        )
        analyses = analyses.prefetch_related("predictions")
        latest = {analysis.scan.pk: analysis for analysis in analyses}
        finished = [analysis for analysis in latest.values() if analysis.is_finished]
        for analysis in sorted(finished, key=lambda analysis: str(analysis.finished_at)):
            self._show(self._pending.pop(analysis.scan.pk), analysis)

    def _show(self, scan: Scan, analysis: Analysis) -> None:
        self._shown += 1
        cells = [scan.patient.name, scan.original_name, scan.get_modality_display()]
        seconds = f"{analysis.seconds or 0:.1f}"
        for one in analysis.predictions.all():
            self._say(_line([*cells, *_answer(one.classifier, one, verdict.of_prediction(one)), seconds]))
        if together := analysis.ensemble:
            self._say(_line([*cells, *_answer(together.ensemble, together, verdict.of_ensemble(together)), seconds]))
        if analysis.status != S.SUCCEEDED:
            self._say(_line([*cells, f"{analysis.get_status_display()}: {analysis.failure_reason}"]))
            self._faults += not _expected(scan, analysis)


def _answer(name: str, one: Prediction | EnsemblePrediction, said: Verdict) -> list[str]:
    """The class that the verdict is about, and its probability."""
    label = label_name(one.operating_point["positive_label"])
    return [name, label, formats.percent(one.probability), said.status]


def _expected(scan: Scan, analysis: Analysis) -> bool:
    """A modality without any active classifier is refused, and says so."""
    served = {spec.modality.value for spec in classifiers.active_specs()}
    return analysis.failure_code == "no_classifier" and scan.modality not in served


def _line(cells: Sequence[str]) -> str:
    padded = [cell[:width].ljust(width) for cell, (_, width) in zip(cells, COLUMNS, strict=False)]
    # The last cell may run on: a reason is longer than a column.
    return "  ".join([*padded[:-1], cells[-1]]).rstrip()
