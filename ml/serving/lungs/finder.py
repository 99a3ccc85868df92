"""Where the lungs are, said by one small network for X-rays and slices."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np

import ml
from ml.lungs import components
from ml.preprocessing import Pixels, Region, Size, equalise, find_region, place_back, require_pixels, resize
from ml.regions import Mask
from ml.serving.bundle import BundleRefused, parse_spec, require_place, verified_weights
from ml.serving.engine import Network
from ml.serving.lungs.convention import Convention
from ml.serving.lungs.spec import Limits, LungsSpec
from ml.spec import Modality, version_order

NAME, SPEC = "lungs", "lungs.json"
WEIGHTS_ROOT = Path(ml.__file__).parent / "weights"
# Whose crop to what carries content and whose greys the network reads, slices included.
RECIPE = "cxr-2"
# Averaging over a whole radiograph costs more than the network, and every k-th pixel shows the same at its size.
THINNED_SIDE = 384
PROBABLE = 0.5
# A part of a mask that is smaller, as a share of the largest one, is no lung.
SMALLEST_PART = 0.05

_lock = Lock()


@dataclass(frozen=True, eq=False)
class LungMap:
    """How probably each place is lung by one convention, float32 (side, side); `region` is where that lies."""

    probabilities: Pixels
    region: Region

    @property
    def mask(self) -> Mask:
        """What is lung, bool (side, side), without parts that are too small."""
        probable = self.probabilities >= PROBABLE
        parts = components(probable)
        kept = [part for part in parts if part.sum() >= SMALLEST_PART * parts[0].sum()]
        return np.logical_or.reduce(kept) if kept else probable

    def is_believed(self, limits: Limits) -> bool:
        """Whether the mask may be that of lungs."""
        mask = self.mask
        if not limits.least_area <= mask.mean() <= limits.most_area:
            return False
        return balance(mask) >= limits.least_balance and self.sureness >= limits.least_sureness

    @property
    def sureness(self) -> float:
        """The mean probability of what is lung; 0 where nothing is."""
        mask = self.mask
        return float(self.probabilities[mask].mean()) if mask.any() else 0.0

    def in_frame(self, size: Size) -> Mask:
        """The mask in the frame of the whole image, bool `size` (h, w)."""
        kept = np.where(self.mask, self.probabilities, np.minimum(self.probabilities, np.float32(PROBABLE - 1e-3)))
        return place_back(kept, self.region, size) >= PROBABLE


class LungFinder:
    """Finds lungs in images. Safe to share between threads, not across a fork."""

    def __init__(self, spec: LungsSpec, network: Network) -> None:
        self.spec = spec
        self._network = network

    @classmethod
    def load(cls, root: Path = WEIGHTS_ROOT, version: str | None = None) -> "LungFinder":
        """A version under `root`/lungs, or the newest, checked and compiled once in a process. Raises BundleRefused."""
        with _lock:
            return _load(root.resolve(), version, os.getpid())

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Check and compile one version. Raises BundleRefused."""
        spec = read_spec(folder)
        return cls(spec, Network(*verified_weights(folder, f"{NAME}/{spec.version}", spec.weights_sha256)))

    def find(
        self,
        pixels: Pixels,
        modality: Modality,
        convention: Convention = Convention.FIELDS,
        shape: Size | None = None,
    ) -> Mask | None:
        """Where the lungs are, bool (h, w), or None when they were not found with confidence.

        `pixels` float32 (h, w) in [0, 1], 0 is air; `shape` is that of the mask where it is not theirs. Raises
        ValueError for other pixels, and for a convention that the modality has not.
        """
        if modality.is_tomographic and convention is Convention.SHADOWED:
            raise ValueError("In a slice nothing hides the lungs: ask for the convention 'fields'.")
        found = self.maps(pixels)[convention]
        return found.in_frame(shape or pixels.shape) if found.is_believed(self.spec.limits[modality]) else None

    def maps(self, pixels: Pixels) -> dict[Convention, LungMap]:
        """What the network says by each convention, believable or not.

        It is asked about the image and about its mirror image, and the mean counts: a mirrored image has the mirrored
        map. `pixels` float32 (h, w) in [0, 1]. Raises ValueError for other pixels.
        """
        require_pixels(pixels, "The network that finds lungs")
        values, region = prepare(pixels, self.spec.side)
        logits = self._network.infer_maps(np.stack([values, values[:, ::-1]]))
        probable = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        mean = (probable[0] + probable[1, :, ::-1]) / 2
        return {each: LungMap(mean[..., channel], region) for channel, each in enumerate(self.spec.conventions)}


def find_lungs(pixels: Pixels, modality: Modality) -> Mask | None:
    """Where lung is that nothing hides, by the network that ships: bool (h, w), or None where that is not certain.

    `pixels` float32 (h, w) in [0, 1], 0 is air. Raises ValueError for other pixels and BundleRefused without a network.
    """
    return LungFinder.load().find(pixels, modality)


def prepare(pixels: Pixels, side: int) -> tuple[Pixels, Region]:
    """The network's input, float32 (side, side, 1), and the part of the image that it shows."""
    step = max(1, min(pixels.shape) // THINNED_SIDE)
    thinned = pixels[::step, ::step]
    region = find_region(thinned, RECIPE)
    return equalise(resize(thinned, (side, side), region))[..., np.newaxis], region


def read_spec(folder: Path) -> LungsSpec:
    """Read the spec of a version. Raises BundleRefused when it is missing, broken or in the wrong folder."""
    spec = parse_spec(folder / SPEC, LungsSpec.from_json)
    require_place(folder.name == spec.version, folder, f"{NAME}/{spec.version}")
    return spec


def balance(mask: Mask) -> float:
    """The smaller half's area as a share of the larger one's, where the box of the mask is cut down its middle."""
    columns = mask.sum(axis=0)
    covered = np.flatnonzero(columns)
    if not covered.size:
        return 0.0
    # Twice the middle, so that a column in the very middle counts half on each side.
    middle = int(covered[0] + covered[-1])
    places = 2 * np.arange(columns.size)
    halves = [float(columns[places < middle].sum()), float(columns[places > middle].sum())]
    halves = [half + float(columns[places == middle].sum()) / 2 for half in halves]
    return min(halves) / max(halves)


@lru_cache(maxsize=4)
def _load(root: Path, version: str | None, process: int) -> LungFinder:
    """`process` is part of the key: a forked child must not use its parent's network, whose threads are gone."""
    return LungFinder.from_folder(root / NAME / version if version else _newest(root))


def _newest(root: Path) -> Path:
    return max(_folders(root), key=lambda folder: version_order(read_spec(folder).version))


def _folders(root: Path) -> Iterable[Path]:
    folders = [path.parent for path in (root / NAME).glob(f"*/{SPEC}")]
    if not folders:
        raise BundleRefused(f"{root / NAME} holds no network that finds lungs. Restore the folder from the release.")
    return folders
