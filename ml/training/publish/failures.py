"""What was seen to go wrong with the X-ray classifiers that ship, as their cards tell it: every number is stored.

To be run after `python -m ml left-out` and `steadiness`, which measure part of it.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ml.ensemble import EnsembleSpec
from ml.spec import ClassifierSpec, Modality, Zone, zone_of
from ml.training.measure.abnormality import second_question_controls
from ml.training.measure.predictions import PREDICTIONS, read_predictions, write_predictions
from ml.training.measure.report import REPORT
from ml.training.publish.asking import Ensemble, newest
from ml.training.publish.card import write_card, write_ensemble_card
from ml.training.publish.combine import TEST, WEIGHTS_ROOT
from ml.training.publish.left_out import file_of
from ml.training.publish.markdown import interval
from ml.training.publish.protocols import RESULTS
from ml.training.publish.steady import read_steadiness
from ml.training.scored_images import ScoredImages

# What each classifier says of X-rays as they came, before anybody reduced them, by the identity of the classifier
FULL_SIZE = "full-size-cxr.csv"
# What their names begin with, and which label that is
NAMED = {"covid": "covid", "other": "pneumonia", "normal": "normal"}
# By the hashes in manifest.csv nine of the twelve are images of the training part
TAUGHT = "most of which taught it in a smaller size"
TITLES = {"covid": "with COVID-19", "pneumonia": "with other disease", "normal": "normal"}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml failures`."""
    parser = commands.add_parser("failures", help="write what goes wrong into the cards of the X-ray classifiers")
    parser.add_argument(
        "--data", type=Path, help="folder with originals/cxr, to ask about these full-size X-rays first"
    )
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored answers")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    if options.data:
        write_predictions(options.results / FULL_SIZE, ask_full_size(options.data / "originals" / "cxr", options.root))
    for folder in write_failures(options.root, options.results):
        sys.stdout.write(f"{folder}\n")


def ask_full_size(folder: Path, root: Path) -> dict[str, ScoredImages]:
    """What the newest X-ray ensemble and each of its members say of the images of a folder, by identity.

    Their names begin with what they show: covid, normal or other. Raises ValueError for another name.
    """
    from ml.serving import prepare_once
    from ml.training.data.datasets import read_pixels

    ensemble = Ensemble.load(root, Modality.CXR)
    names, paths = ensemble.spec.labels, sorted(path for path in folder.iterdir() if path.is_file())
    shown = [path.name.partition("-")[0] for path in paths]
    if unknown := set(shown) - set(NAMED):
        raise ValueError(f"{folder} holds images whose names begin with {', '.join(sorted(unknown))}.")
    said: dict[str, list[list[float]]] = {}
    for path in paths:
        prepared = prepare_once(ensemble.members, read_pixels(path))
        answers = {
            each.spec.identity: each.answer_batch([prepared[each.input]])[0].probabilities for each in ensemble.members
        }
        for identity, answer in {**answers, ensemble.spec.identity: ensemble.spec.combine(answers)}.items():
            said.setdefault(identity, []).append([answer[name] for name in names])
    files = np.array([path.name for path in paths])
    labels = np.array([names.index(NAMED[each]) for each in shown])
    sources = np.full(len(paths), "originals")
    return {each: ScoredImages(names, np.array(rows), labels, sources, files, files) for each, rows in said.items()}


def write_failures(root: Path, results: Path) -> list[Path]:
    """Write the cards of the newest X-ray ensemble and of its members again; returns their folders."""
    from ml.serving.bundle import read_bundle

    ensemble = newest(root, Modality.CXR)
    members = [read_bundle(root / member).spec for member in ensemble.members]
    *folders, last = [root / identity for identity in (*ensemble.members, ensemble.identity)]
    for spec, folder in zip(members, folders, strict=True):
        write_card(folder, spec, _report(folder), tell_failures(spec, folder, results))
    write_ensemble_card(last, ensemble, _report(last), members, tell_ensemble_failures(ensemble, results))
    return [*folders, last]


def _report(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / REPORT).read_text(encoding="utf-8")))


