"""How steady the X-ray ensemble answers whether a lung is abnormal: measured on the validation part, which shapes no
number of accuracy.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.spec import Modality
from ml.training.publish.asking import Ensemble
from ml.training.publish.combine import WEIGHTS_ROOT
from ml.training.publish.protocols import RESULTS

if TYPE_CHECKING:
    from ml.preprocessing import Pixels

STEADINESS = "steadiness-cxr.json"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml steadiness`."""
    parser = commands.add_parser("steadiness", help="how often changes that nobody sees move an answer")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv and the images")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored answers")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    path = options.results / STEADINESS
    path.write_text(json.dumps(measure_steadiness(options.data, options.root), indent=2) + "\n")
    sys.stdout.write(f"{path}\n")


def read_steadiness(results: Path) -> Mapping[str, Any] | None:
    """What `measure_steadiness` gave, None where nothing is stored."""
    path = results / STEADINESS
    return dict(json.loads(path.read_text())) if path.is_file() else None


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
