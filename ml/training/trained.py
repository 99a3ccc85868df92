"""A finished run: its plan and its best weights."""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from ml import registry
from ml.training.manifest import LABELS
from ml.training.plan import Plan
from ml.training.run import BEST, HISTORY, PLAN


@dataclass(frozen=True)
class Trained:
    """A folder that `train` has written, read back."""

    folder: Path
    plan: Plan

    @classmethod
    def read(cls, folder: Path) -> "Trained":
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
        """How the weights came about: what they started from, and the epochs at each input size."""
        with (self.folder / HISTORY).open(newline="") as lines:
            sides = Counter(int(row["side"]) for row in csv.DictReader(lines))
        return {"started_from": self._start(), "epochs": [[side, epochs] for side, epochs in sides.items()]}

    def _start(self) -> str:
        if self.plan.weights is None:
            return "random weights"
        return "weights of another classifier" if self.plan.warm_starts else "ImageNet weights"

    def model(self) -> keras.Model:
        """The classifier with its best weights, in float32 and at its final input size."""
        keras.mixed_precision.set_global_policy("float32")
        model = registry.build(self.plan.architecture, len(self.labels), size=self.size)
        model.load_weights(self.folder / BEST)
        return model
