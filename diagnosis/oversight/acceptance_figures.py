"""What a classifier is worth on a clinic's own cases: plain statistics on labels and probabilities, no rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nextafter
from typing import Any

from diagnosis.proportion import Z95, Proportion
from diagnosis.rules.acceptance import CONFORMAL
from ml.spec import positive_zone_start

# Of each kind. With 50, the exact interval of a share of 0.95 reaches from 0.86 to 0.99, and that of 0.90 from 0.78 to
# 0.97: enough to tell a classifier that works from one that does not, and no more.
FEWEST_OF_EACH = 50
# What the shipped thresholds were chosen for; see ml.training.measure.abnormality.
SENSITIVITY_AIM, SPECIFICITY_AIM = 95, 90  # per cent
FOLDS = 5
HALVINGS = 50


@dataclass(frozen=True)
class Scored:
    """`probability` of an abnormal lung, 0 to 1, as it is stored with the result."""

    is_abnormal: bool
    probability: float


@dataclass(frozen=True)
class Thresholds:
    """Below `lower` lies the negative zone, from `upper` on the positive one."""

    lower: float
    upper: float


def figures(cases: Sequence[Scored], shipped: Thresholds) -> dict[str, Any]:
    """Of cases of both kinds, as JSON can hold it. Shares come with their counts and exact 95 % intervals."""
    return {
        "abnormal": sum(one.is_abnormal for one in cases),
        "normal": sum(not one.is_abnormal for one in cases),
        "lower": rates(cases, [shipped.lower] * len(cases)),
        "upper": rates(cases, [positive_zone_start(shipped.upper)] * len(cases)),
        "indeterminate": {
            "abnormal": between([one for one in cases if one.is_abnormal], shipped),
            "normal": between([one for one in cases if not one.is_abnormal], shipped),
        },
        "auc": auc(cases),
        "fitted": fitted(cases),
    }


def share(part: int, whole: int) -> dict[str, Any]:
    low, high = Proportion(part, whole).exact or (0.0, 1.0)
    return {"part": part, "whole": whole, "value": part / whole if whole else None, "low": low, "high": high}


def between(cases: Sequence[Scored], at: Thresholds) -> dict[str, Any]:
    """The share of these cases in the indeterminate zone. For one kind: of both, it would tell of their mix."""
    upper = positive_zone_start(at.upper)
    return share(sum(at.lower <= one.probability < upper for one in cases), len(cases))


def rates(cases: Sequence[Scored], thresholds: Sequence[float]) -> dict[str, Any]:
    """Sensitivity and specificity of "abnormal from the threshold on"; each case has its own threshold."""
    reached = [one.probability >= at for one, at in zip(cases, thresholds, strict=True)]
    found = sum(one.is_abnormal and is_above for one, is_above in zip(cases, reached, strict=True))
    spared = sum(not (one.is_abnormal or is_above) for one, is_above in zip(cases, reached, strict=True))
    abnormal = sum(one.is_abnormal for one in cases)
    return {"sensitivity": share(found, abnormal), "specificity": share(spared, len(cases) - abnormal)}


def auc(cases: Sequence[Scored]) -> dict[str, float]:
    """The area under the ROC curve, ties counting half, with the 95 % interval of method 5 of Newcombe, "Confidence
    intervals for an effect size measure based on the Mann–Whitney statistic", Statistics in Medicine 25 (2006).

    Unlike DeLong's, that does not shrink to nothing where the classes are separated.
    """
    high = [one.probability for one in cases if one.is_abnormal]
    low = sorted(one.probability for one in cases if not one.is_abnormal)
    wins = sum((bisect_left(low, one) + bisect_right(low, one)) / 2 for one in high)
    value = wins / (len(high) * len(low))
    bounds = _auc_bound(value, len(high), len(low), 0.0), _auc_bound(value, len(high), len(low), 1.0)
    return {"value": value, "low": bounds[0], "high": bounds[1]}


def _auc_bound(value: float, abnormal: int, normal: int, end: float) -> float:
    """Between the value and `end`, where the distance is 1.96 standard errors of what is there."""
    inside, outside = value, end
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        is_inside = (middle - value) ** 2 <= Z95**2 * _auc_variance(middle, abnormal, normal)
        inside, outside = (middle, outside) if is_inside else (inside, middle)
    return (inside + outside) / 2


def _auc_variance(theta: float, abnormal: int, normal: int) -> float:
    mean = (abnormal + normal) / 2 - 1
    spread = 1 + mean * (1 - theta) / (2 - theta) + mean * theta / (1 + theta)
    return theta * (1 - theta) * spread / (abnormal * normal)


def fitted(cases: Sequence[Scored]) -> dict[str, Any]:
    """Thresholds for this site, fitted on all cases, and what thresholds so fitted were worth on cases that they were
    not fitted on.

    Cross-fitting: each of FOLDS parts is judged by thresholds fitted on the others. What the thresholds would give on
    the very cases that they were fitted on is not computed: it is no measurement.
    """
    folds = _folds(cases)
    by_fold = [fit([one for one, fold in zip(cases, folds, strict=True) if fold != number]) for number in range(FOLDS)]
    own = [by_fold[fold] for fold in folds]
    found = fit(cases)
    abnormal = sum(one.is_abnormal for one in cases)
    return {
        "rule": CONFORMAL,
        "lower": found.lower,
        "upper": found.upper,
        "fitted_on": len(cases),
        "folds": FOLDS,
        "aims": {"sensitivity": SENSITIVITY_AIM / 100, "specificity": SPECIFICITY_AIM / 100},
        "guarantee": {
            "lower": guarantee(abnormal, SENSITIVITY_AIM),
            "upper": guarantee(len(cases) - abnormal, SPECIFICITY_AIM),
        },
        "cross_fitted": {
            "lower": rates(cases, [one.lower for one in own]),
            "upper": rates(cases, [positive_zone_start(one.upper) for one in own]),
        },
    }


def _folds(cases: Sequence[Scored]) -> list[int]:
    """In turns within each kind, so that each part has its share of both. The order of the cases decides."""
    seen = {True: 0, False: 0}
    found = []
    for one in cases:
        found.append(seen[one.is_abnormal] % FOLDS)
        seen[one.is_abnormal] += 1
    return found


def fit(cases: Sequence[Scored]) -> Thresholds:
    """Class-conditional conformal thresholds (Vovk, "Conditional validity of inductive conformal predictors", Machine
    Learning 92 (2013); Angelopoulos & Bates, "Conformal prediction: a gentle introduction", Foundations and Trends in
    Machine Learning 16 (2023)).

    `lower` is the k-th lowest probability of the abnormal cases, `upper` lies just above the k-th highest of the
    others; k as in `rank`. With k = 0 there is no negative zone (`lower` 0) or no positive one (`upper` 1). The upper
    one is not below the lower. What that promises of a later case: see `guarantee`. A probability that is equal to
    that of the deciding case lies in neither outer zone, so ties only make both promises safer.
    """
    abnormal = sorted(one.probability for one in cases if one.is_abnormal)
    normal = sorted((one.probability for one in cases if not one.is_abnormal), reverse=True)
    below, above = rank(len(abnormal), SENSITIVITY_AIM), rank(len(normal), SPECIFICITY_AIM)
    lower = abnormal[below - 1] if below else 0.0
    upper = min(nextafter(normal[above - 1], inf), 1.0) if above else 1.0
    return Thresholds(lower, max(lower, upper))


def rank(count: int, aim: int) -> int:
    """k = floor(alpha (n + 1)), for n cases of one kind and alpha, the share of errors that the aim leaves.

    `aim` is in per cent, so that no rounding decides.
    """
    return (100 - aim) * (count + 1) // 100


def guarantee(count: int, aim: int) -> dict[str, Any]:
    """What a threshold fitted on `count` cases of one kind promises of a later case of this kind, if it is exchangeable
    with them: the probability that it is on the wrong side, 0 to 1.

    `mean`, k / (n + 1), is the most that it is on average over sets that were drawn so. For one set, which is drawn
    once, it is Beta(k, n + 1 - k) distributed; `high` is the 95 % quantile of that, which equals the upper end of the
    one-sided exact interval of k - 1 of n. Of probabilities that are tied, both are upper bounds.
    """
    found = rank(count, aim)
    high = Proportion(found - 1, count).most if found else 0.0
    return {"rank": found, "cases": count, "mean": found / (count + 1), "high": high}
