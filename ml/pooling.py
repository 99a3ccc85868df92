"""Let the places of an image count by the share of lung in them.

The networks average what they see over all places, and a linear layer makes logits of the mean: so a logit is the mean
of its class activation map over all places, and its bias (Zhou et al., Learning Deep Features for Discriminative
Localization, CVPR 2016). Where places count differently, the same network gives another mean; nothing in it changes.
"""

import numpy as np
from numpy.typing import NDArray

from ml.preprocessing import Pixels, Size, View, resize

# With less lung than this, as a share of what a network looks at, too little is left to answer from.
LEAST_SHARE = 0.05


def place_weights(view: View, places: Size) -> Pixels:
    """How much each of the places (h', w') over a view counts, float32 with the mean 1: by its share of lung.

    All count alike where the view does not say where lung is, or says that there is hardly any: LEAST_SHARE.
    """
    if not shows_lungs(view) or view.lungs is None:
        return np.ones(places, dtype=np.float32)
    shares = np.maximum(resize(view.lungs, places), 0.0)
    return np.asarray(shares / shares.mean(), dtype=np.float32)


def shows_lungs(view: View) -> bool:
    """Whether a view says where lung is, and shows enough of it to answer from."""
    return view.lungs is not None and float(view.lungs.mean()) >= LEAST_SHARE


def weigh_places(logits: NDArray[np.float32], maps: Pixels, view: View) -> tuple[NDArray[np.float32], Pixels]:
    """Logits (classes,) and class activation maps (h', w', classes) whose places count as a view says.

    The mean of a map over its places, plus the bias of its class, is its logit, before and after.
    """
    if view.lungs is None:
        return logits, maps
    weighed = maps * place_weights(view, maps.shape[:2])[..., np.newaxis]
    return logits + (weighed - maps).mean(axis=(0, 1)), weighed


def pool_features(features: Pixels, view: View) -> Pixels:
    """The mean over the places of features (h', w', channels), which count as a view says: float32 (channels,)."""
    weights = place_weights(view, features.shape[:2])
    return np.asarray((features * weights[..., np.newaxis]).mean(axis=(0, 1)))
