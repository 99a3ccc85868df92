"""How every classifier that ships came about, and one command that makes them all again.

X-rays come first: there are more sources of them, and what their networks learnt helps those for CT.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ml.spec import Modality

if TYPE_CHECKING:
    from ml.training.fit.plan import Plan

WEIGHTS_ROOT = Path(__file__).parents[2] / "weights"
CXR, CT = Modality.CXR, Modality.CT


@dataclass(frozen=True)
class Recipe:
    """The choices of one run.

    `sizes` as for `python -m ml train`; `width` divides the channels; `grown_from` is the sibling architecture, of the
    same modality, that it starts as; `after` the modality whose network of the same architecture it starts from.
    """

    architecture: str
    modality: Modality
    sizes: str
    width: int = 4
    batch: int = 16
    grown_from: str | None = None
    after: Modality | None = None

    @property
    def name(self) -> str:
        """The name of the classifier, such as vgg16-cxr."""
        return _name(self.architecture, self.modality)

    @property
    def base(self) -> str | None:
        """The name of the classifier of the other modality that it starts from."""
        return _name(self.architecture, self.after) if self.after else None

    def plan(self, runs: Path) -> "Plan":
        """The plan of the run; those it starts from lie in `runs` too."""
        from ml.training.fit.plan import Plan, parse_phases
        from ml.training.fit.run_files import BEST

        smaller = runs / _name(self.grown_from, self.modality) if self.grown_from else None
        return Plan(
            modality=self.modality,
            architecture=self.architecture,
            phases=parse_phases(self.sizes),
            weights=str(runs / self.base / BEST) if self.base else None,
            width=self.width,
            grown_from=str(smaller) if smaller else None,
            batch=self.batch,
        )


RECIPES = (
    Recipe("densenet121", CXR, "96:13,128:14,160:1", width=1, batch=32),
    Recipe("resnet50", CXR, "96:18,128:6"),
    Recipe("xception", CXR, "72:16,96:10,128:9,96:3"),
    Recipe("inceptionv3", CXR, "80:16,112:10,171:3,112:4"),
    Recipe("vgg16", CXR, "64:16,96:12,128:5"),
    Recipe("vgg19", CXR, "96:6,128:4", grown_from="vgg16"),
    Recipe("densenet121", CT, "96:4,128:6", width=1, batch=32, after=CXR),
    Recipe("resnet50", CT, "64:2,96:6", after=CXR),
    Recipe("xception", CT, "72:2,96:6", after=CXR),
    Recipe("inceptionv3", CT, "80:2,112:5", after=CXR),
    Recipe("vgg16", CT, "64:2,96:6", after=CXR),
    Recipe("vgg19", CT, "64:2,96:6", after=CXR),
)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml models`."""
    parser = commands.add_parser("models", help="train, measure, pack and join every classifier that ships")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv and the images")
    parser.add_argument("--runs", type=Path, required=True, help="folder for the runs; the same folder resumes them")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.add_argument("--version", required=True, help="of all that is made, such as 2.0.0")
    parser.add_argument("--width", type=int, help="divide the channels of every layer by this instead")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    for made in make(options.data, options.runs, options.root, version=options.version, width=options.width):
        sys.stdout.write(f"{made}\n")


def make(data: Path, runs: Path, root: Path, *, version: str, width: int | None = None) -> Iterator[Path]:
    """Make every classifier and both ensembles, and yield their folders; what an earlier call made is left as it is.

    `width` makes all networks so wide instead.
    """
    from ml.training.publish.combine import combine

    for recipe in RECIPES:
        bundle = root / recipe.name / version
        if not bundle.exists():
            _make(recipe, data, runs, root, version, width)
        yield bundle
    for modality in Modality:
        ensemble = root / f"panel-{modality.value}" / version
        yield ensemble if ensemble.exists() else combine(root, modality, version=version)


def _make(recipe: Recipe, data: Path, runs: Path, root: Path, version: str, width: int | None) -> None:
    from ml.training.fit.trainer import train
    from ml.training.measure.evaluation import evaluate
    from ml.training.publish.export import export

    run = runs / recipe.name
    chosen = replace(recipe, width=width) if width else recipe
    train(chosen.plan(runs), data, run)
    evaluate(run, data)
    export(run, data, root, version=version, after=root / recipe.base / version if recipe.base else None)


def _name(architecture: str, modality: Modality) -> str:
    return f"{architecture}-{modality.value}"
