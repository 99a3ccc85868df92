"""Choose on the validation part how an ensemble answers whether a lung is abnormal, and measure that on the test part.

The bounds are no copies of those for the positive label. A lung wrongly called abnormal costs a look, one wrongly
called clear may cost a diagnosis: so the clear zone keeps the usual aim, and the abnormal zone may be wrong more often.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.abnormality import AbnormalityPoint
from ml.spec import Estimate, positive_zone_start
from ml.training.data.questions import COVID_AMONG_ABNORMAL
from ml.training.measure.bootstrap import estimates
from ml.training.measure.calibration import Line, count_choosers, find_bounds, fit_line, name_choosers
from ml.training.measure.predictions import BORDER_PIXELS, LUNGS_BLACKED_OUT, read_predictions
from ml.training.measure.questions import ask, at_home
from ml.training.measure.report import (
    at_domains,
    on_part,
    operating_estimates,
    plain,
    support,
    zone_estimates,
)
from ml.training.measure.sources import Rates, rates_by_source
from ml.training.metrics import Measures, calibration_error, positive_area, within_source_measures
from ml.training.scored_images import ScoredImages

NORMAL, ABNORMAL = "normal", "abnormal"
SIDES = (ABNORMAL, NORMAL)
SENSITIVITY_AIM, SPECIFICITY_AIM = 0.95, 0.90
AIMS = {"sensitivity": SENSITIVITY_AIM, "specificity": SPECIFICITY_AIM}
BLIND = {"border_pixels": BORDER_PIXELS, "lungs_blacked_out": LUNGS_BLACKED_OUT}
CHOSEN_FOR = (
    f"sensitivity of at least {SENSITIVITY_AIM:.2f}, the abnormal zone for a specificity of at least "
    f"{SPECIFICITY_AIM:.2f}, both on the validation part"
)


@dataclass(frozen=True)
class Bounds:
    """How the summed probabilities of diseases are read: calibrated by `line`, then the bounds of the three zones."""

    line: Line
    threshold: float
    abnormal_from: float


def can_be_asked(scored: ScoredImages) -> bool:
    """Whether one label means a lung without disease, which "no COVID-19" does not."""
    return NORMAL in scored.names


def as_abnormal(scored: ScoredImages, line: Line) -> ScoredImages:
    """The same images with two labels, abnormal and normal, and calibrated probabilities of them."""
    normal = scored.names.index(NORMAL)
    abnormal = line.read(_summed(scored))
    return ScoredImages(
        SIDES,
        np.stack([abnormal, 1.0 - abnormal], axis=1),
        (scored.labels == normal).astype(np.int64),
        scored.sources,
        scored.groups,
        scored.paths,
    )


def fit(scored: ScoredImages) -> Line:
    """The line that calibrates whether a lung is abnormal; see `fit_line`."""
    return fit_line(_summed(scored), scored.labels != scored.names.index(NORMAL), scored.groups)


def choose_bounds(choosing: ScoredImages) -> Bounds:
    """Calibration and bounds that keep AIMS on these images.

    Raises ValueError where their lungs are all abnormal or all not.
    """
    line = fit(choosing)
    asked = as_abnormal(choosing, line)
    return Bounds(line, *find_bounds(asked.score, asked.positive, **AIMS))


def choose_point(validation: ScoredImages, test: ScoredImages, domains: Sequence[str] = ()) -> AbnormalityPoint:
    """Calibration and bounds from the validation part, with what they do on the test part.

    Where `domains` are given their images alone choose, and measure what is not said by source. Raises ValueError where
    the lungs of those who choose are all abnormal or all not.
    """
    choosing = at_domains(validation, domains)
    bounds = choose_bounds(choosing)
    asked, measured = (as_abnormal(each, bounds.line) for each in (choosing, test))
    rates = operating_estimates(at_domains(measured, domains), bounds.threshold)
    return AbnormalityPoint(
        labels=tuple(name for name in test.names if name != NORMAL),
        slope=bounds.line.slope,
        intercept=bounds.line.intercept,
        threshold=bounds.threshold,
        abnormal_from=bounds.abnormal_from,
        chosen_for=f"{CHOSEN_FOR} ({_choosers(asked, domains)})" if domains else CHOSEN_FOR,
        sensitivity=rates["sensitivity"],
        specificity=rates["specificity"],
        sources=rates_by_source(measured, bounds.threshold, sides=SIDES),
        measured_on=on_part("test", domains),
        domains=tuple(domains),
    )


def _choosers(asked: ScoredImages, domains: Sequence[str]) -> str:
    chosen_on = count_choosers(asked.positive, asked.groups, **AIMS)
    return name_choosers(domains, chosen_on, ("images of abnormal lungs", "of normal ones"))


def measure_abnormality(scored: ScoredImages, point: AbnormalityPoint) -> dict[str, Any]:
    """What the point does on a part, as plain values for JSON: every number with its interval."""
    asked = as_abnormal(scored, Line(point.slope, point.intercept))
    home = at_domains(asked, point.domains)
    return {
        "operating_point": plain(operating_estimates(home, point.threshold)),
        "zones": plain(zone_estimates(home, point.threshold, point.abnormal_from)),
        "estimates": plain(estimates(home, _measures)),
        "support": dict(zip(SIDES, np.bincount(home.labels, minlength=2).tolist(), strict=True)),
        **sources(asked, point.threshold, point.abnormal_from, sides=SIDES),
        "among_abnormal": plain(estimates(scored, _areas_among_abnormal)),
    }


def sources(
    scored: ScoredImages, threshold: float, positive_from: float, *, sides: tuple[str, str]
) -> dict[str, Rates]:
    """By source what the threshold does, and what the positive zone alone does as a call."""
    return {
        "sources": rates_by_source(scored, threshold, sides=sides),
        "sources/positive_zone": rates_by_source(scored, positive_zone_start(positive_from), sides=sides),
    }


def among_abnormal(scored: ScoredImages) -> ScoredImages:
    """The images of an abnormal lung: whether the positive label is told from other disease shows only there."""
    return scored.take(scored.labels != scored.names.index(NORMAL))


def abnormality_controls(folder: Path, part: str, domains: Sequence[str] = ()) -> Mapping[str, Estimate]:
    """The AUC of abnormal against normal told without any lung to see, as far as the folder holds the answers.

    On the images of `domains` where these are given, as for `choose_point`.
    """
    said = {name: at_domains(each, domains) for name, each in _blind(folder, part).items()}
    return {name: estimates(as_abnormal(each, Line(1.0, 0.0)), positive_area)["auc"] for name, each in said.items()}


def second_question_controls(scored: ScoredImages, folder: Path, part: str) -> dict[str, dict[str, Estimate]]:
    """What the answer to whether an abnormal lung is COVID-19 is worth, and how far it is told without any lung.

    By place that shows both: the AUC of the answer to the images as they are (`as_they_are`), then of those without
    lungs as far as the folder holds them. The answer is the probability of COVID-19 as a share of that of all disease.
    That of COVID-19 alone falls as soon as a lung looks normal, so that it hides what is told from beside the lung.
    """
    said = {"as_they_are": scored, **_blind(folder, part)}
    found = {name: _second_question_areas(each) for name, each in said.items()}
    return {place: {name: areas[place] for name, areas in found.items()} for place in found["as_they_are"]}


def _second_question_areas(scored: ScoredImages) -> dict[str, Estimate]:
    if not set(COVID_AMONG_ABNORMAL.among) <= set(scored.names):
        return {}
    answered = at_home(ask(scored, COVID_AMONG_ABNORMAL), COVID_AMONG_ABNORMAL)
    measured = estimates(answered, within_source_measures)
    return {name.removeprefix("auc_within/"): area for name, area in measured.items()}


def _blind(folder: Path, part: str) -> dict[str, ScoredImages]:
    """What was said without any lung to see, as far as the folder holds it."""
    stored = {name: folder / file for name, file in BLIND.items() if (folder / file).is_file()}
    return {name: read_predictions(path)[part] for name, path in stored.items()}


def report(
    validation: ScoredImages, test: ScoredImages, folder: Path, part: str, domains: Sequence[str] = ()
) -> dict[str, Any]:
    """The point, what it was measured to do and what the number is worth, as metrics.json holds it.

    `domains` as for `choose_point`.
    """
    point = choose_point(validation, test, domains)
    controls = plain(dict(abnormality_controls(folder, part, domains)))
    told: dict[str, Any] = {"home": home(validation, test, domains)} if domains else {}
    second = second_question_controls(test, folder, part)
    told |= {"second_question": {place: plain(areas) for place, areas in second.items()}} if second else {}
    return {"point": point.to_fields(), **measure_abnormality(test, point), "controls": controls, **told}


def home(validation: ScoredImages, test: ScoredImages, domains: Sequence[str]) -> dict[str, Any]:
    """How many images of the domains chose each bound, and how many of each label chose and measured."""
    choosing, measuring = at_domains(validation, domains), at_domains(test, domains)
    abnormal = choosing.labels != choosing.names.index(NORMAL)
    return {
        "chosen_on": count_choosers(abnormal, choosing.groups, **AIMS),
        "support": {"validation": support(choosing), "test": support(measuring)},
    }


def _summed(scored: ScoredImages) -> NDArray[np.float64]:
    diseases = [index for index, name in enumerate(scored.names) if name != NORMAL]
    return np.asarray(scored.probabilities[:, diseases].sum(axis=1))


def _areas_among_abnormal(scored: ScoredImages) -> Measures:
    return _areas(among_abnormal(scored))


def _areas(scored: ScoredImages) -> Measures:
    return positive_area(scored) | within_source_measures(scored)


def _measures(scored: ScoredImages) -> Measures:
    return _areas(scored) | {"calibration_error": calibration_error(scored)}
