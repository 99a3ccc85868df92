"""The folder of a training run: everything it needs to go on after an interruption."""

import csv
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np

from ml import architectures
from ml.preprocessing import Size
from ml.training.data import datasets
from ml.training.data.datasets import Images
from ml.training.data.sampler import Sampler
from ml.training.data.split import Part, Partition, by_group
from ml.training.fit import low_rank, net2net
from ml.training.fit.plan import Plan
from ml.training.fit.run_files import AVERAGE, BEST, HISTORY, LATEST, ORIGIN, PLAN, RANKS, STATE
from ml.training.fit.teaching import teaching_of
from ml.training.fit.trunk_file import read_origin
from ml.training.fit.weight_average import WeightAverage
from ml.training.modalities import LABELS

# Evenly over the training part: with a quarter of them the ranks of VGG16 are smaller by a tenth
RANK_IMAGES = 96


@dataclass
class State:
    """How far a run has come.

    `epoch` counts whole epochs; `best` is the lowest cost of the validation part at the final size; `updates` counts
    those of the average.
    """

    epoch: int = 0
    best: float = math.inf
    updates: int = 0


@dataclass
class Run:
    """One training run. Raises ValueError when the folder already holds a run of another kind."""

    plan: Plan
    data: Path
    folder: Path
    partition: Partition = by_group
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._claim_folder()
        self.labels = LABELS[self.plan.modality]
        self.teaching = teaching_of(self.plan, self.partition)
        self.parts = self.teaching.split(self.data)
        if self.plan.fine_tunes:
            origin = read_origin(str(self.plan.weights))
            (self.folder / ORIGIN).write_text(json.dumps(asdict(origin), indent=2) + "\n")
        self.model = _build(self.plan, len(self.labels))
        self.average = WeightAverage()

    @property
    def saved_epoch(self) -> int:
        """The last whole epoch on disk."""
        state = self.folder / STATE
        return int(json.loads(state.read_text())["epoch"]) if state.is_file() else 0

    @property
    def sampler(self) -> Sampler:
        """What draws the images of each epoch."""
        return self.teaching.sampler(self.parts[Part.TRAIN])

    def images(self, part: Part, side: int) -> Images:
        """The images of a part at one input size."""
        rows = self.parts[part]
        return datasets.load_for(
            self.data, rows, self.teaching.targets(rows), size=(side, side), recipe=self.plan.recipe
        )

    def make_cheaper(self, kept: float) -> None:
        """Give the new model cheaper convolutions, and write their ranks for whoever builds it again."""
        rows = self.parts[Part.TRAIN]
        some = rows[:: max(1, len(rows) // RANK_IMAGES)]
        images = datasets.load_for(
            self.data, some, self.teaching.targets(some), size=self.size, recipe=self.plan.recipe
        )
        full = architectures.build(self.plan.architecture, len(self.labels), weights=self.plan.weights)
        colours = keras.Model(full.input, full.get_layer("channels").output)
        pixels = colours.predict(datasets.network_input(images.grey, images.recipe), verbose=0)
        weights = low_rank.reduce_ranks(architectures.backbone_of(full), pixels, kept)
        ranks = low_rank.ranks_of(weights)
        (self.folder / RANKS).write_text(json.dumps(ranks, indent=2) + "\n")
        self.model = architectures.build(
            self.plan.architecture, len(self.labels), two_levels=self.plan.two_levels, ranks=ranks
        )
        for name, held in weights.items():
            architectures.backbone_of(self.model).get_layer(name).set_weights(held)

    @property
    def size(self) -> Size:
        """The last input size (h, w)."""
        return self.plan.final_side, self.plan.final_side

    def keep_best(self, cost: float) -> None:
        """Keep the model's present weights when no epoch before cost less on the validation part."""
        if cost < self.state.best:
            self.state.best = cost
            self.model.save_weights(self.folder / BEST)

    def save(self) -> None:
        """Save an epoch. The state is written last: what it counts is on disk."""
        self.model.save_weights(self.folder / LATEST)
        np.savez(self.folder / AVERAGE, *self.average.weights)
        self.state.updates = self.average.updates
        (self.folder / STATE).write_text(json.dumps(vars(self.state)))

    def resume(self) -> None:
        """Load what `save` left. The model must have been compiled."""
        self.state = State(**json.loads((self.folder / STATE).read_text()))
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.load_weights(self.folder / LATEST)
        with np.load(self.folder / AVERAGE) as saved:
            self.average.weights = [saved[name] for name in saved.files]
        self.average.updates = self.state.updates

    def append_history(self, record: dict[str, float]) -> None:
        """Add an epoch to history.csv."""
        path = self.folder / HISTORY
        fresh = not path.is_file()
        with path.open("a", newline="") as lines:
            writer = csv.DictWriter(lines, record)
            if fresh:
                writer.writeheader()
            writer.writerow(record)

    def _claim_folder(self) -> None:
        path = self.folder / PLAN
        if path.is_file():
            held = Plan.from_json(json.loads(path.read_text()))
            if _kind(held) != _kind(self.plan):
                raise ValueError(f"{self.folder} holds a run of {held.name}. Choose another folder for --out.")
        path.write_text(json.dumps(self.plan.to_json(), indent=2))


def _kind(plan: Plan) -> tuple[object, ...]:
    fixed = plan.modality, plan.architecture, plan.width, plan.objective, plan.left_out
    return *fixed, plan.last_layer, plan.two_levels, plan.kept


def _build(plan: Plan, classes: int) -> keras.Model:
    """A new classifier, with the weights that the plan starts from."""
    if plan.grown_from is not None:
        return net2net.grow(Path(plan.grown_from), plan, classes)
    start = plan.weights if plan.fine_tunes else None
    model = architectures.build(plan.architecture, classes, weights=start, width=plan.width, two_levels=plan.two_levels)
    if plan.warm_starts:
        _load_backbone(model, str(plan.weights))
    return model


def _load_backbone(model: keras.Model, weights: str) -> None:
    """Load all that fits; a head for other labels stays new. Raises ValueError when a kernel of the backbone does."""
    kernels = [variable for variable in architectures.backbone_of(model).weights if variable.path.endswith("kernel")]
    new = [keras.ops.convert_to_numpy(kernel) for kernel in kernels]
    model.load_weights(weights, skip_mismatch=True)
    left = sum(np.array_equal(before, after) for before, after in zip(new, kernels, strict=True))
    if left:
        raise ValueError(
            f"{weights} fits {len(kernels) - left} of the {len(kernels)} kernels of {model.name}. Give the best "
            "weights of a run of this architecture and width, or a file without top by its name in keras.applications."
        )
