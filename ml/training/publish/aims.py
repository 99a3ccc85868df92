"""What was aimed at for version 2 of the classifiers, beside what was reached: every number from what is stored."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.ensemble import EnsembleSpec
from ml.spec import Modality, positive_zone_start, version_order
from ml.training.measure.abnormality import NORMAL, among_abnormal
from ml.training.measure.bootstrap import estimates
from ml.training.measure.predictions import PREDICTIONS, read_predictions
from ml.training.measure.report import REPORT, plain
from ml.training.metrics import positive_area
from ml.training.publish.asking import newest
from ml.training.publish.combine import TEST
from ml.training.publish.left_out import SAME_PEOPLE, file_of
from ml.training.publish.markdown import interval
from ml.training.publish.places import controls_file
from ml.training.publish.protocols import PROTOCOLS, read_folds
from ml.training.scored_images import ScoredImages, joined

Found = Mapping[str, Any]
# What the gate was tried with: made of right images, then what is no chest at all
SPOILT = ("turned", "inverted", "part", "blurred", "noise", "tilted", "enlarged", "several", "screen", "photograph,")
# A little askew is not spoilt
STILL_RIGHT = "right, tilted by 5 degrees"


@dataclass(frozen=True)
class Aim:
    """`what` was to reach `aim`, and did reach `reached`, all in words."""

    what: str
    aim: str
    reached: str
    met: bool


def tell_aims(root: Path, results: Path) -> list[Aim]:
    """All of them; empty where no X-ray ensemble is asked whether a lung is abnormal, or nothing was left out of it."""
    xray, path = newest(root, Modality.CXR), results / file_of(Modality.CXR)
    left_out = json.loads(path.read_text()) if path.is_file() else {}
    if xray.abnormality is None or left_out.get("ensemble") != xray.identity or not left_out.get("as_it_ships"):
        return []
    return [
        *_of_xrays(root, results, xray, left_out["as_it_ships"]),
        *_of_lungs(_newest_report(root / "lungs")),
        *_of_slices(root, results),
        *_of_gate(_newest_report(root / "gate")),
    ]


def _of_xrays(root: Path, results: Path, spec: EnsembleSpec, new: Found) -> Iterator[Aim]:
    report = json.loads((root / spec.identity / REPORT).read_text())
    first = report["abnormality"]["estimates"]
    above = json.loads((results / controls_file(Modality.CXR)).read_text())["above"][spec.identity]
    yield _at_least("AUC, abnormal lungs of rsna-opacity, test part", 0.97, first["auc_within/rsna-opacity"])
    yield _of_places("AUC, abnormal lungs, at each place that had no part in it", 0.88, new, "auc")
    yield _at_least("AUC, COVID-19 among abnormal lungs of ieee8023, test part", 0.85, above["ieee8023"]["auc"])
    yield _positive_zone(spec, read_predictions(root / spec.identity / PREDICTIONS)[TEST], report)
    yield _at_most("calibration error of the first question, test part", 0.05, first["calibration_error"])
    yield _of_places("calibration error at each place that had no part in it", 0.10, new, "calibration_error")
    doubtful = [name for name, each in above.items() if any(gap["low"] <= 0 for gap in each["differences"].values())]
    yield Aim(
        "AUC above every control within each place, by the paired interval",
        "surely",
        f"not at {', '.join(doubtful)}" if doubtful else "everywhere",
        not doubtful,
    )


def _positive_zone(spec: EnsembleSpec, said: ScoredImages, report: Found) -> Aim:
    """How many of other diseases it calls positive at the worst source, and how many of the right ones it finds."""
    called = said.score >= positive_zone_start(spec.operating_point.positive_from)
    other = among_abnormal(said).names.index(NORMAL)
    disease = (said.labels != 0) & (said.labels != other)
    shares = {name: float(called[disease & (said.sources == name)].mean()) for name in set(said.sources[disease])}
    worst = max(shares, key=shares.__getitem__)
    found = report["zones"]["sensitivity/positive_zone"]
    return Aim(
        "positive zone for COVID-19: other disease in it at the worst source, and sensitivity",
        "at most 0.15, at least 0.80",
        f"{shares[worst]:.3f} at {worst}, {interval(found)}",
        shares[worst] <= 0.15 and found["value"] >= 0.80,
    )


def _of_lungs(report: Found) -> Iterator[Aim]:
    for source, aim in {"shenzhen": 0.95, "ieee8023": 0.95, "medseg9": 0.92}.items():
        yield _at_least(
            f"Dice of the lungs, people of {source} who taught nothing", aim, report["test"][source]["dice"]
        )


def _of_slices(root: Path, results: Path) -> Iterator[Aim]:
    spec = newest(root, Modality.CT)
    measured = json.loads((root / spec.identity / REPORT).read_text())["estimates"]
    within = json.loads((results / file_of(Modality.CT)).read_text())["same_people"][spec.identity]["auc"]
    what = f"AUC, slices with lesions among those of one person of {SAME_PEOPLE}, left out"
    yield Aim(what, "at least 0.85", f"{within:.3f}", within >= 0.85)
    if folds := list(read_folds(PROTOCOLS["saopaulo-blocks"], results).values()):
        blocks = plain(estimates(joined(folds, folds[0].names), positive_area))["auc"]
        yield _at_least("AUC, blocks of saopaulo, a network made for this protocol", 0.90, blocks)
    yield _at_least(f"AUC within ucsd, test part, {spec.identity}", 0.80, measured["auc_within/ucsd"])


def _of_gate(report: Found) -> Iterator[Aim]:
    for modality, title in {"cxr": "X-rays", "ct": "slices"}.items():
        right, wrong = report["right_refused"][modality]["all"]["share"], report["wrong_accepted"][modality]
        yield _at_most(f"right {title} that the gate refuses", 0.02, right)
        spoilt = {name: each for name, each in wrong.items() if name.startswith(SPOILT)}
        others = [each for name, each in wrong.items() if name not in spoilt and name != STILL_RIGHT]
        refused = 1.0 - sum(each["codes"].get("accepted", 0) for each in others) / sum(
            each["images"] for each in others
        )
        yield Aim(f"what is no chest, said to be {title}: refused", "at least 0.98", f"{refused:.3f}", refused >= 0.98)
        passing = [name for name, each in spoilt.items() if each["share"]["value"] > 0.10]
        reached = f"all kinds but {'; '.join(passing)}" if passing else "all kinds"
        yield Aim(f"spoilt {title}: refused, of each kind", "at least 0.90", reached, not passing)


def _at_least(what: str, aim: float, found: Found) -> Aim:
    return Aim(what, f"at least {aim:.2f}", interval(found), found["value"] >= aim)


def _at_most(what: str, aim: float, found: Found) -> Aim:
    return Aim(what, f"at most {aim:.2f}", interval(found), found["value"] <= aim)


def _of_places(what: str, aim: float, new: Found, name: str) -> Aim:
    """An AUC has to be at least that at every place, an error at most."""
    tell = _at_least if name == "auc" else _at_most
    each = {place: tell(what, aim, found[name]) for place, found in new.items()}
    told = ", ".join(f"{one.reached} at {place}" for place, one in each.items())
    return Aim(what, next(iter(each.values())).aim, told, all(one.met for one in each.values()))


def _newest_report(folder: Path) -> Found:
    version = max((each.parent for each in folder.glob(f"*/{REPORT}")), key=lambda each: version_order(each.name))
    report: Found = json.loads((version / REPORT).read_text())
    return report
