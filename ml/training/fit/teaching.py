"""How each objective turns rows into targets, draws them, makes a loss of them and judges what was learnt."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from ml.probability import softmax
from ml.training.data import questions
from ml.training.data.manifest import Row, label_indices
from ml.training.data.questions import (
    LEAST_PROBABILITY,
    known_sides,
    label_masks,
    require_both_sides,
    side_targets,
    split_for_questions,
)
from ml.training.data.sampler import Sampler
from ml.training.data.split import Partition, Parts, by_group
from ml.training.fit.loss import SidedCrossEntropy, SmoothedCrossEntropy
from ml.training.fit.plan import Objective, Plan
from ml.training.metrics import area_under_curve
from ml.training.modalities import LABELS

Probabilities = NDArray[np.float64]


class Teaching(ABC):
    """What a plan's objective says about rows, loss and judgement."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.labels = plan, LABELS[plan.modality]

    @abstractmethod
    def split(self, data: Path) -> Parts:
        """The images by part. Raises ValueError where they cannot teach what is to be learnt."""

    @abstractmethod
    def targets(self, rows: Sequence[Row]) -> NDArray[np.int64]:
        """What is to be learnt of each row, int64 (n,)."""

    @abstractmethod
    def sampler(self, rows: Sequence[Row]) -> Sampler:
        """What draws the images of an epoch."""

    @abstractmethod
    def loss(self) -> keras.losses.Loss:
        """What training makes small: a loss of logits against the targets."""

    @abstractmethod
    def judge(self, logits: NDArray[np.float32], targets: NDArray[np.int64]) -> dict[str, float]:
        """Plain measures of the validation part, by name; `val_loss` is always among them."""

    @abstractmethod
    def likelihoods(self, probabilities: Probabilities, targets: NDArray[np.int64]) -> Probabilities:
        """The probability that labels (n, classes) give to what is true of each image, float64 (n,)."""

    @abstractmethod
    def cost(self, measured: dict[str, float]) -> float:
        """What the best epoch has least of."""


class LabelTeaching(Teaching):
    """Each label against the rest, over all images of a modality."""

    def __init__(self, plan: Plan, partition: Partition = by_group) -> None:
        super().__init__(plan)
        self.partition = partition

    def split(self, data: Path) -> Parts:
        return self.partition(data, self.plan.modality)

    def targets(self, rows: Sequence[Row]) -> NDArray[np.int64]:
        return label_indices(rows, self.labels)

    def sampler(self, rows: Sequence[Row]) -> Sampler:
        return Sampler.over(rows, self.targets(rows))

    def loss(self) -> keras.losses.Loss:
        return SmoothedCrossEntropy(self.plan.label_smoothing, len(self.labels))

    def judge(self, logits: NDArray[np.float32], targets: NDArray[np.int64]) -> dict[str, float]:
        """Plain loss and accuracy, and the area under the curve of the first label against the rest."""
        probabilities = softmax(logits)
        right = self.likelihoods(probabilities, targets)
        return {
            "val_loss": float(-np.log(np.maximum(right, LEAST_PROBABILITY)).mean()),
            "val_accuracy": float((probabilities.argmax(axis=1) == targets).mean()),
            "val_auc": area_under_curve(targets == 0, probabilities[:, 0]),
        }

    def likelihoods(self, probabilities: Probabilities, targets: NDArray[np.int64]) -> Probabilities:
        return np.asarray(probabilities[np.arange(len(targets)), targets])

    def cost(self, measured: dict[str, float]) -> float:
        return measured["val_loss"]


class QuestionTeaching(Teaching):
    """The questions that each domain can answer; the best epoch orders the images of each domain best."""

    def split(self, data: Path) -> Parts:
        # An ensemble joins what was measured on the same images: what teaches a last layer has the parts of all of them
        goes_on = self.plan.warm_starts or self.plan.last_layer
        parts = split_for_questions(data, self.plan.modality, left_out=self.plan.left_out, goes_on=goes_on)
        if self.plan.left_out is None:
            require_both_sides(parts, self.plan.modality)
        return parts

    def targets(self, rows: Sequence[Row]) -> NDArray[np.int64]:
        return side_targets(rows)

    def sampler(self, rows: Sequence[Row]) -> Sampler:
        strata = {index: side.domain.name for index, side in enumerate(known_sides())}
        return Sampler.over(rows, self.targets(rows), strata)

    def loss(self) -> keras.losses.Loss:
        return SidedCrossEntropy(self.plan.label_smoothing, *label_masks(self.labels))

    def judge(self, logits: NDArray[np.float32], targets: NDArray[np.int64]) -> dict[str, float]:
        """Loss with every side counted alike, the area under the curve within each domain, and the mean of these."""
        shares = self.likelihoods(softmax(logits), targets)
        losses, areas = [], {}
        for index, side in enumerate(known_sides()):
            if (targets == index).any():
                losses.append(float(-np.log(np.maximum(shares[targets == index], LEAST_PROBABILITY)).mean()))
            here = (targets == index) | (targets == index + 1)
            if side.positive and here.any():
                # The share of the positive side is the score: that of the other side is what it leaves
                positive = targets[here] == index
                areas[side.domain.name] = area_under_curve(positive, np.where(positive, shares[here], 1 - shares[here]))
        named = {f"val_auc_{name}": area for name, area in areas.items()}
        return {"val_loss": float(np.mean(losses)), "val_auc": float(np.mean(list(areas.values()))), **named}

    def cost(self, measured: dict[str, float]) -> float:
        return 1.0 - measured["val_auc"]

    def likelihoods(self, probabilities: Probabilities, targets: NDArray[np.int64]) -> Probabilities:
        return questions.likelihoods(probabilities, targets, self.labels)


def teaching_of(plan: Plan, partition: Partition = by_group) -> Teaching:
    """The teaching of a plan; `partition` divides the images where each label is learnt against the rest."""
    return QuestionTeaching(plan) if plan.objective is Objective.QUESTIONS else LabelTeaching(plan, partition)
