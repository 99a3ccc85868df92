"""Join classifiers into an ensemble: calibrated on the validation part, measured once on the test part."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.abnormality import AbnormalityPoint
from ml.ensemble import ENSEMBLE, EnsembleSpec, ensemble_name
from ml.probability import mean_logarithm, pool
from ml.serving.catalogue import catalogue
from ml.spec import ClassifierSpec, Modality, positive_zone_start
from ml.training.data.questions import ABNORMAL, domains_among
from ml.training.measure import abnormality, questions
from ml.training.measure.bootstrap import estimates, with_exact_bounds
from ml.training.measure.calibration import Calibration, calibrate
from ml.training.measure.predictions import (
    BORDER_PIXELS,
    LUNGS_BLACKED_OUT,
    PREDICTIONS,
    read_predictions,
    write_predictions,
)
from ml.training.measure.report import REPORT, controls, headline, measure, operating_point, plain
from ml.training.measure.weighing import weigh
from ml.training.metrics import Measures
from ml.training.modalities import WORDS
from ml.training.publish.staging import staged
from ml.training.scored_images import ScoredImages

WEIGHTS_ROOT = Path(__file__).parents[2] / "weights"
VALIDATION, TEST = "validation", "test"


@dataclass(frozen=True)
class Member:
    """A classifier with what it said of each part."""

    folder: Path
    spec: ClassifierSpec
    said: dict[str, ScoredImages] = field(repr=False)

    @property
    def was_asked(self) -> bool:
        """Whether it was taught the questions that each source can answer."""
        return "questions" in json.loads((self.folder / REPORT).read_text())

    @classmethod
    def read(cls, root: Path, spec: ClassifierSpec) -> Self:
        """Raises FileNotFoundError or ValueError when its predictions are missing or incomplete."""
        folder = root / spec.name / spec.version
        said = read_predictions(folder / PREDICTIONS)
        for part in (VALIDATION, TEST):
            if part not in said or said[part].names != spec.labels:
                raise ValueError(f"{folder / PREDICTIONS} holds no {part} part for {', '.join(spec.labels)}.")
        return cls(folder, spec, said)


@dataclass(frozen=True)
class Votes:
    """An ensemble's predictions, and `stances` int (n, members): 1 in a member's positive zone, -1 in its negative."""

    ensemble: ScoredImages
    stances: NDArray[np.int_]
    threshold: float

    @property
    def groups(self) -> NDArray[np.str_]:
        return self.ensemble.groups

    @property
    def divided(self) -> NDArray[np.bool_]:
        """The images on which one member is positive and another negative."""
        return np.asarray((self.stances > 0).any(axis=1) & (self.stances < 0).any(axis=1))

    def take(self, which: NDArray[Any]) -> "Votes":
        """Some of the images, by index."""
        return Votes(self.ensemble.take(which), self.stances[which], self.threshold)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml combine`."""
    parser = commands.add_parser("combine", help="join the classifiers of a modality into a measured ensemble")
    parser.add_argument("--modality", type=Modality, choices=list(Modality), required=True)
    parser.add_argument("--version", default="1.0.0", help="of the ensemble (default: %(default)s)")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    sys.stdout.write(f"{combine(options.root, options.modality, version=options.version)}\n")


def combine(root: Path, modality: Modality, *, version: str) -> Path:
    """Write the ensemble of the newest classifiers of a modality and return its folder.

    Raises FileExistsError when the version is taken and ValueError when there are fewer than two classifiers or they
    were not measured on the same images.
    """
    folder = root / ensemble_name(modality) / version
    if folder.exists():
        raise FileExistsError(f"{folder} exists, and a released version never changes. Choose a new --version.")
    members = read_members(root, [spec for spec in catalogue(root) if spec.modality is modality])
    weights = _weigh(members)
    calibration = _calibrate(members, weights)
    with staged(folder) as staging:
        _write_predictions(staging, members, calibration.temperature, weights)
        # Measured on what was stored, so that every number can be had again from it
        said = read_predictions(staging / PREDICTIONS)
        report = _report(staging, said, calibration, members) | {"weights": weights}
        (staging / REPORT).write_text(json.dumps(report, indent=2) + "\n")
        ensemble = _ensemble(version, modality, report, members)
        (staging / ENSEMBLE).write_text(ensemble.to_json())
        _write_papers(staging, ensemble, report, said[TEST], members)
    return folder


def read_members(root: Path, specs: Sequence[ClassifierSpec]) -> tuple[Member, ...]:
    """The classifiers with their predictions, all about the same images. Raises ValueError."""
    if len(specs) < 2:
        raise ValueError(
            f"An ensemble needs two classifiers or more; {root} holds {len(specs)} of this modality. Train others on "
            "the same images, or let the one answer by itself: where there is no ensemble it does."
        )
    members = tuple(Member.read(root, spec) for spec in specs)
    for member in members[1:]:
        for part, said in members[0].said.items():
            if part not in member.said or not said.is_about_the_same_as(member.said[part]):
                raise ValueError(
                    f"{member.spec.identity} and {members[0].spec.identity} were not measured on the same images "
                    f"({part} part). Train, evaluate and export both with the same --data, or give a --root without "
                    "the one that is not to be a member."
                )
    return members


def disagreement(scored: ScoredImages, threshold: float, members: Sequence[Member]) -> dict[str, Any]:
    """How often members disagree on the test part, and how often the ensemble is wrong where they do and where not."""
    votes = Votes(scored, np.stack([_stances(member) for member in members], axis=1), threshold)
    witnesses = {
        where: len(set(votes.groups[which].tolist()))
        for where, which in (("agreed", ~votes.divided), ("divided", votes.divided))
    }
    everybody = len(set(votes.groups.tolist()))
    return plain(
        {
            name: with_exact_bounds(estimate, witnesses.get(name.rpartition("/")[2], everybody))
            for name, estimate in estimates(votes, _disagreement).items()
        }
    )


