"""What a held-out part says of a classifier or an ensemble: every number with its 95 % interval over groups."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml.spec import Estimate, OperatingPoint
from ml.training.data.questions import are_of
from ml.training.measure.bootstrap import estimates, with_exact_bounds
from ml.training.measure.calibration import Calibration
from ml.training.measure.predictions import BORDER_PIXELS, LUNGS_BLACKED_OUT, read_predictions
from ml.training.metrics import (
    Measures,
    area_under_curve,
    classification_measures,
    confusion,
    operating_measures,
    within_source_measures,
    zone_measures,
)
from ml.training.scored_images import ScoredImages

REPORT = "metrics.json"
CONTROLS = {"border_pixels": "border_pixels_auc", "lungs_blacked_out": "lungs_blacked_out_auc"}


def measure(scored: ScoredImages, calibration: Calibration, part: str) -> dict[str, Any]:
    """The measures of a part with probabilities already calibrated, as plain values for JSON.

    Operating point and zones are measured where they were chosen: on the images of `calibration.domains`. `home` tells
    of these, where there are any.
    """
    home = at_domains(scored, calibration.domains)
    return {
        "measured_on": f"the {part} part ({scored.size})",
        "labels": list(scored.names),
        "support": support(scored),
        "temperature": calibration.temperature,
        "operating_point": {
            "positive_label": scored.names[0],
            "threshold": calibration.threshold,
            "positive_from": calibration.positive_from,
            "chosen_for": calibration.chosen_for,
            "measured_on": on_part(part, calibration.domains, calibration.kind),
            **plain(operating_estimates(home, calibration.threshold)),
            **({"domains": list(calibration.domains)} if calibration.domains else {}),
        },
        "zones": plain(zone_estimates(home, calibration.threshold, calibration.positive_from)),
        "estimates": plain(all_estimates(scored)),
        "confusion": confusion(scored).tolist(),
        **({"home": _home(home, calibration)} if calibration.domains else {}),
    }


def _home(scored: ScoredImages, calibration: Calibration) -> dict[str, Any]:
    """Of the images of the domains that chose the bounds: how many there are, what they are worth, and who chose."""
    return {
        "size": scored.size,
        "support": support(scored),
        **plain(estimates(scored, lambda each: {"auc": area_under_curve(each.positive, each.score)})),
        "chosen_on": calibration.chosen_on,
    }


def all_estimates(scored: ScoredImages) -> dict[str, Estimate]:
    """Everything that needs no threshold, the AUC within each source included."""
    return estimates(scored, _all_measures)


def operating_estimates(scored: ScoredImages, threshold: float) -> dict[str, Estimate]:
    """Sensitivity and specificity at a threshold."""
    return _with_exact_bounds(scored, estimates(scored, operating_measures(threshold)))


def zone_estimates(scored: ScoredImages, threshold: float, positive_from: float) -> dict[str, Estimate]:
    """What the three zones do; see `zone_measures`."""
    return _with_exact_bounds(scored, estimates(scored, zone_measures(threshold, positive_from)))


def controls(folder: Path, part: str) -> dict[str, Any]:
    """The same measures, told from border pixels and with the lungs blacked out, as far as the folder holds them."""
    files = {"border_pixels": BORDER_PIXELS, "lungs_blacked_out": LUNGS_BLACKED_OUT}
    stored = {name: folder / file for name, file in files.items() if (folder / file).is_file()}
    return {name: plain(all_estimates(read_predictions(path)[part])) for name, path in stored.items()}


def operating_point(report: dict[str, Any]) -> OperatingPoint:
    """The operating point that a report describes."""
    return OperatingPoint.from_fields(report["operating_point"])


def headline(report: dict[str, Any]) -> dict[str, Any]:
    """The numbers a result page quotes; metrics.json has all of them.

    Where some domains alone measured the zones, `zones_measured_on` says so, and their own AUC stands beside that of
    all images.
    """
    positive, measured = report["labels"][0], report["estimates"]
    names = ["accuracy", f"auc/{positive}", "calibration_error"]
    names += [name for name in measured if name.startswith("auc_within/")]
    blind = report["controls"]
    return {
        "measured_on": report["measured_on"],
        **{name: measured[name] for name in names},
        **{title: blind[name][f"auc/{positive}"] for name, title in CONTROLS.items() if name in blind},
        **report["zones"],
        **_headline_of_domains(report, positive),
    }


def _headline_of_domains(report: dict[str, Any], positive: str) -> dict[str, Any]:
    home = report.get("home", {})
    area = {f"auc/{positive}/domains": home["auc"]} if "auc" in home else {}
    return area | ({"zones_measured_on": report["operating_point"]["measured_on"]} if home else {})


def plain(measured: dict[str, Estimate]) -> dict[str, Any]:
    """Estimates as JSON has them."""
    return {name: asdict(estimate) for name, estimate in measured.items()}


def at_domains(scored: ScoredImages, domains: Sequence[str]) -> ScoredImages:
    """The images of some domains (ml.training.data.questions); all images where none is named."""
    return scored.take(are_of(scored.sources.tolist(), domains)) if domains else scored


def support(scored: ScoredImages) -> dict[str, int]:
    """The number of images of each label."""
    return {name: int((scored.labels == index).sum()) for index, name in enumerate(scored.names)}


def on_part(part: str, domains: Sequence[str], kind: str = "images") -> str:
    """What was measured on, in words; `kind` says what the images of the domains show."""
    return f"the {kind} of {listed(domains)} in the {part} part" if domains else f"the {part} part"


def listed(names: Sequence[str]) -> str:
    """One, two and three."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _all_measures(scored: ScoredImages) -> Measures:
    return classification_measures(scored) | within_source_measures(scored)


def _with_exact_bounds(scored: ScoredImages, measured: dict[str, Estimate]) -> dict[str, Estimate]:
    """Shares of exactly 0 or 1 get the doubt that resampling misses, by the groups that they are shares of."""
    members = {"sensitivity": scored.positive, "specificity": ~scored.positive}
    counts = {name: len(set(scored.groups[which].tolist())) for name, which in members.items()}
    everybody = len(set(scored.groups.tolist()))
    return {
        name: with_exact_bounds(estimate, counts.get(name.split("/")[0], everybody))
        for name, estimate in measured.items()
    }
