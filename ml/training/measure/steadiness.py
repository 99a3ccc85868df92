"""How often an answer moves by changes that a person does not see, or that say nothing about a lung."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.preprocessing import Pixels, Region, resize
from ml.spec import Zone
from ml.training.measure.bootstrap import estimates, with_exact_bounds
from ml.training.measure.report import plain
from ml.training.metrics import Measures

GAIN, GAMMA = 1.02, 1.05
NOISE_DEVIATION = 1 / 255
CROPPED_SHARE = 0.01
SIZE_SHARE = 0.95
JPEG_QUALITY = 90
LARGE_MOVE = 95.0


def _brighter(pixels: Pixels) -> Pixels:
    return np.clip(pixels * np.float32(GAIN), 0, 1)


def _curved(pixels: Pixels) -> Pixels:
    return pixels ** np.float32(GAMMA)


def _noisy(pixels: Pixels) -> Pixels:
    noise = np.random.default_rng(0).standard_normal(pixels.shape, dtype=np.float32)
    return np.clip(pixels + noise * np.float32(NOISE_DEVIATION), 0, 1)


def _shifted(pixels: Pixels) -> Pixels:
    """Without its first row and column, as if cut a pixel later."""
    return np.ascontiguousarray(pixels[1:, 1:])


def _cropped(pixels: Pixels) -> Pixels:
    height, width = pixels.shape
    down, across = max(1, round(CROPPED_SHARE * height)), max(1, round(CROPPED_SHARE * width))
    return np.ascontiguousarray(pixels[down:-down, across:-across])


def _smaller(pixels: Pixels) -> Pixels:
    height, width = pixels.shape
    return resize(pixels, (round(SIZE_SHARE * height), round(SIZE_SHARE * width)), Region())


def _compressed(pixels: Pixels) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(file, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(file), dtype=np.float32) / np.float32(255)


def _mirrored(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1])


CHANGES: Mapping[str, Callable[[Pixels], Pixels]] = {
    "2 % brighter": _brighter,
    "a gamma of 1.05": _curved,
    "noise of one grey level of 256": _noisy,
    "one row and one column cut off": _shifted,
    "1 % cut off on each side": _cropped,
    "5 % smaller": _smaller,
    "JPEG of quality 90": _compressed,
    "left and right exchanged": _mirrored,
}


@dataclass(frozen=True)
class Moves:
    """Answers before and after a change: probabilities float64 (n,) and zones as -1, 0, 1, int (n,)."""

    groups: NDArray[np.str_]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    zone_before: NDArray[np.int64]
    zone_after: NDArray[np.int64]

    def take(self, which: NDArray[Any]) -> "Moves":
        """Some of the images, by index."""
        return Moves(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def zone_numbers(probabilities: NDArray[np.float64], zone: Callable[[float], Zone]) -> NDArray[np.int64]:
    """Each probability's zone as a number: -1 negative, 0 indeterminate, 1 positive."""
    numbers = {Zone.NEGATIVE: -1, Zone.INDETERMINATE: 0, Zone.POSITIVE: 1}
    return np.array([numbers[zone(probability)] for probability in probabilities.tolist()], dtype=np.int64)


def measure_moves(moves: Moves) -> dict[str, Any]:
    """The share of answers in another zone, in the opposite one, and what 95 of 100 probabilities move at most."""
    groups = len(set(moves.groups.tolist()))
    shares = estimates(moves, _shares)
    bounded = {name: with_exact_bounds(share, groups) for name, share in shares.items()}
    return plain(bounded | estimates(moves, _size))


def _shares(moves: Moves) -> Measures:
    apart = np.abs(moves.zone_after - moves.zone_before)
    return {"another_zone": float((apart > 0).mean()), "opposite_zone": float((apart > 1).mean())}


def _size(moves: Moves) -> Measures:
    return {"move": float(np.percentile(np.abs(moves.after - moves.before), LARGE_MOVE))}
