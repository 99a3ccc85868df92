"""Ask what answers about the images that a classifier was measured on: which of both tells more about them?

Thresholds are not compared: the acceptance at a site chooses and measures those.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.ensemble import EnsembleSpec
from ml.serving.catalogue import catalogue
from ml.spec import ClassifierSpec, Estimate
from ml.training.measure.abnormality import NORMAL
from ml.training.measure.bootstrap import estimates
from ml.training.measure.predictions import PREDICTIONS, read_predictions
from ml.training.metrics import Measures, area_under_curve
from ml.training.publish.asking import Ensemble
from ml.training.publish.combine import TEST, WEIGHTS_ROOT
from ml.training.scored_images import ScoredImages

NEW, ANSWERING, DIFFERENCE = "new", "answering", "difference"
COLUMNS = (NEW, ANSWERING, DIFFERENCE)


@dataclass(frozen=True)
class Both:
    """What a new classifier and the ensemble that answers said of the same images."""

    new: ScoredImages
    answering: ScoredImages

    @property
    def groups(self) -> NDArray[np.str_]:
        return self.new.groups

    def take(self, which: NDArray[Any]) -> "Both":
        """Some of the images, by index."""
        return Both(self.new.take(which), self.answering.take(which))


@dataclass(frozen=True)
class Comparison:
    """Areas under the curve by what is told and by COLUMNS; `known` are sources that taught the ensemble too."""

    new: ClassifierSpec
    answering: EnsembleSpec
    size: str
    areas: Mapping[str, Mapping[str, Estimate]]
    known: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """What a person reads."""
        yield f"{self.new.identity} (new) and {self.answering.identity} (answering), on {self.size}."
        yield f"{'area under the curve':34}{''.join(f'{column:26}' for column in COLUMNS)}".rstrip()
        for title, measured in self.areas.items():
            yield f"{title:34}{''.join(f'{measured[column]!s:26}' for column in COLUMNS)}".rstrip()
        if self.known:
            yield (
                f"{self.answering.identity} learnt from images of {', '.join(self.known)}: what it says of these may "
                "be too good."
            )


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml compare`."""
    parser = commands.add_parser("compare", help="compare a new classifier with the ensemble that answers")
    parser.add_argument("name", metavar="NAME", help="of the new classifier, such as clinic-vgg16-cxr")
    parser.add_argument("--data", type=Path, required=True, help="folder with the images that it was measured on")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    for line in compare(options.root, options.data, options.name).lines():
        sys.stdout.write(f"{line}\n")


def compare(root: Path, data: Path, name: str) -> Comparison:
    """Compare a classifier with the ensemble of its modality, on the test part of the classifier.

    Raises ValueError where `root` holds no such classifier or ensemble, or the ensemble lacks a member, and
    FileNotFoundError where `data` lacks an image.
    """
    spec = next((each for each in catalogue(root) if each.name == name), None)
    if spec is None:
        raise ValueError(f"{root} holds no {name}. It holds {', '.join(each.name for each in catalogue(root))}.")
    said = read_predictions(root / spec.identity / PREDICTIONS)[TEST]
    ensemble = Ensemble.load(root, spec.modality)
    both = Both(said, _ask(ensemble, data, said))
    taught = [source for each in ensemble.members for source in each.spec.trained_on]
    known = [source for source in sorted(set(said.sources.tolist())) if any(f"{source}: " in each for each in taught)]
    measured = estimates(both, _areas)
    titles = dict.fromkeys(title for _, title in map(_split, measured))
    areas = {title: {column: measured[f"{column}/{title}"] for column in COLUMNS} for title in titles}
    return Comparison(spec, ensemble.spec, said.size, areas, tuple(known))


def _ask(ensemble: Ensemble, data: Path, about: ScoredImages) -> ScoredImages:
    """What an ensemble says of images of which others spoke, whose labels are some of its own."""
    from tqdm import tqdm

    from ml.training.data.datasets import read_pixels

    labels = ensemble.spec.labels
    missing = next((path for path in about.paths.tolist() if not (data / path).is_file()), None)
    if missing is not None:
        raise FileNotFoundError(f"{data / missing} is missing. Give --data the folder that the classifier learnt from.")
    images = tqdm(about.paths.tolist(), desc=ensemble.spec.identity, unit="image")
    said = np.array([ensemble.ask(read_pixels(data / path)) for path in images])
    truth = np.array([labels.index(about.names[label]) for label in about.labels.tolist()])
    return ScoredImages(labels, said, truth, about.sources, about.groups, about.paths)


def _areas(both: Both) -> Measures:
    """By column and title: each question over all images, and within each source that shows both of its sides."""
    measured: Measures = {}
    for column, scored in ((NEW, both.new), (ANSWERING, both.answering)):
        for told, score, positive, asked in _questions(scored):
            measured[f"{column}/{told}, everywhere"] = area_under_curve(positive[asked], score[asked])
            for source in sorted(set(scored.sources.tolist())):
                here = asked & (scored.sources == source)
                measured[f"{column}/{told}, {source}"] = area_under_curve(positive[here], score[here])
    differences = {
        f"{DIFFERENCE}/{title}": value - measured[f"{ANSWERING}/{title}"]
        for (column, title), value in ((_split(name), value) for name, value in measured.items())
        if column == NEW and f"{ANSWERING}/{title}" in measured
    }
    shared = {title for _, title in map(_split, differences)}
    return {name: value for name, value in measured.items() if _split(name)[1] in shared} | differences


def _questions(
    scored: ScoredImages,
) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]]:
    """What can be told: its name, a score and the truth of each image, and which images it is asked of."""
    everything = np.ones(len(scored.labels), dtype=np.bool_)
    if NORMAL not in scored.names:
        yield scored.names[0], scored.score, scored.positive, everything
        return
    normal = scored.names.index(NORMAL)
    abnormal = np.asarray(scored.labels != normal)
    clear = scored.probabilities[:, normal]
    yield "abnormal", 1.0 - clear, abnormal, everything
    share = scored.score / np.maximum(1.0 - clear, np.finfo(np.float64).tiny)
    yield f"{scored.names[0]} among abnormal", share, scored.positive, abnormal


def _split(name: str) -> tuple[str, str]:
    column, _, title = name.partition("/")
    return column, title