def _stances(member: Member) -> NDArray[np.int_]:
    score, point = member.said[TEST].score, member.spec.operating_point
    return np.where(score < point.threshold, -1, np.where(score >= positive_zone_start(point.positive_from), 1, 0))


def _disagreement(votes: Votes) -> Measures:
    divided = votes.divided
    wrong = {
        "error": votes.ensemble.predicted != votes.ensemble.labels,
        "wrong_side": (votes.ensemble.score >= votes.threshold) != votes.ensemble.positive,
    }
    rates = {
        f"{name}/{where}": float(errors[which].mean()) if which.any() else float("nan")
        for name, errors in wrong.items()
        for where, which in (("agreed", ~divided), ("divided", divided))
    }
    return {"disagreement": float(divided.mean()), **rates}


def _weigh(members: Sequence[Member]) -> tuple[float, ...]:
    """What each member counts, by what they say of the validation part; none, for all alike, where not all were asked.

    Labels of all sources together would give most to who tells the sources best.
    """
    if not _were_asked(members):
        return ()
    said = [member.said[VALIDATION] for member in members]
    return weigh(np.stack([each.probabilities for each in said]), said[0])


def _calibrate(members: Sequence[Member], weights: Sequence[float]) -> Calibration:
    said = [member.said[VALIDATION] for member in members]
    logits = mean_logarithm([each.probabilities for each in said], weights)
    return questions.calibrate(logits, said[0]) if _were_asked(members) else calibrate(logits, said[0].labels)


def _were_asked(members: Sequence[Member]) -> bool:
    """Whether all were taught questions (docs/adr/0219)."""
    return all(member.was_asked for member in members)


def _write_predictions(folder: Path, members: Sequence[Member], temperature: float, weights: Sequence[float]) -> None:
    """The ensemble's answers, to the images as they are and without lungs. Border pixels are the same for everybody."""
    said = [member.said for member in members]
    write_predictions(
        folder / PREDICTIONS, {part: _pooled(said, part, temperature, weights) for part in (VALIDATION, TEST)}
    )
    if all((member.folder / LUNGS_BLACKED_OUT).is_file() for member in members):
        blind = [read_predictions(member.folder / LUNGS_BLACKED_OUT) for member in members]
        write_predictions(folder / LUNGS_BLACKED_OUT, {TEST: _pooled(blind, TEST, temperature, weights)})
    border = members[0].folder / BORDER_PIXELS
    if border.is_file():
        (folder / BORDER_PIXELS).write_bytes(border.read_bytes())


def _pooled(
    said: Sequence[dict[str, ScoredImages]], part: str, temperature: float, weights: Sequence[float]
) -> ScoredImages:
    return said[0][part].saying(pool([each[part].probabilities for each in said], temperature, weights))


def _report(
    folder: Path, said: dict[str, ScoredImages], calibration: Calibration, members: Sequence[Member]
) -> dict[str, Any]:
    scored, bounds = said[TEST], (calibration.threshold, calibration.positive_from)
    domains = domains_among(ABNORMAL, said[VALIDATION].sources.tolist()) if _were_asked(members) else ()
    asked = abnormality.can_be_asked(scored)
    return {
        **measure(scored, calibration, TEST),
        **abnormality.sources(scored, *bounds, sides=("positive", "negative")),
        "abnormality": abnormality.report(said[VALIDATION], scored, folder, TEST, domains) if asked else None,
        "members": [member.spec.identity for member in members],
        "disagreement": disagreement(scored, calibration.threshold, members),
        "controls": controls(folder, TEST),
    }


def _ensemble(version: str, modality: Modality, report: dict[str, Any], members: Sequence[Member]) -> EnsembleSpec:
    rates = {name: value for name, value in report["disagreement"].items() if not name.startswith("wrong_side")}
    return EnsembleSpec(
        name=ensemble_name(modality),
        version=version,
        modality=modality,
        labels=members[0].spec.labels,
        members=tuple(report["members"]),
        temperature=report["temperature"],
        operating_point=operating_point(report),
        metrics=headline(report) | rates | _zones_of_abnormality(report),
        sources=report["sources"],
        answers=_answers(report),
        abnormality=AbnormalityPoint.from_fields(report["abnormality"]["point"]) if report["abnormality"] else None,
        research_only=bool(WORDS[modality].research_only),
        weights=tuple(report["weights"]),
    )


def _zones_of_abnormality(report: dict[str, Any]) -> dict[str, Any]:
    """What the two bounds of the first question do, and where that was measured, under names of their own."""
    asked = report["abnormality"]
    if not asked:
        return {}
    point = asked["point"]
    where = {"zones_measured_on": point["measured_on"]} if point.get("domains") else {}
    return {f"abnormality/{name}": value for name, value in (asked["zones"] | where).items()}


def _answers(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Precision and recall of each label where it is the likeliest."""
    measured = report["estimates"]
    return {
        label: {name: measured[f"{name}/{label}"] for name in ("precision", "recall")} for label in report["labels"]
    }


def _write_papers(
    folder: Path, ensemble: EnsembleSpec, report: dict[str, Any], scored: ScoredImages, members: Sequence[Member]
) -> None:
    # Imported late: the figures' module starts Keras
    from ml.training.measure.curves import curves, write_curves
    from ml.training.measure.figures import draw_evaluation
    from ml.training.publish.card import write_ensemble_card

    write_ensemble_card(folder, ensemble, report, [member.spec for member in members])
    drawn = curves(scored)
    write_curves(folder, drawn)
    draw_evaluation(folder, scored, drawn)
