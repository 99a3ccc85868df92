"""Where a classifier looked in one image: asked for by itself, for a study has more images than anybody opens."""

from dataclasses import dataclass

from ml.lungs import lung_mask
from ml.preprocessing import Pixels
from ml.serving.attention import share_outside
from ml.serving.classifier import Classifier
from ml.serving.prediction import Prediction


@dataclass(frozen=True, eq=False)
class Explanation:
    """A prediction with its map; `attention_outside` is the share of the map outside the lungs, in [0, 1].

    None where no lungs were found with confidence.
    """

    prediction: Prediction
    attention_outside: float | None


def explain(classifier: Classifier, pixels: Pixels) -> Explanation:
    """Ask one classifier about one image, float32 (h, w) in [0, 1], 0 is air, and where it looked.

    The probabilities are those that a batch gives. Raises ValueError for other pixels.
    """
    prediction = classifier.predict(pixels)
    lungs = lung_mask(pixels, classifier.spec.modality, prediction.attention.shape)
    return Explanation(prediction, None if lungs is None else share_outside(prediction.attention, lungs))
