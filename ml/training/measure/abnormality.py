"""Choose on the validation part how an ensemble answers whether a lung is abnormal, and measure that on the test part.

The bounds are no copies of those for the positive label. A lung wrongly called abnormal costs a look, one wrongly
called clear may cost a diagnosis: so the clear zone keeps the usual aim, and the abnormal zone may be wrong more often.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml.abnormality import AbnormalityPoint, calibrated, logit
from ml.spec import Estimate
from ml.training.measure.bootstrap import estimates
from ml.training.measure.calibration import find_positive_from, find_threshold
from ml.training.measure.predictions import BORDER_PIXELS, LUNGS_BLACKED_OUT, read_predictions
from ml.training.measure.report import operating_estimates, plain, zone_estimates
from ml.training.measure.sources import Rates, rates_by_source
from ml.training.metrics import Measures, area_under_curve, calibration_error, within_source_measures
from ml.training.scored_images import ScoredImages

NORMAL, ABNORMAL = "normal", "abnormal"
SIDES = (ABNORMAL, NORMAL)
SENSITIVITY_AIM, SPECIFICITY_AIM = 0.95, 0.90
CHOSEN_FOR = (
    f"sensitivity of at least {SENSITIVITY_AIM:.2f}, the abnormal zone for a specificity of at least "
    f"{SPECIFICITY_AIM:.2f}, both on the validation part"
)


@dataclass(frozen=True)
class Line:
    """A calibration on the logit: what the logistic function is taken of is `slope` * logit + `intercept`."""

    slope: float
    intercept: float


def can_be_asked(scored: ScoredImages) -> bool:
    """Whether one label means a lung without disease, which "no COVID-19" does not."""
    return NORMAL in scored.names


def as_abnormal(scored: ScoredImages, line: Line) -> ScoredImages:
    """The same images with two labels, abnormal and normal, and calibrated probabilities of them."""
    normal = scored.names.index(NORMAL)
    abnormal = np.array([calibrated(summed, line.slope, line.intercept) for summed in _summed(scored)])
    return ScoredImages(
        SIDES,
        np.stack([abnormal, 1.0 - abnormal], axis=1),
        (scored.labels == normal).astype(np.int64),
        scored.sources,
        scored.groups,
        scored.paths,
    )


def fit(scored: ScoredImages) -> Line:
    """The line of Platt (Advances in Large Margin Classifiers, 1999), to four digits; every group counts the same.

    Raises ValueError where the lungs are all abnormal or all not.
    """
    logits = np.array([[logit(summed)] for summed in _summed(scored)])
    _, which, sizes = np.unique(scored.groups, return_inverse=True, return_counts=True)
    model = LogisticRegression(C=np.inf)
    model.fit(logits, scored.labels != scored.names.index(NORMAL), sample_weight=1.0 / sizes[which])
    return Line(round(float(model.coef_[0, 0]), 4), round(float(model.intercept_[0]), 4))


def choose_point(validation: ScoredImages, test: ScoredImages) -> AbnormalityPoint:
    """Calibration and bounds from the validation part, with what they do on the test part."""
    line = fit(validation)
    asked = as_abnormal(validation, line)
    threshold = find_threshold(asked.positive, asked.score, sensitivity=SENSITIVITY_AIM)
    start = find_positive_from(asked.positive, asked.score, specificity=SPECIFICITY_AIM)
    measured = as_abnormal(test, line)
    return AbnormalityPoint(
        labels=tuple(name for name in test.names if name != NORMAL),
        slope=line.slope,
        intercept=line.intercept,
        threshold=threshold,
        abnormal_from=max(threshold, start),
        chosen_for=CHOSEN_FOR,
        **operating_estimates(measured, threshold),
        sources=rates_by_source(measured, threshold, sides=SIDES),
        measured_on="the test part",
    )


def measure_abnormality(scored: ScoredImages, point: AbnormalityPoint) -> dict[str, Any]:
    """What the point does on a part, as plain values for JSON: every number with its interval."""
    asked = as_abnormal(scored, Line(point.slope, point.intercept))
    return {
        "operating_point": plain(operating_estimates(asked, point.threshold)),
        "zones": plain(zone_estimates(asked, point.threshold, point.abnormal_from)),
        "estimates": plain(estimates(asked, _measures)),
        "support": dict(zip(SIDES, np.bincount(asked.labels, minlength=2).tolist(), strict=True)),
        **sources(asked, point.threshold, point.abnormal_from, sides=SIDES),
        "among_abnormal": plain(estimates(scored, _areas_among_abnormal)),
    }


def sources(
    scored: ScoredImages, threshold: float, positive_from: float, *, sides: tuple[str, str]
) -> dict[str, Rates]:
    """By source what the threshold does, and what the positive zone alone does as a call."""
    return {
        "sources": rates_by_source(scored, threshold, sides=sides),
        "sources/positive_zone": rates_by_source(scored, positive_from, sides=sides),
    }


def among_abnormal(scored: ScoredImages) -> ScoredImages:
    """The images of an abnormal lung: whether the positive label is told from other disease shows only there."""
    return scored.take(scored.labels != scored.names.index(NORMAL))


def abnormality_controls(folder: Path, part: str) -> Mapping[str, Estimate]:
    """The AUC of abnormal against normal told without any lung to see, as far as the folder holds the answers."""
    files = {"border_pixels": BORDER_PIXELS, "lungs_blacked_out": LUNGS_BLACKED_OUT}
    return {
        name: estimates(as_abnormal(read_predictions(folder / file)[part], Line(1.0, 0.0)), _areas)["auc"]
        for name, file in files.items()
        if (folder / file).is_file()
    }


def report(validation: ScoredImages, test: ScoredImages, folder: Path, part: str) -> dict[str, Any]:
    """The point, what it was measured to do and what the number is worth, as metrics.json holds it."""
    point = choose_point(validation, test)
    controls = plain(dict(abnormality_controls(folder, part)))
    return {"point": asdict(point), **measure_abnormality(test, point), "controls": controls}


def _summed(scored: ScoredImages) -> NDArray[np.float64]:
    diseases = [index for index, name in enumerate(scored.names) if name != NORMAL]
    return np.asarray(scored.probabilities[:, diseases].sum(axis=1))


def _areas_among_abnormal(scored: ScoredImages) -> Measures:
    return _areas(among_abnormal(scored))


def _areas(scored: ScoredImages) -> Measures:
    return {"auc": area_under_curve(scored.positive, scored.score)} | within_source_measures(scored)


def _measures(scored: ScoredImages) -> Measures:
    return _areas(scored) | {"calibration_error": calibration_error(scored)}
