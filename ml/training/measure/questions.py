"""What a network knows of the questions that it was taught: measured within a place first, then at every source."""

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.probability import softmax
from ml.spec import positive_zone_start
from ml.training.data.questions import (
    COVID_AMONG_ABNORMAL,
    Question,
    are_of,
    domain_of,
    domains_among,
    domains_of,
    likelihoods,
    questions_of,
    side_index,
)
from ml.training.measure import calibration
from ml.training.measure.bootstrap import estimates
from ml.training.measure.calibration import (
    CHOSEN_FOR,
    Calibration,
    Line,
    count_choosers,
    find_bounds,
    fit_line,
    likeliest_temperature,
    name_choosers,
)
from ml.training.measure.report import at_domains, operating_estimates, plain, zone_estimates
from ml.training.measure.sources import mean_by_source, rates_by_source
from ml.training.metrics import Measures, calibration_error, within_source_measures
from ml.training.scored_images import ScoredImages

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
    taken = at_domains(asked, domains_of(question))
    domains = [domain.name for source in taken.sources.tolist() if (domain := domain_of(source))]
    return replace(taken, sources=np.array(domains, dtype=np.str_))


def choose(asked: ScoredImages) -> Answering:
    """Calibration and zones from images of a held-out part. Raises ValueError where they are all on one side."""
    line = fit_line(asked.score, asked.positive, asked.groups)
    scores, aims = line.read(asked.score), {"sensitivity": SENSITIVITY_AIM, "specificity": SPECIFICITY_AIM}
    return Answering(line.slope, line.intercept, *find_bounds(scores, asked.positive, **aims))


def read_answers(asked: ScoredImages, answering: Answering) -> ScoredImages:
    """The same images with calibrated answers."""
    scores = Line(answering.slope, answering.intercept).read(asked.score)
    return asked.saying(np.stack([scores, 1.0 - scores], axis=1))


def calibrate(logits: NDArray[np.floating], about: ScoredImages) -> Calibration:
    """Temperature and zones from logits (n, labels) of images that can all answer a question.

    The temperature is that of the answers to their questions. The bounds of the first label are those that tell it from
    other disease where a place shows both: images of healthy lungs would say nothing of that. Raises ValueError for an
    image that can answer no question, and where no such place shows both. Where one question asks for all labels, as
    of slices, it is the calibration of any classifier.
    """
    if COVID_AMONG_ABNORMAL not in questions_of(about.names):
        return calibration.calibrate(logits, about.labels)
    names = [about.names[label] for label in about.labels.tolist()]
    targets = np.array([side_index(*each) for each in zip(about.sources.tolist(), names, strict=True)])
    temperature = likeliest_temperature(logits, partial(likelihoods, targets=targets, labels=about.names))
    domains = domains_among(COVID_AMONG_ABNORMAL, about.sources.tolist())
    home = are_of(about.sources.tolist(), domains)
    positive = about.positive[home]
    bounds = find_bounds(softmax(logits, temperature)[home, 0], positive)
    chosen_on = count_choosers(positive, about.groups[home])
    told = name_choosers(domains, chosen_on, (f"images of {about.names[0]}", "of other disease"))
    return Calibration(
        temperature,
        *bounds,
        domains=domains,
        kind="abnormal lungs",
        chosen_for=f"{CHOSEN_FOR} ({told})",
        chosen_on=chosen_on,
    )


def report(validation: ScoredImages, held_out: ScoredImages) -> dict[str, Any]:
    """For each question how its answer is read and what it was measured to be worth, as plain values for JSON."""
    return {question.name: _report(question, validation, held_out) for question in questions_of(validation.names)}


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
        "sources/positive_zone": rates_by_source(everywhere, positive_zone_start(answering.positive_from), sides=sides),
        "mean_probability": mean_by_source(everywhere),
    }


def _measures(scored: ScoredImages) -> Measures:
    """The area under the curve within each domain, the mean of these, and the calibration error."""
    within = within_source_measures(scored)
    mean = float(np.mean(list(within.values()))) if within else float("nan")
    return {"auc_within": mean, **within, "calibration_error": calibration_error(scored)}
