"""How steady the X-ray ensemble answers whether a lung is abnormal: measured on the validation part, which shapes no
number of accuracy.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.spec import Modality
from ml.training.measure.report import listed
from ml.training.publish.asking import Ensemble
from ml.training.publish.combine import WEIGHTS_ROOT
from ml.training.publish.protocols import RESULTS

if TYPE_CHECKING:
    from ml.preprocessing import Pixels

STEADINESS = "steadiness-cxr.json"
# Asks the networks of the last release, 0.1.0, the first question; what shipped in between was never released
RELEASED = "panel-cxr/1.1.0"
# What is compared between versions, and in which words one of them does better or worse
COMPARED = {
    "another_zone": ("Answers are more often in another zone", "Answers are less often in another zone"),
    "move": ("Probabilities move further", "Probabilities move less far"),
}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml steadiness`."""
    parser = commands.add_parser("steadiness", help="how often changes that nobody sees move an answer")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv and the images")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored answers")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    measured = measure_steadiness(options.data, options.root)
    # What versions before it were measured to do stays
    stored = {**read_steadiness(options.results), measured.pop("ensemble"): measured}
    path = options.results / STEADINESS
    path.write_text(json.dumps(stored, indent=2) + "\n")
    sys.stdout.write(f"{path}\n")


def read_steadiness(results: Path) -> dict[str, Any]:
    """What `measure_steadiness` gave, by the identity of the ensemble; empty where nothing is stored."""
    path = results / STEADINESS
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def tell_steadiness(results: Path, versions: Sequence[str]) -> Mapping[str, Any] | None:
    """What is stored of the newest of some versions that was measured, beside the one before it and what was released.

    `versions` are identities, the newest first. `released` is the identity of what was released last, if it is shown;
    `differences` are sentences about the newest beside each other one. None where nothing is stored.
    """
    stored = read_steadiness(results)
    measured = [each for each in versions if each in stored]
    if not measured:
        return None
    names = [each for each in measured if each in {*measured[:2], RELEASED}]
    now, *others = ({"ensemble": each, **stored[each]} for each in names)
    comparable = [each for each in others if each["images"] == now["images"]]
    return {
        "newest": versions[0],
        "released": RELEASED if RELEASED in names else None,
        "measured": [now, *others],
        "differences": {each["ensemble"]: told for each in comparable if (told := _differences(now, each))},
    }


def _differences(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """What is worse and what is better than before, change by change, and how far that is sure."""
    return [
        sentence
        for measure, words in COMPARED.items()
        for sign, how in zip((1, -1), words, strict=True)
        if (sentence := _difference(now["changes"], before["changes"], measure, sign, how))
    ]


def _difference(now: Mapping[str, Any], before: Mapping[str, Any], measure: str, sign: int, how: str) -> str:
    pairs = {name: (now[name][measure], before[name][measure]) for name in now if name in before}
    # By what the table shows: a difference in the fourth digit is none
    apart = [name for name, (new, old) in pairs.items() if sign * (round(new["value"], 3) - round(old["value"], 3)) > 0]
    sure = [name for name in apart if _are_apart(*pairs[name])]
    if not apart:
        return ""
    told = f"with intervals that do not overlap after {listed(sure)}" if sure else "with intervals that overlap"
    return f"{how} after {listed(apart)}; {told}."


def _are_apart(new: Mapping[str, float], old: Mapping[str, float]) -> bool:
    return new["low"] > old["high"] or new["high"] < old["low"]


def measure_steadiness(data: Path, root: Path) -> dict[str, Any]:
    """Which ensemble was asked, about how many images, and for each change how often it moved an answer.

    Raises ValueError where the ensemble is not asked whether a lung is abnormal.
    """
    from ml.training.data.datasets import read_pixels
    from ml.training.data.split import Part, by_group
    from ml.training.measure.steadiness import CHANGES, Moves, measure_moves, zone_numbers

    ensemble = Ensemble.load(root, Modality.CXR)
    point = ensemble.spec.abnormality
    if point is None:
        raise ValueError(f"{ensemble.spec.identity} is not asked whether a lung is abnormal.")
    rows = by_group(data, Modality.CXR)[Part.VALIDATION]
    images = [read_pixels(data / row.path) for row in rows]

    def answer(change: "Callable[[Pixels], Pixels]", title: str) -> NDArray[np.float64]:
        from tqdm import tqdm

        asked = (dict(zip(ensemble.spec.labels, ensemble.ask(change(image)), strict=True)) for image in images)
        return np.array([point.probability(each) for each in tqdm(asked, desc=title, total=len(images), unit="image")])

    before = answer(lambda pixels: pixels, "as they are")
    zones = zone_numbers(before, point.zone)
    groups = np.array([row.group for row in rows])
    moved = {name: answer(change, name) for name, change in CHANGES.items()}
    return {
        "ensemble": ensemble.spec.identity,
        "images": len(rows),
        "changes": {
            name: measure_moves(Moves(groups, before, after, zones, zone_numbers(after, point.zone)))
            for name, after in moved.items()
        },
    }
