"""What the X-ray ensemble says of places that nobody who made it had seen, and what such places tell without lungs."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.ensemble import EnsembleSpec
from ml.spec import Modality
from ml.training.data.questions import read_question_rows
from ml.training.measure.predictions import PREDICTIONS, read_predictions, write_predictions
from ml.training.publish.asking import Ensemble, newest
from ml.training.publish.combine import TEST, WEIGHTS_ROOT
from ml.training.publish.protocols import RESULTS

if TYPE_CHECKING:
    from ml.training.data.manifest import Row
    from ml.training.scored_images import ScoredImages

# What has to be known of a source where it is one of the places that nobody had seen
ABOUT = {
    "covid-cxnet": "shows COVID-19 alone",
    "rsna-opacity": "comes from the institution of the normal training images, with other greys",
    "shenzhen": "is a hospital in another country, and its disease is tuberculosis",
}
UNSEEN = "unseen-cxr.csv"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml places`."""
    parser = commands.add_parser("places", help="ask the X-ray ensemble about unseen sources; measure all controls")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest_v2.csv and the images")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored answers")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    # Imported late: the controls start Keras
    from ml.training.measure.question_controls import measure_controls

    for modality in Modality:
        path = options.results / controls_file(modality)
        answers = _test_answers(options.root, modality)
        path.write_text(json.dumps(measure_controls(options.data, modality, answers), indent=2) + "\n")
        sys.stdout.write(f"{path}\n")
    write_unseen(options.data, options.root, options.results)
    sys.stdout.write(f"{options.results / UNSEEN}\n")


def controls_file(modality: Modality) -> str:
    """The name of the file that holds what the controls of a modality reach."""
    return f"controls-{modality.value}.json"


def write_unseen(data: Path, root: Path, results: Path) -> None:
    """Store what the newest X-ray ensemble says of every image of the sources that none of its members learnt from.

    Nothing is stored of it where there is no such source. What versions before it said stays.
    """
    ensemble = newest(root, Modality.CXR)
    taught = _taught(root, ensemble)
    rows = tuple(row for row in read_question_rows(data) if not any(f"{row.source}:" in each for each in taught))
    path = results / UNSEEN
    said = read_predictions(path) if path.is_file() else {}
    said.pop(ensemble.identity, None)
    if rows:
        said[ensemble.identity] = _ask(data, root, rows)
    if said:
        write_predictions(path, said)
    else:
        path.unlink(missing_ok=True)


def read_unseen(results: Path, ensemble: str) -> "ScoredImages | None":
    """What `write_unseen` stored of the ensemble of that identity, None where nothing is."""
    path = results / UNSEEN
    return read_predictions(path).get(ensemble) if path.is_file() else None


def describe_sources(sources: Sequence[str]) -> str:
    """A sentence about sources; empty where there is nothing to say of any."""
    told = [f"{source} {ABOUT[source]}" for source in sources if source in ABOUT]
    return f"{'; '.join(told)}." if told else ""


def read_controls(results: Path, modality: Modality = Modality.CXR) -> Mapping[str, Any]:
    """What the controls were measured to reach, empty where nothing is stored."""
    path = results / controls_file(modality)
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def tell_above(name: str, found: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Where the AUC of a network is not surely above that of a control fitted in the domain itself, in a sentence."""
    doubts: dict[str, list[str]] = {}
    for domain, measured in found.items():
        for control, difference in measured["differences"].items():
            if control in titles and difference["low"] <= 0:
                doubts.setdefault(domain, []).append(titles[control])
    if not doubts:
        return f"{name} is surely above every control in its domain, by the paired interval of the difference."
    told = "; ".join(f"at {domain}, {', '.join(those)}" for domain, those in doubts.items())
    return f"**{name} is not surely above a control**, by the paired interval of the difference: {told}."


def _test_answers(root: Path, modality: Modality) -> dict[str, "ScoredImages"]:
    """What the newest ensemble said of the test part, by its identity."""
    ensemble = newest(root, modality)
    return {ensemble.identity: read_predictions(root / ensemble.identity / PREDICTIONS)[TEST]}


def _ask(data: Path, root: Path, rows: Sequence["Row"]) -> "ScoredImages":
    from tqdm import tqdm

    from ml.training.data.datasets import read_pixels
    from ml.training.measure.controls import score_rows

    ensemble = Ensemble.load(root, Modality.CXR)
    said = [ensemble.ask(read_pixels(data / row.path)) for row in tqdm(rows, desc="unseen places", unit="image")]
    return score_rows(tuple(rows), ensemble.spec.labels, np.array(said))


def _taught(root: Path, ensemble: EnsembleSpec) -> set[str]:
    """What the members learnt from, in the words of their specs: source, colon, count and terms."""
    from ml.serving.catalogue import catalogue

    return {source for spec in catalogue(root) if spec.identity in ensemble.members for source in spec.trained_on}
