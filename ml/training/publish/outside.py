"""Whether attention outside the lungs tells that an answer is wrong, of what ships and on the validation part.

Lungs are found twice: by the thresholds of `ml.lungs`, and by the network that ships.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.spec import Modality, Zone, zone_of
from ml.training.publish.asking import Ensemble
from ml.training.publish.combine import WEIGHTS_ROOT
from ml.training.publish.protocols import RESULTS

if TYPE_CHECKING:
    from ml.ensemble import EnsembleSpec
    from ml.preprocessing import Pixels, Size
    from ml.regions import Mask
    from ml.serving.lungs.finder import LungFinder
    from ml.training.data.manifest import Row

OUTSIDE = "attention-outside.json"
THRESHOLDS, NETWORK = "thresholds", "network"
LUNGS = (THRESHOLDS, NETWORK)
# The first question that a modality is asked decides.
FIRST, SECOND = "abnormal", "covid"
# Reads the zone of an image from one member's or the ensemble's probability of each label.
Zoning = Callable[[Mapping[str, float]], Zone]


@dataclass(frozen=True)
class Look:
    """What was said of one image, by identity, and where: `outside` by what found the lungs, NaN where not measured."""

    said: Mapping[str, Mapping[str, float]]
    outside: Mapping[str, Mapping[str, float]]
    found: Mapping[str, bool]


@dataclass(frozen=True)
class Asked:
    """One question: of which images, which of them are truly positive, and how each answer is read, by identity."""

    name: str
    among: NDArray[np.bool_]
    positive: NDArray[np.bool_]
    zoning: Mapping[str, Zoning]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml attention`."""
    parser = commands.add_parser("attention", help="whether attention outside the lungs tells a wrong answer")
    parser.add_argument("--data", type=Path, required=True, help="folder with the lists and the images")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored answers")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    measured = {modality.value: measure_attention(options.data, options.root, modality) for modality in Modality}
    path = options.results / OUTSIDE
    path.write_text(json.dumps(measured, indent=2) + "\n")
    sys.stdout.write(f"{path}\n")


def read_attention(results: Path) -> dict[str, Any]:
    """What `measure_attention` gave, by modality; empty where nothing is stored."""
    path = results / OUTSIDE
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def tell_attention(results: Path) -> dict[str, Any]:
    """The same, and in `single` of which classifiers by themselves the marked answers are surely more often wrong."""
    return {modality: found | {"single": _tell_single(found)} for modality, found in read_attention(results).items()}


def _tell_single(found: Mapping[str, Any]) -> str:
    from ml.training.measure.outside import DECIDING, is_informative
    from ml.training.measure.report import listed

    first = next(iter(found["questions"].values()))
    sure = {
        lungs: [
            identity
            for identity, measured in first.items()
            if identity != found["ensemble"] and is_informative(measured[lungs][str(DECIDING)])
        ]
        for lungs in LUNGS
    }
    told = [f"{listed(names)} (lungs by {lungs})" for lungs, names in sure.items() if names]
    if not told:
        return "Of no classifier by itself are the marked answers surely more often wrong."
    return f"By themselves these are surely more often wrong where they are marked: {'; '.join(told)}."


def measure_attention(data: Path, root: Path, modality: Modality) -> dict[str, Any]:
    """What the mark says of the answers of the newest ensemble and its members on the validation part.

    Raises ValueError where there is no ensemble, and BundleRefused where a network cannot serve.
    """
    from ml.serving.lungs.finder import LungFinder

    ensemble, finder = Ensemble.load(root, modality), LungFinder.load()
    rows = _validation(data, modality)
    return {
        "ensemble": ensemble.spec.identity,
        "lungs": f"lungs/{finder.spec.version}",
        **summarise(ensemble.spec, root, rows, list(_look_at_all(data, rows, ensemble, finder))),
    }


def summarise(spec: "EnsembleSpec", root: Path, rows: Sequence["Row"], looks: Sequence[Look]) -> dict[str, Any]:
    """The same of images that were looked at already."""
    from ml.training.measure.outside import DECIDING, is_informative

    questions = _questions(spec, root, rows)
    asked = {question.name: _measure_question(spec, rows, looks, question) for question in questions}
    deciding = asked[questions[0].name][spec.identity]
    return {
        "images": len(rows),
        "found": {lungs: round(float(np.mean([look.found[lungs] for look in looks])), 4) for lungs in LUNGS},
        "questions": asked,
        "informative": {lungs: is_informative(deciding[lungs][str(DECIDING)]) for lungs in LUNGS},
    }


def _validation(data: Path, modality: Modality) -> tuple["Row", ...]:
    """The images that chose the bounds of what ships."""
    from ml.training.data.questions import split_for_questions
    from ml.training.data.split import Part, by_group

    parts = split_for_questions(data, goes_on=True) if modality is Modality.CXR else by_group(data, modality)
    return parts[Part.VALIDATION]


def _look_at_all(data: Path, rows: Sequence["Row"], ensemble: Ensemble, finder: "LungFinder") -> Iterable[Look]:
    from tqdm import tqdm

    from ml.training.data.datasets import read_pixels

    for row in tqdm(rows, desc=f"attention, {ensemble.spec.modality.value}", unit="image"):
        yield _look(read_pixels(data / row.path), ensemble, finder)


