"""Whether attention outside the lungs tells that an answer is wrong.

The rule, written down before anything was measured: a mark is informative where, for the ensemble and by the first
question that it is asked, wrong answers are more frequent among the marked than among the unmarked, with a 95 %
interval of the difference above 0, the alarm at a share of DECIDING. Only answers in the outer zones count, as an
indeterminate one says neither. All else that is measured here decides nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.training.measure.bootstrap import estimates, with_exact_bounds
from ml.training.measure.report import plain
from ml.training.metrics import Measures, area_under_curve

# The alarm that shipped; and one for masks so small that attention spread evenly lies mostly outside.
DECIDING, SECOND = 0.5, 0.7
SHARES = (DECIDING, SECOND)
# An order of fewer wrong answers is that of single images.
LEAST = 10


@dataclass(frozen=True)
class MarkedAnswers:
    """Answers to one question: the truth as `positive` bool (n,), `zones` as -1, 0, 1 int64 (n,).

    `outside` float64 (n,) is the share of the attention outside the lungs, NaN where none was measured; `marked` bool
    (n,) says where that raised the alarm.
    """

    groups: NDArray[np.str_]
    positive: NDArray[np.bool_]
    zones: NDArray[np.int64]
    outside: NDArray[np.float64]
    marked: NDArray[np.bool_]

    def take(self, which: NDArray[Any]) -> "MarkedAnswers":
        """Some of the answers, by index."""
        return MarkedAnswers(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Which lie in an outer zone, (n,)."""
        return np.asarray(self.zones != 0)

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which lie in the outer zone of the other side, (n,)."""
        return np.asarray(self.settled & ((self.zones > 0) != self.positive))

    @property
    def crossed(self) -> NDArray[np.bool_]:
        """Which lie on the wrong side of the threshold, (n,)."""
        return np.asarray((self.zones >= 0) != self.positive)


def mark_one(outside: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Where a classifier is marked; `outside` (n,) is NaN where its map shows no finding or no lungs were found."""
    return np.asarray(np.nan_to_num(outside) > share)


def mark_together(outside: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Where a result is marked: most of the maps that show the finding are, of `outside` (classifiers, n)."""
    measured = np.isfinite(outside).sum(axis=0)
    return np.asarray(2 * mark_one(outside, share).sum(axis=0) > measured)


def mean_outside(outside: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean share of the maps that show the finding, of `outside` (classifiers, n): (n,), NaN where none does."""
    measured = np.isfinite(outside).sum(axis=0)
    return np.where(measured > 0, np.nansum(outside, axis=0) / np.maximum(measured, 1), np.nan)


def measure_marks(answers: MarkedAnswers) -> dict[str, Any]:
    """Counts, and with intervals over groups how often answers are marked, and wrong where they are and are not.

    `settled/...` is the share of wrong answers among those in the outer zones, `threshold/...` that on the wrong side
    of the threshold among all; `difference` is marked less unmarked. Left out is what nobody could be counted for.
    """
    settled = answers.settled
    everybody = np.ones_like(settled)
    witnesses = {
        "settled/marked": settled & answers.marked,
        "settled/unmarked": settled & ~answers.marked,
        "threshold/marked": answers.marked,
        "threshold/unmarked": ~answers.marked,
        "marked": everybody,
        "marked/positive": answers.positive,
        "marked/negative": ~answers.positive,
    }
    found = estimates(answers, _measures)
    bounded = {
        name: with_exact_bounds(each, _count(answers, witnesses[name])) if name in witnesses else each
        for name, each in found.items()
    }
    counts = {"images": len(settled), "settled": int(settled.sum()), "wrong": int(answers.wrong.sum())}
    return {**counts, **plain(bounded)}


def measure_order(answers: MarkedAnswers) -> dict[str, Any] | None:
    """How well the share outside orders wrong answers above right ones in the outer zones: an AUC with its interval.

    It asks about every alarm at once. None where fewer than LEAST answers are wrong, or right.
    """
    known = answers.take(answers.settled & np.isfinite(answers.outside))
    wrong = int(known.wrong.sum())
    return plain(estimates(known, _order))["auc"] if LEAST <= wrong <= len(known.wrong) - LEAST else None


def is_informative(measured: dict[str, Any]) -> bool:
    """The rule of this module, of what `measure_marks` gave of an ensemble at DECIDING."""
    return "settled/difference" in measured and measured["settled/difference"]["low"] > 0


def _measures(answers: MarkedAnswers) -> Measures:
    everybody = np.ones_like(answers.marked)
    return {
        "marked": _share(answers.marked, everybody),
        "marked/positive": _share(answers.marked, answers.positive),
        "marked/negative": _share(answers.marked, ~answers.positive),
        **_compare("settled", answers.wrong, answers.marked, answers.settled),
        **_compare("threshold", answers.crossed, answers.marked, everybody),
    }


def _order(answers: MarkedAnswers) -> Measures:
    return {"auc": area_under_curve(answers.wrong, answers.outside)}


def _compare(name: str, wrong: NDArray[np.bool_], marked: NDArray[np.bool_], among: NDArray[np.bool_]) -> Measures:
    where, elsewhere = _share(wrong, among & marked), _share(wrong, among & ~marked)
    return {f"{name}/marked": where, f"{name}/unmarked": elsewhere, f"{name}/difference": where - elsewhere}


def _share(which: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(which[among].mean()) if among.any() else float("nan")


def _count(answers: MarkedAnswers, which: NDArray[np.bool_]) -> int:
    return len(set(answers.groups[which].tolist()))
