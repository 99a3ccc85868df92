"""What a training run does, phase by phase."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from ml.spec import Modality

SCRATCH_RATE, WARM_RATE, GROWN_RATE, HEAD_RATE, FINE_RATE = 1e-3, 6e-4, 2e-4, 1e-3, 1e-4
CLASSIFIER_WEIGHTS = ".weights.h5"


class Objective(StrEnum):
    """What a network learns: each label against the rest, or the questions that each source can answer."""

    LABELS = "labels"
    QUESTIONS = "questions"


@dataclass(frozen=True)
class Phase:
    """Some epochs at one input size. `frozen` trains the head alone."""

    side: int
    epochs: int
    frozen: bool = False


@dataclass(frozen=True)
class Plan:
    """All choices of a run; written beside its weights, so that it can be repeated and resumed.

    `width` divides the channels of every layer. `grown_from` is the folder of a finished run of the same modality,
    narrower or shallower, whose network this one starts as (ml.training.fit.net2net). `left_out` names a source or
    domain that neither trains nor chooses, for measuring on a place that the network has not seen. `last_layer` teaches
    the last layer of a network that has learnt before, alone, and takes no epochs (ml.training.fit.last_layer);
    `two_levels` lets it read the last two blocks. `kept` makes the convolutions of a trunk cheaper, which then keep
    that share, in (0, 1), of what they tell apart in images of the training part (ml.training.fit.low_rank).
    """

    modality: Modality
    architecture: str
    phases: tuple[Phase, ...]
    weights: str | None = None
    width: int = 1
    grown_from: str | None = None
    batch: int = 32
    seed: int = 1
    precision: str = "float32"
    objective: Objective = Objective.LABELS
    left_out: str | None = None
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    last_layer: bool = False
    two_levels: bool = False
    kept: float | None = None

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"--width divides the channels: it is 1 or more, not {self.width}.")
        if self.grown_from is not None and self.weights is not None:
            raise ValueError("A grown network starts from the smaller run: leave out --weights.")
        if self.fine_tunes and self.width != 1:
            raise ValueError("Pretrained weights fit the full width alone: leave out --width.")
        if self.objective is Objective.QUESTIONS and self.modality is not Modality.CXR and not self.last_layer:
            raise ValueError("Of networks for slices the last layer alone is taught questions: leave out --objective.")
        if self.left_out is not None and self.objective is not Objective.QUESTIONS:
            raise ValueError("A source is left out of --objective questions only.")
        if self.kept is not None and not (self.last_layer and self.fine_tunes):
            raise ValueError("Only of a trunk whose last layer alone is taught are convolutions made cheaper.")
        if self.last_layer and not (self.weights is not None and self.objective is Objective.QUESTIONS):
            raise ValueError(
                "The last layer alone is taught questions, in a network that has learnt before: give --objective "
                f"questions and --weights, a trunk or a FILE{CLASSIFIER_WEIGHTS}."
            )

    @property
    def recipe(self) -> str:
        """The version id of the preprocessing.

        It is not in plan.json: a run of the questions that was made with `cxr-2` would be measured by another crop than
        it learnt, and none was released. Layers that stay as they are read what they were taught on, which is `cxr-1`,
        and `cxr-5` cuts nearly the same from it. What never learnt from X-rays reads the same as the others. Slices are
        read as ever.
        """
        if self.modality is not Modality.CXR or self.objective is not Objective.QUESTIONS:
            return f"{self.modality.value}-1"
        return "cxr-5" if self.last_layer else "cxr-3"

    @property
    def epochs(self) -> int:
        return sum(phase.epochs for phase in self.phases)

    @property
    def final_side(self) -> int:
        return self.phases[-1].side

    @property
    def name(self) -> str:
        """The name of the classifier, such as densenet121-cxr."""
        return f"{self.architecture}-{self.modality.value}"

    @property
    def warm_starts(self) -> bool:
        """Whether it starts from a whole classifier of another run, such as one trained on the other modality."""
        return self.weights is not None and self.weights.endswith(CLASSIFIER_WEIGHTS)

    @property
    def fine_tunes(self) -> bool:
        """Whether it starts from a pretrained backbone, which asks for small steps and fixed statistics."""
        return self.weights is not None and not self.warm_starts

    def rate(self, *, frozen: bool) -> float:
        """The highest learning rate of a phase."""
        if self.fine_tunes:
            return HEAD_RATE if frozen else FINE_RATE
        if self.width == 1 and self.grown_from is not None:
            return GROWN_RATE
        return WARM_RATE if self.warm_starts or self.grown_from is not None else SCRATCH_RATE

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        phases = tuple(Phase(**phase) for phase in fields["phases"])
        read = {"modality": Modality(fields["modality"]), "objective": Objective(fields.get("objective", "labels"))}
        return cls(**fields | read | {"phases": phases})


def parse_phases(text: str, *, frozen_epochs: int = 0) -> tuple[Phase, ...]:
    """Read "96:16,128:12": sixteen epochs at 96 x 96, then twelve at 128 x 128.

    `frozen_epochs` more at the first size come before, with a frozen backbone. Raises ValueError.
    """
    try:
        pairs = [tuple(int(number) for number in part.split(":")) for part in text.split(",")]
        phases = tuple(Phase(side, epochs) for side, epochs in pairs)
    except ValueError:
        raise ValueError(f"Write --sizes as SIDE:EPOCHS,SIDE:EPOCHS (such as 96:16,128:12), not {text!r}.") from None
    head = (Phase(phases[0].side, frozen_epochs, frozen=True),) if frozen_epochs else ()
    return head + phases
