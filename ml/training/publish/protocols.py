"""The protocols of published tables, trained and measured on the same images: our numbers beside theirs.

Their networks do not ship. Of each there stays what it said about the images that it had not seen.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.spec import Modality
from ml.training.data.manifest import Row, read_rows
from ml.training.data.split import Part, Parts, folds, group_of
from ml.training.measure.predictions import read_predictions, write_predictions

if TYPE_CHECKING:
    from ml.training.fit.plan import Plan
    from ml.training.scored_images import ScoredImages

RESULTS = Path(__file__).parents[3] / "docs" / "accuracy"
FOLDS = 5
DEFAULT_SIZES = "96:16,128:8"


@dataclass(frozen=True)
class Table:
    """One published result and how ours is measured for it.

    `published` gives their numbers by the names of our measures; `among` are the labels that take part: an image with
    another label is left out, and the probabilities of the rest are scaled to sum to 1.
    """

    title: str
    source: str
    published: Mapping[str, float]
    among: tuple[str, ...]


@dataclass(frozen=True)
class Protocol:
    """How a published set is divided. Each of the `partitions` trains one network, and its test part is measured."""

    name: str
    modality: Modality
    images: str
    ours: str
    theirs: str
    partitions: Callable[[Path], tuple[Parts, ...]]
    tables: tuple[Table, ...]


def path_of(row: Row) -> str:
    """Lets every image go its own way, whoever it shows: a split by it leaks."""
    return row.path


def _darkcovidnet(data: Path) -> tuple[Parts, ...]:
    return folds(read_rows(data, Modality.CXR, "darkcovidnet"), FOLDS)


def _ucsd(data: Path) -> tuple[Parts, ...]:
    names = {Part.TRAIN: "ucsd-train", Part.VALIDATION: "ucsd-val", Part.TEST: "ucsd-test"}
    return ({part: read_rows(data, Modality.CT, name) for part, name in names.items()},)


def _saopaulo(unit_of: Callable[[Row], str]) -> Callable[[Path], tuple[Parts, ...]]:
    def partitions(data: Path) -> tuple[Parts, ...]:
        rows = [row for row in read_rows(data, Modality.CT) if row.source == "saopaulo"]
        return folds(rows, FOLDS, unit_of=unit_of)

    return partitions


CT_LABELS = ("covid", "non-covid")
SAO_PAULO = Table("COVID-19 against none", "SARS-CoV-2 CT-scan (Soares et al., 2020)", {"accuracy": 0.9738}, CT_LABELS)
PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "darkcovidnet",
            Modality.CXR,
            "the 1,124 images of DarkCovidNet",
            f"{FOLDS} folds by group",
            "5 folds at random",
            _darkcovidnet,
            (
                Table(
                    "three classes",
                    "DarkCovidNet (Ozturk et al., 2020)",
                    {"accuracy": 0.8702},
                    ("covid", "pneumonia", "normal"),
                ),
                Table(
                    "COVID-19 against normal, from the network of three classes",
                    "DarkCovidNet (Ozturk et al., 2020)",
                    {"accuracy": 0.9808},
                    ("covid", "normal"),
                ),
            ),
        ),
        Protocol(
            "ucsd",
            Modality.CT,
            "COVID-CT of UCSD",
            "the official split",
            "the official split",
            _ucsd,
            (Table("COVID-19 against none", "He et al., 2020", {"f1/covid": 0.85, "auc/covid": 0.94}, CT_LABELS),),
        ),
        Protocol(
            "saopaulo-blocks",
            Modality.CT,
            "SARS-CoV-2 CT-scan of São Paulo",
            f"{FOLDS} folds by blocks of 40 consecutive slices",
            "at random",
            _saopaulo(group_of),
            (SAO_PAULO,),
        ),
        Protocol(
            "saopaulo-random",
            Modality.CT,
            "SARS-CoV-2 CT-scan of São Paulo",
            f"{FOLDS} folds at random: leaks, for slices of one patient are on both sides",
            "at random",
            _saopaulo(path_of),
            (SAO_PAULO,),
        ),
    )
}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml protocol`."""
    parser = commands.add_parser("protocol", help="train and measure by the protocol of a published table")
    parser.add_argument("name", choices=list(PROTOCOLS))
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv and the images")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs; the same folder resumes them")
    parser.add_argument("--architecture", default="densenet121")
    parser.add_argument("--sizes", default=DEFAULT_SIZES, help="SIDE:EPOCHS,... (default: %(default)s)")
    parser.add_argument("--width", type=int, default=4, help="divide the channels of every layer (default: 4)")
    parser.add_argument("--weights", metavar="FILE", help="best weights of a run on the other modality")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--precision", default="mixed_bfloat16", help="Keras dtype policy (default: %(default)s)")
    parser.add_argument("--folds", type=int, help="stop when so many folds are stored (default: all)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored answers")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from ml.training.fit.plan import Plan, parse_phases

    protocol = PROTOCOLS[options.name]
    plan = Plan(
        modality=protocol.modality,
        architecture=options.architecture,
        phases=parse_phases(options.sizes),
        weights=options.weights,
        width=options.width,
        batch=options.batch,
        seed=options.seed,
        precision=options.precision,
    )
    follow(protocol, plan, options.data, options.out, results=options.results, until=options.folds)


