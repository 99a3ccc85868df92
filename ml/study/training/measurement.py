"""Compare the ways from images to a study on the part that chooses, or look at the test part once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ml.ensemble import EnsembleSpec
from ml.gate import Gate
from ml.serving import load
from ml.spec import Modality, OperatingPoint
from ml.study.ct import METHOD, VERSION
from ml.study.inference import Panel
from ml.study.training.frontals import score_frontals
from ml.study.training.units import (
    CHOSEN,
    ScoredUnits,
    Unit,
    areas,
    areas_and_leads,
    dilute,
    lung_areas,
    methods,
    score_units,
    units,
)
from ml.study.training.whole_series import measure_series, whole_series
from ml.training.measure.bootstrap import estimates, with_exact_bounds
from ml.training.measure.predictions import PREDICTIONS, read_predictions
from ml.training.measure.report import plain
from ml.training.metrics import Measures
from ml.training.publish.asking import newest
from ml.training.publish.protocols import PROTOCOLS, read_folds
from ml.training.scored_images import ScoredImages

SHARES = (1.0, 0.5, 0.25, 0.125)
# Networks of published protocols: each answered for images that it had not seen. They do not ship.
FOLDS = {"saopaulo-blocks": "São Paulo, out of fold", "ucsd": "UCSD, official test part"}
COMPOSED = "saopaulo-blocks"


def measure(root: Path, data: Path, part: str) -> dict[str, Any]:
    """All numbers of a part, as plain values for JSON.

    The validation part chooses, together with what the networks of published protocols said of images outside the
    test part of the ensemble. Raises FileNotFoundError when images or predictions are missing.
    """
    ensemble = newest(root, Modality.CT)
    point = ensemble.operating_point
    found = {name: units(scored, lung_areas(data, scored.paths)) for name, scored in _sets(root, ensemble, part)}
    report: dict[str, Any] = {
        "part": part,
        "method": {"name": METHOD, "version": VERSION, "chosen": CHOSEN, "ensemble": ensemble.identity},
        "auc": {name: _compared(held, point) for name, held in found.items()},
        "bounds": {name: _at_bounds(held, point) for name, held in found.items() if "panel" in name},
        "frontals": _frontals(root, part),
    }
    if part == "validation":
        report["composed"] = _composed(found[FOLDS[COMPOSED]], point)
        report["series"] = _series(root, data, ensemble)
    return report


def _sets(root: Path, ensemble: EnsembleSpec, part: str) -> Iterator[tuple[str, ScoredImages]]:
    """By source, then pooled, what the ensemble said; to choose, also what networks of protocols said."""
    said = read_predictions(root / ensemble.identity / PREDICTIONS)
    held = said[part]
    for source in sorted(set(held.sources.tolist())):
        yield f"{source}, panel", held.take(held.sources == source)
    yield "both sources, panel", held
    if part == "validation":
        test = set(said["test"].groups.tolist())
        for protocol, title in FOLDS.items():
            yield title, _outside(_together(read_folds(PROTOCOLS[protocol])), test)


def _together(folds: dict[str, ScoredImages]) -> ScoredImages:
    each = list(folds.values())
    columns = {
        name: np.concatenate([getattr(fold, name) for fold in each])
        for name in ("probabilities", "labels", "sources", "groups", "paths")
    }
    return ScoredImages(each[0].names, **columns)


def _outside(scored: ScoredImages, groups: set[str]) -> ScoredImages:
    return scored.take(np.array([group not in groups for group in scored.groups.tolist()]))


def _compared(found: list[Unit], point: OperatingPoint) -> dict[str, Any]:
    scored = score_units(found, methods(point))
    sizes = [len(unit.slices) for unit in found]
    return {
        "units": len(found),
        "positive": int(scored.positive.sum()),
        "median_slices": float(np.median(sizes)),
        **plain(estimates(scored, areas_and_leads)),
    }


def _composed(found: list[Unit], point: OperatingPoint) -> dict[str, Any]:
    """AUC when only a share of the slices of a positive block is its own."""
    ways = methods(point)
    return {str(share): plain(estimates(score_units(dilute(found, share), ways), areas_and_leads)) for share in SHARES}


def _at_bounds(found: list[Unit], point: OperatingPoint) -> dict[str, Any]:
    """Sensitivity and specificity of the chosen method for units, at the bounds that were chosen for slices."""
    scored = score_units(found, {CHOSEN: methods(point)[CHOSEN]})

    def rates(scored: ScoredUnits) -> Measures:
        score, positive = scored.scores[:, 0], scored.positive
        bounds = {"threshold": point.threshold, "positive_from": point.positive_from}
        sensitivity = {f"sensitivity/{name}": _mean(score[positive] >= bound) for name, bound in bounds.items()}
        specificity = {f"specificity/{name}": _mean(score[~positive] < bound) for name, bound in bounds.items()}
        return sensitivity | specificity

    sides = {"sensitivity": int(scored.positive.sum()), "specificity": int((~scored.positive).sum())}
    measured = estimates(scored, rates)
    return plain({name: with_exact_bounds(value, sides[name.split("/")[0]]) for name, value in measured.items()})


def _mean(values: Any) -> float:
    return float(values.mean()) if values.size else float("nan")


def _frontals(root: Path, part: str) -> dict[str, Any]:
    said = read_predictions(root / newest(root, Modality.CXR).identity / PREDICTIONS)[part]
    scored = score_frontals(said)
    return {
        "groups": len(scored.groups),
        "positive": int(scored.positive.sum()),
        **plain(estimates(scored, areas)),
    }


def _series(root: Path, data: Path, ensemble: EnsembleSpec) -> dict[str, Any]:
    members = [each for each in load(root, Modality.CT) if each.spec.identity in ensemble.members]
    panel = Panel(Gate.load(root), members, Modality.CT)
    ways = methods(ensemble.operating_point)
    return {whole.name: measure_series(whole, panel, ensemble, ways) for whole in whole_series(data)}