def _look(pixels: "Pixels", ensemble: Ensemble, finder: "LungFinder") -> Look:
    from ml.lungs import lung_mask
    from ml.serving import predict_all
    from ml.serving.attention import share_outside

    modality = ensemble.spec.modality
    predictions = dict(
        zip((each.spec for each in ensemble.members), predict_all(ensemble.members, pixels), strict=True)
    )
    shape = next(iter(predictions.values())).attention.shape
    masks = {
        THRESHOLDS: lung_mask(pixels, modality, shape),
        NETWORK: _network_mask(finder, pixels, modality, (shape[0], shape[1])),
    }
    said = {spec.identity: dict(each.probabilities) for spec, each in predictions.items()}
    combined = ensemble.spec.combine(said)
    return Look(
        said | {ensemble.spec.identity: combined},
        {
            lungs: {
                # What speaks for the other classes has no place: nothing is to be found there
                spec.identity: share_outside(each.attention, mask)
                if mask is not None and each.attention_label == spec.operating_point.positive_label
                else float("nan")
                for spec, each in predictions.items()
            }
            for lungs, mask in masks.items()
        },
        {lungs: mask is not None for lungs, mask in masks.items()},
    )


def _network_mask(finder: "LungFinder", pixels: "Pixels", modality: Modality, shape: "Size") -> "Mask | None":
    """Lung by either convention, as the crop to the lungs takes it: in an X-ray also what heart and diaphragm hide."""
    from ml.serving.lungs.convention import Convention

    maps = finder.maps(pixels)
    if not maps[Convention.FIELDS].is_believed(finder.spec.limits[modality]):
        return None
    taken = (Convention.FIELDS,) if modality.is_tomographic else tuple(maps)
    return np.asarray(np.logical_or.reduce([maps[each].in_frame(shape) for each in taken]))


def _questions(spec: "EnsembleSpec", root: Path, rows: Sequence["Row"]) -> tuple[Asked, ...]:
    """The questions that a modality is asked, the one that decides first."""
    from ml.serving.catalogue import catalogue

    members = {each.identity: each for each in catalogue(root) if each.identity in spec.members}
    points = {identity: each.operating_point for identity, each in members.items()}
    points[spec.identity] = spec.operating_point
    covid = {identity: _by_operating_point(point) for identity, point in points.items()}
    truly = np.array([row.label == spec.operating_point.positive_label for row in rows])
    if spec.abnormality is None:
        return (Asked(SECOND, np.ones(len(rows), dtype=np.bool_), truly, covid),)
    from ml.training.data.questions import ABNORMAL, COVID_AMONG_ABNORMAL, are_of, domains_of

    sources = [row.source for row in rows]
    abnormal = np.array([row.label in ABNORMAL.positive for row in rows])
    zoning: dict[str, Zoning] = {identity: _by_answering(root / identity) for identity in members}
    point = spec.abnormality
    zoning[spec.identity] = lambda said: point.zone(point.probability(said))
    return (
        Asked(FIRST, are_of(sources, domains_of(ABNORMAL)), abnormal, zoning),
        Asked(SECOND, are_of(sources, domains_of(COVID_AMONG_ABNORMAL)) & abnormal, truly, covid),
    )


def _by_operating_point(point: Any) -> Zoning:
    return lambda said: point.zone(said[point.positive_label])


def _by_answering(folder: Path) -> Zoning:
    """How a classifier answers the first question: by the calibration and bounds that its report keeps."""
    from ml.abnormality import calibrated
    from ml.training.data.questions import ABNORMAL
    from ml.training.measure.report import REPORT

    read = json.loads((folder / REPORT).read_text())["questions"][ABNORMAL.name]["answering"]

    def zone(said: Mapping[str, float]) -> Zone:
        summed = sum(said[label] for label in ABNORMAL.positive) / sum(said[label] for label in ABNORMAL.among)
        return zone_of(calibrated(summed, read["slope"], read["intercept"]), read["threshold"], read["positive_from"])

    return zone


def _measure_question(
    spec: "EnsembleSpec", rows: Sequence["Row"], looks: Sequence[Look], asked: Asked
) -> dict[str, Any]:
    """By identity, then by what found the lungs: what `measure_marks` gives at each share, and `order`."""
    return {
        identity: {lungs: _measure_subject(spec, rows, looks, asked, identity, lungs) for lungs in LUNGS}
        for identity in (spec.identity, *spec.members)
    }


def _measure_subject(
    spec: "EnsembleSpec", rows: Sequence["Row"], looks: Sequence[Look], asked: Asked, identity: str, lungs: str
) -> dict[str, Any]:
    from ml.training.measure.outside import (
        SHARES,
        MarkedAnswers,
        mark_together,
        mean_outside,
        measure_marks,
        measure_order,
    )

    numbers = {Zone.NEGATIVE: -1, Zone.INDETERMINATE: 0, Zone.POSITIVE: 1}
    # Of a classifier its own map, of the ensemble those of its members
    mapped = spec.members if identity == spec.identity else (identity,)
    outside = np.array([[look.outside[lungs][each] for look in looks] for each in mapped])
    groups = np.array([row.group for row in rows])
    zones = np.array([numbers[asked.zoning[identity](look.said[identity])] for look in looks], dtype=np.int64)

    def answers(share: float) -> MarkedAnswers:
        marked = mark_together(outside, share)
        return MarkedAnswers(groups, asked.positive, zones, mean_outside(outside), marked).take(asked.among)

    measured = {str(share): measure_marks(answers(share)) for share in SHARES}
    return {**measured, "order": measure_order(answers(SHARES[0]))}