def follow(
    protocol: Protocol, plan: "Plan", data: Path, out: Path, *, results: Path = RESULTS, until: int | None = None
) -> None:
    """Train a network a fold and store what each says of its test part, going on where an interrupted call stopped.

    Writes <name>.csv and <name>.json into `results`; ends when `until` folds are stored, or all. Raises ValueError
    when the weights to start from may have seen these images, or when stored folds were trained otherwise.
    """
    _check_start(plan)
    stored = read_folds(protocol, results)
    for number, parts in enumerate(protocol.partitions(data)[:until], start=1):
        fold = f"fold-{number}"
        if fold not in stored:
            answers, story = _train_fold(plan, data, out / fold, parts)
            _check_story(protocol, results, story)
            stored[fold] = answers
            _store(protocol, results, stored, story)


def read_folds(protocol: Protocol, results: Path = RESULTS) -> dict[str, "ScoredImages"]:
    """The stored answers of a protocol by fold; empty when none has been run."""
    path = results / f"{protocol.name}.csv"
    return read_predictions(path) if path.is_file() else {}


def read_story(protocol: Protocol, results: Path = RESULTS) -> dict[str, Any]:
    """How the networks of the stored folds were trained, as `FinishedRun.story` tells it."""
    return json.loads((results / f"{protocol.name}.json").read_text())


def _train_fold(plan: "Plan", data: Path, folder: Path, parts: Parts) -> tuple["ScoredImages", dict[str, Any]]:
    """The fold's answers to its test part, and how its network was trained."""
    from ml.probability import softmax
    from ml.training.data import datasets
    from ml.training.fit.finished_run import FinishedRun
    from ml.training.fit.trainer import predict, train
    from ml.training.measure.controls import score_rows

    def given(data: Path, modality: Modality) -> Parts:
        return parts

    train(plan, data, folder, given)
    trained, rows = FinishedRun.read(folder), parts[Part.TEST]
    images = datasets.load(data, rows, trained.labels, size=trained.size, recipe=plan.recipe)
    answers = score_rows(rows, trained.labels, softmax(predict(trained.model(), images)))
    return answers, trained.story()


def _store(protocol: Protocol, results: Path, stored: Mapping[str, "ScoredImages"], story: dict[str, Any]) -> None:
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{protocol.name}.json").write_text(json.dumps(story, indent=2) + "\n")
    write_predictions(results / f"{protocol.name}.csv", stored)


def _check_story(protocol: Protocol, results: Path, story: dict[str, Any]) -> None:
    if read_folds(protocol, results) and read_story(protocol, results) != story:
        raise ValueError(
            f"{results / protocol.name}.csv holds folds of networks that were trained otherwise. Give the same "
            "settings as before, or remove it and its .json to begin anew."
        )


def _check_start(plan: "Plan") -> None:
    """Only weights that cannot have seen the images of the protocol's modality are no leak."""
    from ml.training.fit.plan import Plan
    from ml.training.fit.run_files import PLAN

    start = plan
    while start.warm_starts or start.grown_from is not None:
        folder = Path(start.grown_from) if start.grown_from is not None else Path(str(start.weights)).parent
        if not (folder / PLAN).is_file():
            raise ValueError(f"{folder} holds no {PLAN}: nothing says which images its weights have seen.")
        start = Plan.from_json(json.loads((folder / PLAN).read_text()))
        if start.modality is plan.modality:
            raise ValueError(f"The weights in {folder} have seen {plan.modality.value} images: they may leak.")
