"""What a classifier says about one image."""

from dataclasses import dataclass

from ml.preprocessing import Pixels


@dataclass(frozen=True, eq=False)
class Prediction:
    """One classifier's answer.

    `probabilities` calibrated, by label, summing to 1; `label` the likeliest; `positive` whether the positive label
    reaches the threshold of the operating point. `attention` float32 (h, w) in [0, 1] in the frame and with the
    aspect ratio of the whole image: where the evidence for `attention_label` lay, which is the positive label of a
    positive case and the likeliest label otherwise. `seen` float32 (h, w) in [0, 1], the very picture that the network
    got. `milliseconds` of wall time, without the preparation of the image, which classifiers share.
    """

    probabilities: dict[str, float]
    label: str
    positive: bool
    attention: Pixels
    attention_label: str
    seen: Pixels
    milliseconds: float
