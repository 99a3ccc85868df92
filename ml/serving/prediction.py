"""What a classifier says about one image."""

from dataclasses import dataclass

from ml.preprocessing import Pixels


@dataclass(frozen=True, eq=False)
class Answer:
    """One classifier's answer without where it looked.

    `probabilities` calibrated, by label, summing to 1; `label` the likeliest; `positive` whether the positive label
    reaches the threshold of the operating point. `milliseconds` of wall time, without the preparation of the image,
    which classifiers share; in a batch, an equal share of it.
    """

    probabilities: dict[str, float]
    label: str
    positive: bool
    milliseconds: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """One classifier's answer, and where it looked.

    `probabilities`, `label`, `positive` and `milliseconds` as in `Answer`. `attention` float32 (h, w) in [0, 1] in the
    frame and with the aspect ratio of the whole image: where the evidence for `attention_label` lay, which is the
    positive label of a positive case and the likeliest label otherwise. `seen` float32 (h, w) in [0, 1], the very
    picture that the network got.
    """

    probabilities: dict[str, float]
    label: str
    positive: bool
    attention: Pixels
    attention_label: str
    seen: Pixels
    milliseconds: float