def tell_failures(spec: ClassifierSpec, folder: Path, results: Path) -> list[str]:
    """Sentences about a member: at places that were left out, without lungs, and on full-size X-rays."""
    return [*_left_out(spec.identity, results), *_without_lungs(folder), *_full_size(spec, results)]


def tell_ensemble_failures(ensemble: EnsembleSpec, results: Path) -> list[str]:
    """Sentences about the ensemble, beside the tables of its card: on full-size X-rays, and how unsteady it is."""
    return [*_full_size_abnormal(ensemble, results), *_full_size(ensemble, results), *_unsteady(ensemble, results)]


def _left_out(identity: str, results: Path) -> list[str]:
    path = results / file_of(Modality.CXR)
    found = json.loads(path.read_text())["subjects"].get(identity, {}) if path.is_file() else {}
    told = ", ".join(f"{interval(each['auc'])} at {place}" for place, each in found.items())
    return [
        f"At places that its last layer was not taught on, whether a lung is abnormal has an AUC of {told}."
    ] * bool(told)


def _without_lungs(folder: Path) -> list[str]:
    said = read_predictions(folder / PREDICTIONS)[TEST]
    found = second_question_controls(said, folder, TEST)
    blind = {place: each["lungs_blacked_out"] for place, each in found.items() if "lungs_blacked_out" in each}
    return [
        f"It also looks beside the lungs: with these blacked out it still tells COVID-19 from other disease within "
        f"{place}, with an AUC of {area}."
        for place, area in blind.items()
        if area.low > 0.5
    ]


def _full_size(spec: ClassifierSpec | EnsembleSpec, results: Path) -> list[str]:
    said, point = _said(spec.identity, results), spec.operating_point
    if said is None:
        return []
    zones = [zone_of(score, point.threshold, point.positive_from) for score in said.score.tolist()]
    missed = _count(said, zones, ("covid",), Zone.NEGATIVE)
    alarms = _count(said, zones, ("pneumonia", "normal"), Zone.POSITIVE)
    unsure = zones.count(Zone.INDETERMINATE)
    return [
        (
            f"Asked for COVID-19 in {len(zones)} full-size X-rays, {TAUGHT}, it is negative for {missed}, positive for "
            f"{alarms}, and indeterminate for {unsure} of all."
        )
    ]


def _full_size_abnormal(ensemble: EnsembleSpec, results: Path) -> list[str]:
    said, point = _said(ensemble.identity, results), ensemble.abnormality
    if said is None or point is None:
        return []
    answers = [dict(zip(said.names, row, strict=True)) for row in said.probabilities.tolist()]
    zones = [point.zone(point.probability(answer)) for answer in answers]
    missed = _count(said, zones, ("covid", "pneumonia"), Zone.NEGATIVE)
    alarms = _count(said, zones, ("normal",), Zone.POSITIVE)
    return [
        (
            f"Of the lungs in {len(zones)} full-size X-rays, {TAUGHT}, {missed} are called clear, and {alarms} "
            "abnormal (docs/adr/0236)."
        )
    ]


def _said(identity: str, results: Path) -> ScoredImages | None:
    path = results / FULL_SIZE
    return read_predictions(path).get(identity) if path.is_file() else None


def _count(said: ScoredImages, zones: Sequence[Zone], labels: tuple[str, ...], zone: Zone) -> str:
    told = []
    for label in labels:
        of = [each for each, true in zip(zones, said.labels.tolist(), strict=True) if said.names[true] == label]
        told.append(f"{of.count(zone)} of {len(of)} {TITLES[label]}")
    return " and ".join(told)


def _unsteady(ensemble: EnsembleSpec, results: Path) -> list[str]:
    measured: Mapping[str, Any] = read_steadiness(results).get(ensemble.identity, {})
    if not measured:
        return []
    moved = {name: each["another_zone"] for name, each in measured["changes"].items()}
    worst = max(moved, key=lambda name: float(moved[name]["value"]))
    share = f"a share of {interval(moved[worst])} of {measured['images']} X-rays after {worst}"
    return [f"Changes that say nothing about a lung move answers to another zone: {share}, the worst of {len(moved)}."]
