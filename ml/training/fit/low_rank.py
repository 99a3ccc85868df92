"""Make two cheaper convolutions of each of a trunk, which together say nearly what it said.

On images of one kind the outputs of a convolution lie near a space with fewer dimensions than it has channels. A
convolution with as many channels as that space has dimensions, and one of 1 x 1 after it, need less arithmetic than
the one that they replace. Both are found by reduced-rank regression: what the published network gives at each place
from what the convolution gives there after those before it were replaced, so that a layer makes up for the earlier ones
(Zhang, Zou, He and Sun, Accelerating Very Deep Convolutional Networks for Classification and Detection, IEEE TPAMI
38(10), 2016: sections 3.1 and 3.3).
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ml.architectures import MIXED

Values = NDArray[np.float32]
Matrix = NDArray[np.float64]
Weights = dict[str, list[Values]]
# Channels are computed by sixteens at once: a rank between costs as much
STEP = 16
# A pair that needs more than this share of the arithmetic of its convolution does not replace it
WORTHWHILE = 0.9
# Keeps the regression from inventing weights for directions that hardly occur, as a share of the mean variance
RIDGE = 1e-4
BATCH, PLACES, SEED = 8, 1600, 1


def reduce_ranks(backbone: keras.Model, pixels: Values, kept: float) -> Weights:
    """The weights of a plain chain of layers whose convolutions were made cheaper, by the names of its layers.

    `pixels` float32 (n, h, w, 3), what the backbone gets for images of the training part; `kept`, in (0, 1), is the
    least share of the variance between places that the space of each convolution keeps. A convolution that reads the
    image, and one that a pair would hardly make cheaper, keeps its weights.
    """
    random = np.random.default_rng(SEED)
    weights: Weights = {}
    published = replaced = pixels
    for layer in backbone.layers[1:]:
        parts = [layer]
        if isinstance(layer, layers.Conv2D) and published is not pixels:
            parts = _pair(layer, published, replaced, kept, random) or parts
        weights |= {part.name: part.get_weights() for part in parts if part.weights}
        published, replaced = _run([layer], published), _run(parts, replaced)
    return weights


def ranks_of(weights: Weights) -> dict[str, int]:
    """The rank of each convolution of which two were made, as `ml.architectures.build` takes them."""
    pairs = (name.removesuffix(MIXED) for name in weights if name.endswith(MIXED))
    return {name: int(weights[name][0].shape[-1]) for name in pairs}


def _pair(
    layer: layers.Conv2D, published: Values, replaced: Values, kept: float, random: np.random.Generator
) -> list[layers.Conv2D]:
    """The two convolutions that replace one, or none where they would not be worth it.

    `published` is what it gets in the published network, `replaced` what it gets after those before it were replaced.
    """
    kernel, bias = layer.get_weights()
    wanted, given = _sample(_convolution(layer, kernel, bias, activation="linear"), published, replaced, random)
    middle, off = wanted.mean(axis=0), given.mean(axis=0)
    into, back = _subspace(wanted - middle, given - off, kept)
    rank = len(into)
    if rank * (kernel[..., 0].size + len(bias)) > WORTHWHILE * kernel.size:
        return []
    narrow = _convolution(layer, kernel @ into.T, into @ (bias - off), activation="linear")
    return [narrow, _convolution(layer, back[np.newaxis, np.newaxis], middle, name=layer.name + MIXED)]


def _subspace(wanted: Matrix, given: Matrix, kept: float) -> tuple[Matrix, Matrix]:
    """Matrices (channels, rank).T and (rank, channels): `given` @ first.T @ second is as near `wanted` as can be.

    Both are float64 (places, channels) of mean 0. The rank is the smallest that keeps the share.
    """
    spread = given.T @ given
    ridge = RIDGE * np.trace(spread) / len(spread) * np.eye(len(spread))
    repair = np.linalg.solve(spread + ridge, given.T @ wanted)
    shares, axes = np.linalg.eigh(repair.T @ spread @ repair)
    shares, axes = shares[::-1], axes[:, ::-1]
    enough = int(np.searchsorted(np.cumsum(shares), kept * shares.sum())) + 1
    rank = min(len(shares), -(-enough // STEP) * STEP)
    return (repair @ axes[:, :rank]).T, axes[:, :rank].T


def _convolution(layer: layers.Conv2D, kernel: Matrix | Values, bias: Matrix | Values, **changes: str) -> layers.Conv2D:
    """A convolution like `layer` with other weights, kernel (h, w, in, out) and bias (out,)."""
    shape = {"filters": kernel.shape[-1], "kernel_size": kernel.shape[:2]}
    new = layers.Conv2D.from_config(layer.get_config() | shape | changes)
    new.build((None, None, None, kernel.shape[2]))
    new.set_weights([kernel, bias])
    return new


def _sample(
    layer: layers.Conv2D, published: Values, replaced: Values, random: np.random.Generator
) -> tuple[Matrix, Matrix]:
    """What a layer gives at the same random places of either input, float64 (places, channels)."""
    sampled = []
    for begin in range(0, len(published), BATCH):
        batch = slice(begin, begin + BATCH)
        both = [_run([layer], values[batch]) for values in (published, replaced)]
        flat = [each.reshape(-1, each.shape[-1]).astype(np.float64) for each in both]
        chosen = random.choice(len(flat[0]), min(PLACES, len(flat[0])), replace=False)
        sampled.append([each[chosen] for each in flat])
    wanted, given = (np.concatenate(each) for each in zip(*sampled, strict=True))
    return wanted, given


def _run(chain: Sequence[keras.layers.Layer], values: Values) -> Values:
    """What layers after each other give for images, float32 (n, h, w, channels)."""
    done = []
    for begin in range(0, len(values), BATCH):
        passed = values[begin : begin + BATCH]
        for layer in chain:
            passed = layer(passed)
        done.append(keras.ops.convert_to_numpy(passed))
    return np.concatenate(done)
