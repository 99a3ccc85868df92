"""What a network knows of the questions that it was taught: measured within a place first, then at every source."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml.abnormality import calibrated, logit
from ml.training.data.questions import ABNORMAL, COVID_AMONG_ABNORMAL, DOMAINS, Question, domain_of
from ml.training.measure.bootstrap import estimates
from ml.training.measure.calibration import find_positive_from, find_threshold
from ml.training.measure.report import operating_estimates, plain, zone_estimates
from ml.training.measure.sources import mean_by_source, rates_by_source
from ml.training.metrics import Measures, calibration_error, within_source_measures
from ml.training.scored_images import ScoredImages

QUESTIONS = (ABNORMAL, COVID_AMONG_ABNORMAL)
SENSITIVITY_AIM, SPECIFICITY_AIM = 0.95, 0.90
NO = "no"


@dataclass(frozen=True)
class Answering:
    """How an answer is read: a calibration on the logit (Platt, 1999) and the bounds of three zones, all in [0, 1]."""

    slope: float
    intercept: float
    threshold: float
    positive_from: float


def ask(scored: ScoredImages, question: Question) -> ScoredImages:
    """The images that a question can be asked of, with its answer and the other one for labels.

    The probability of a side is that of its labels as a share of those the question is asked among.
    """
    among = [scored.names.index(label) for label in question.among]
    kept = scored.take(np.isin(scored.labels, among))
    positive = [scored.names.index(label) for label in question.positive]
    whole = kept.probabilities[:, among].sum(axis=1)
    share = kept.probabilities[:, positive].sum(axis=1) / np.maximum(whole, np.finfo(np.float64).tiny)
    return ScoredImages(
        (question.name, NO),
        np.stack([share, 1.0 - share], axis=1),
        (~np.isin(kept.labels, positive)).astype(np.int64),
        kept.sources,
        kept.groups,
        kept.paths,
    )


def at_home(asked: ScoredImages, question: Question) -> ScoredImages:
    """The images of domains that hold both sides of the question, each under the name of its domain."""
    domains = np.array([domain.name if (domain := domain_of(source)) else "" for source in asked.sources.tolist()])
    answering = [domain.name for domain in DOMAINS if domain.question is question]
    kept = np.isin(domains, answering)
    taken = asked.take(kept)
    return ScoredImages(
        taken.names, taken.probabilities, taken.labels, domains[kept].astype(np.str_), taken.groups, taken.paths
    )


def choose(asked: ScoredImages) -> Answering:
    """Calibration and zones from images of a held-out part. Raises ValueError where they are all on one side."""
    slope, intercept = _line(asked)
    scores, positive = _calibrated(asked.score, slope, intercept), asked.positive
    threshold = find_threshold(positive, scores, sensitivity=SENSITIVITY_AIM)
    start = find_positive_from(positive, scores, specificity=SPECIFICITY_AIM)
    return Answering(slope, intercept, threshold, max(threshold, start))


def read_answers(asked: ScoredImages, answering: Answering) -> ScoredImages:
    """The same images with calibrated answers."""
    scores = _calibrated(asked.score, answering.slope, answering.intercept)
    return asked.saying(np.stack([scores, 1.0 - scores], axis=1))


def report(validation: ScoredImages, held_out: ScoredImages) -> dict[str, Any]:
    """For each question how its answer is read and what it was measured to be worth, as plain values for JSON."""
    return {question.name: _report(question, validation, held_out) for question in QUESTIONS}


def _report(question: Question, validation: ScoredImages, held_out: ScoredImages) -> dict[str, Any]:
    answering = choose(at_home(ask(validation, question), question))
    everywhere = read_answers(ask(held_out, question), answering)
    home = at_home(everywhere, question)
    sides = (question.name, NO)
    return {
        "answering": asdict(answering),
        "estimates": plain(estimates(home, _measures)),
        "operating_point": plain(operating_estimates(home, answering.threshold)),
        "zones": plain(zone_estimates(home, answering.threshold, answering.positive_from)),
        "sources": rates_by_source(everywhere, answering.threshold, sides=sides),
        "sources/positive_zone": rates_by_source(everywhere, answering.positive_from, sides=sides),
        "mean_probability": mean_by_source(everywhere),
    }


def _measures(scored: ScoredImages) -> Measures:
    """The area under the curve within each domain, the mean of these, and the calibration error."""
    within = within_source_measures(scored)
    mean = float(np.mean(list(within.values()))) if within else float("nan")
    return {"auc_within": mean, **within, "calibration_error": calibration_error(scored)}


def _line(asked: ScoredImages) -> tuple[float, float]:
    """Slope and intercept to four digits; every group counts the same."""
    logits = np.array([[logit(score)] for score in asked.score.tolist()])
    _, which, sizes = np.unique(asked.groups, return_inverse=True, return_counts=True)
    model = LogisticRegression(C=np.inf)
    model.fit(logits, asked.positive, sample_weight=1.0 / sizes[which])
    return round(float(model.coef_[0, 0]), 4), round(float(model.intercept_[0]), 4)


def _calibrated(scores: NDArray[np.float64], slope: float, intercept: float) -> NDArray[np.float64]:
    return np.array([calibrated(score, slope, intercept) for score in scores.tolist()])
