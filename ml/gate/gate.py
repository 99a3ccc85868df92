"""The gate: plain rules, one small network that says what an image shows, and rules for window and sharpness."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np

from ml.gate.kinds import READABLE, Kind
from ml.gate.refusal import GateRefusal, explain
from ml.gate.rules import broken_rule
from ml.gate.sharpness import is_enlarged
from ml.gate.spec import GateSpec
from ml.gate.windows import shows_lungs
from ml.preprocessing import Pixels, require_pixels, resize, standardise
from ml.probability import softmax
from ml.serving.bundle import BundleRefused, parse_spec, require_place, verified_weights
from ml.serving.engine import Network
from ml.spec import Modality, version_order

SPEC = "gate.json"
# Averaging over a whole radiograph costs more than the network, and every k-th pixel shows the same at this size.
THINNED_SIDE = 256

_lock = Lock()


class Gate:
    """Says of an image whether classifiers may read it. Safe to share between threads, not across a fork."""

    def __init__(self, spec: GateSpec, network: Network) -> None:
        self.spec = spec
        self._network = network

    @classmethod
    def load(cls, root: Path) -> "Gate":
        """The newest gate under `root`/gate, checked and compiled once in a process. Raises BundleRefused."""
        with _lock:
            return _load(root.resolve(), os.getpid())

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Check and compile one version. Raises BundleRefused."""
        spec = read_spec(folder)
        return cls(spec, Network(*verified_weights(folder, f"gate/{spec.version}", spec.weights_sha256)))

    def refusal(self, pixels: Pixels, modality: Modality) -> GateRefusal | None:
        """Why the classifiers of `modality` must not read the image; None when they may.

        `pixels` float32 (h, w) in [0, 1], 0 is air. Raises ValueError for other pixels.
        """
        require_pixels(pixels, "The gate")
        if broken := broken_rule(pixels):
            return broken
        said = self.probabilities(pixels)
        readable = READABLE[modality]
        if said[readable] < self.spec.thresholds[modality]:
            return explain(max(said, key=said.__getitem__), modality)
        # Last: what is black in something else than a slice is no lung, and a page of words is as even as a thumbnail.
        if modality.is_tomographic and not shows_lungs(pixels):
            return GateRefusal("window")
        return GateRefusal("enlarged") if is_enlarged(pixels, modality) else None

    def probabilities(self, pixels: Pixels) -> Mapping[Kind, float]:
        """How probable each kind is, summing to 1. `pixels` float32 (h, w) in [0, 1]."""
        logits, _ = self._network.infer(prepare(pixels, self.spec.side))
        return dict(zip(self.spec.kinds, softmax(logits).tolist(), strict=True))


def prepare(pixels: Pixels, side: int) -> Pixels:
    """The network's input, float32 (side, side, 1): the whole image, stretched, with mean 0 and deviation 1."""
    step = max(1, min(pixels.shape) // THINNED_SIDE)
    return standardise(resize(pixels[::step, ::step], (side, side)))[..., np.newaxis]


def read_spec(folder: Path) -> GateSpec:
    """Read the spec of a version. Raises BundleRefused when it is missing, broken or in the wrong folder."""
    spec = parse_spec(folder / SPEC, GateSpec.from_json)
    require_place(folder.name == spec.version, folder, f"gate/{spec.version}")
    return spec


@lru_cache(maxsize=2)
def _load(root: Path, process: int) -> Gate:
    """`process` is part of the key: a forked child must not use its parent's network, whose threads are gone."""
    folders = [path.parent for path in (root / "gate").glob(f"*/{SPEC}")]
    if not folders:
        raise BundleRefused(f"{root / 'gate'} holds no gate. Restore the folder from the release.")
    return Gate.from_folder(max(folders, key=_version))


def _version(folder: Path) -> tuple[int, ...]:
    return version_order(read_spec(folder).version)
