"""A finished run: its plan and its best weights."""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from ml import architectures
from ml.training.fit.plan import Plan
from ml.training.fit.run_files import BEST, HISTORY, LESSON, ORIGIN, PLAN, RANKS
from ml.training.fit.trunk_file import Origin
from ml.training.modalities import LABELS


@dataclass(frozen=True)
class FinishedRun:
    """A folder that `train` has written, read back."""

    folder: Path
    plan: Plan

    @classmethod
    def read(cls, folder: Path) -> "FinishedRun":
        """Raises FileNotFoundError when the folder holds no finished run."""
        if not (folder / BEST).is_file():
            raise FileNotFoundError(f"{folder} holds no trained weights yet. Run python -m ml train first.")
        return cls(folder, Plan.from_json(json.loads((folder / PLAN).read_text())))

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def labels(self) -> tuple[str, ...]:
        return LABELS[self.plan.modality]

    @property
    def size(self) -> tuple[int, int]:
        return (self.plan.final_side, self.plan.final_side)

    def story(self) -> dict[str, Any]:
        """How the weights came about: what they started from, the epochs at each input size, the run it grew from.

        Instead of epochs, which the last layer alone does not need, the penalty that was chosen for it.
        """
        if self.plan.last_layer:
            return self._told() | {"last_layer": json.loads((self.folder / LESSON).read_text())}
        with (self.folder / HISTORY).open(newline="") as lines:
            # An epoch that was interrupted after its line was written has another one
            sides = Counter({row["epoch"]: int(row["side"]) for row in csv.DictReader(lines)}.values())
        told = self._told() | {"epochs": [[side, epochs] for side, epochs in sides.items()]}
        return told | ({"before": self.smaller.story()} if self.smaller else {})

    @property
    def smaller(self) -> "FinishedRun | None":
        """The run that this one grew from."""
        return FinishedRun.read(Path(self.plan.grown_from)) if self.plan.grown_from else None

    @property
    def starts_from_another(self) -> bool:
        """Whether another classifier's weights, and so its images, are part of this one."""
        return self.plan.warm_starts or (self.smaller is not None and self.smaller.starts_from_another)

    @property
    def origin(self) -> Origin | None:
        """Where the pretrained trunk comes from that it started from, or None without one."""
        path = self.folder / ORIGIN
        return Origin(**json.loads(path.read_text())) if path.is_file() else None

    @property
    def ranks(self) -> dict[str, int]:
        """How many channels are left of each convolution that was made cheaper."""
        path = self.folder / RANKS
        return dict(json.loads(path.read_text())) if path.is_file() else {}

    def _told(self) -> dict[str, Any]:
        return {
            "started_from": self._start(),
            "architecture": self.plan.architecture,
            "width": self.plan.width,
            **({"two_levels": True} if self.plan.two_levels else {}),
            **({"kept": self.plan.kept, "ranks": self.ranks} if self.plan.kept is not None else {}),
        }

    def _start(self) -> str:
        if self.plan.grown_from is not None:
            return "a smaller network, grown"
        if self.plan.weights is None:
            return "random weights"
        return "weights of another classifier" if self.plan.warm_starts else "a pretrained trunk"

    def model(self) -> keras.Model:
        """The classifier with its best weights, in float32 and at its final input size."""
        keras.mixed_precision.set_global_policy("float32")
        plan = self.plan
        model = architectures.build(
            plan.architecture,
            len(self.labels),
            size=self.size,
            width=plan.width,
            two_levels=plan.two_levels,
            ranks=self.ranks,
        )
        model.load_weights(self.folder / BEST)
        return model
