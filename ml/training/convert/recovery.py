"""Give a Keras classifier the weights that its converted network serves with.

Networks are released, runs are not: a later version can start from what an earlier one learnt although only the network
for serving is left. Conversion folds batch normalisation into the convolutions before it and gives layers no names. So
a classifier whose every weight is known is converted too, and where its weights came to lie in the graph, those of the
same layer lie in the network that serves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ml import architectures
from ml.preprocessing import Pixels
from ml.probability import softmax
from ml.serving.bundle import NETWORK, Bundle
from ml.serving.engine import Network, import_openvino
from ml.spec import ClassifierSpec
from ml.training.convert.graph import exported

Values = NDArray[np.float32]
READING = ("Convolution", "GroupConvolution", "MatMul")
SHIFTING = ("Add", "Multiply")
# Between the same random weights before and after conversion, each output's scaled to length 1; others differ by more.
SAME = 1e-3
# Between a probability of the recovered classifier and that of the network, which computes in another order.
TOLERANCE = 1e-3
# Every value that batch normalisation reads is held: half a gigabyte for DenseNet121 at 160 pixels
BATCH = 4


class RecoveryFailed(Exception):
    """The weights were not found again in the graph of the network; nothing may start from it."""


@dataclass(frozen=True)
class Constant:
    """The weights that an operation of a converted network reads; `kind` is that of the operation."""

    kind: str
    values: Values

    @property
    def form(self) -> tuple[str, tuple[int, ...]]:
        """What two networks that are built alike have in common."""
        return self.kind, self.values.shape


@dataclass(frozen=True)
class Place:
    """One weight of a layer, of the shape that Keras gives it."""

    layer: keras.layers.Layer
    variable: Any

    @property
    def name(self) -> str:
        return str(self.variable.name)

    def written(self, values: Values, colours: float) -> Values:
        """Weights of a converted network as Keras keeps them; `colours` is what grey was multiplied by in all."""
        shape = tuple(self.variable.shape)
        if not self.reads:
            return values.reshape(shape)
        if len(shape) == 2:
            return values if values.shape == shape else values.T
        if self.name == "depthwise_kernel":
            return values.reshape(shape[2], shape[3], *shape[:2]).transpose(2, 3, 0, 1)
        kernel = values.transpose(2, 3, 1, 0)
        return kernel if kernel.shape == shape else np.repeat(kernel / colours, shape[2], axis=2)

    def read(self, colours: float) -> Iterator[Values]:
        """The weight as it may lie in a converted network."""
        values = np.asarray(self.variable)
        if not self.reads:
            yield values
        elif values.ndim == 2:
            yield from (values, values.T)
        elif self.name == "depthwise_kernel":
            yield values.transpose(2, 3, 0, 1)[:, np.newaxis]
        else:
            yield values.transpose(3, 2, 0, 1)
            yield values.transpose(3, 2, 0, 1).sum(axis=1, keepdims=True) * (colours / values.shape[2])

    @property
    def reads(self) -> bool:
        """Whether it is a kernel."""
        return self.name.endswith("kernel")


def recover(bundle: Bundle, images: Pixels) -> keras.Model:
    """The classifier of a bundle as a Keras model of the input size of its spec, ready to be trained on.

    `images` float32 (n, h, w, 1), n at least 1, are its input for images of the training part. From them come the
    statistics of batch normalisation, which conversion folded away. Raises RecoveryFailed when the model does not
    answer them as the bundle does.
    """
    spec = bundle.spec
    network, weights = bundle.verified_weights()
    served = tuple(_constants(_unpacked(import_openvino().Core().read_model(model=network, weights=weights))))
    model, known, converted = _built_alike(spec, served)
    _take(_paired(model, known), converted, served, architectures.find(spec.architecture).input_deviation * 3)
    _settle_statistics(model, images)
    _require_the_same(model, Network(network, weights), images, spec.identity)
    return model


def _built_alike(
    spec: ClassifierSpec, served: Sequence[Constant]
) -> tuple[keras.Model, keras.Model, tuple[Constant, ...]]:
    """Two classifiers of the architecture, the second with weights of which no two are alike, and this one converted.

    A bundle does not say whether its head reads one block or two, which convolutions were made cheaper, nor how its
    grey channel is read: its graph does. Raises RecoveryFailed where no way to build the architecture gives that of
    `served`.
    """
    ranks = _ranks(spec, served)
    for two_levels in (False, True) if architectures.find(spec.architecture).earlier else (False,):
        known, model = (
            architectures.build(
                spec.architecture,
                len(spec.labels),
                size=spec.input_size,
                width=spec.width,
                two_levels=two_levels,
                ranks=ranks,
            )
            for _ in range(2)
        )
        if known.get_layer("logits").kernel.shape[0] != _head_width(spec, served):
            continue
        _draw_weights(known)
        for grey in (True, False):
            converted = tuple(_converted(known, grey=grey))
            if [each.form for each in served] == [each.form for each in converted]:
                return model, known, converted
    raise RecoveryFailed(f"{spec.identity} is not built as {spec.architecture} is now: its layers cannot be told.")


def _ranks(spec: ClassifierSpec, served: Sequence[Constant]) -> dict[str, int]:
    """How many channels are left of each convolution of a plain chain of layers that one of 1 x 1 completes."""
    backbone = architectures.backbone_of(architectures.build(spec.architecture, len(spec.labels)))
    if not architectures.is_plain(backbone):
        return {}
    names = iter(layer.name for layer in backbone.layers if isinstance(layer, layers.Conv2D))
    ranks: dict[str, int] = {}
    name, channels = "", 0
    for out, _, *window in (each.values.shape for each in served if each.kind == "Convolution"):
        if window == [1, 1]:
            ranks[name] = channels
        else:
            name, channels = next(names, ""), out
    return ranks


def _head_width(spec: ClassifierSpec, served: Sequence[Constant]) -> int:
    """How many features the last dense layer reads; 0 where there is none."""
    products = [each.values.size // len(spec.labels) for each in served if each.kind == "MatMul"]
    return products[-1] if products else 0


def _draw_weights(model: keras.Model) -> None:
    """Weights of which no two are alike, and batch normalisation that only scales and shifts."""
    random = np.random.default_rng(1)
    for place in _places(model):
        shape = tuple(place.variable.shape)
        place.variable.assign(_drawn(place, shape, random))


def _drawn(place: Place, shape: tuple[int, ...], random: np.random.Generator) -> Values:
    if place.name == "gamma":
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    if _is_folded(place):
        return _neutral(place)
    return random.normal(0.0, 0.1, shape).astype(np.float32)


def _is_folded(place: Place) -> bool:
    """Whether conversion leaves nothing of it: statistics, and what batch normalisation right after it takes in."""
    return place.name.startswith("moving_") or (place.name == "bias" and _is_normalised(place.layer))


def _is_normalised(layer: keras.layers.Layer) -> bool:
    return any(isinstance(node.operation, layers.BatchNormalization) for node in layer._outbound_nodes)


def _neutral(place: Place) -> Values:
    """The weight with which its layer changes nothing."""
    shape = tuple(place.variable.shape)
    if place.name == "moving_variance":
        return np.full(shape, 1.0 - place.layer.epsilon, dtype=np.float32)
    return np.full(shape, 1.0 if place.name == "gamma" else 0.0, dtype=np.float32)


def _places(model: keras.Model) -> Iterator[Place]:
    for layer in (*architectures.backbone_of(model).layers, model.get_layer("logits")):
        for variable in layer.weights:
            yield Place(layer, variable)


def _paired(model: keras.Model, known: keras.Model) -> list[tuple[Place, Place]]:
    """Each weight of a model with that of another, built alike."""
    return list(zip(_places(model), _places(known), strict=True))


def _converted(model: keras.Model, *, grey: bool = True) -> Iterator[Constant]:
    """The weights of a model once it is converted; `grey` as in `exported`."""
    with TemporaryDirectory() as scratch:
        yield from tuple(_constants(exported(model, Path(scratch) / NETWORK, grey=grey)))


def _unpacked(network: Any) -> Any:
    """The network with weights in eight bits multiplied by their scales, as whoever runs it does."""
    import_openvino()
    from openvino import passes

    manager = passes.Manager()
    manager.register_pass(passes.ConstantFolding())
    manager.run_passes(network)
    return network


def _constants(network: Any) -> Iterator[Constant]:
    for operation in network.get_ordered_ops():
        kind = operation.get_type_name()
        if kind in READING + SHIFTING:
            for value in operation.input_values():
                weights = _weights(value.get_node())
                if weights is not None:
                    yield Constant(kind, weights)


def _weights(node: Any) -> Values | None:
    """What a constant holds; halves are widened in the graph."""
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return np.asarray(node.get_data(), dtype=np.float32) if node.get_type_name() == "Constant" else None


def _take(
    pairs: Sequence[tuple[Place, Place]], converted: Sequence[Constant], served: Sequence[Constant], colours: float
) -> None:
    """Write into the first of each pair what is served where the second came to lie."""
    for place, known in pairs:
        found = None if _is_folded(known) else _find(known, converted, colours)
        values = _neutral(place) if found is None else place.written(served[found].values, colours)
        place.variable.assign(values)


def _find(place: Place, converted: Sequence[Constant], colours: float) -> int | None:
    """Which constant is that weight, or None where it was folded into another. Raises RecoveryFailed for a lost one."""
    wanted = [_direction(values, place.reads) for values in place.read(colours)]
    for index, constant in enumerate(converted):
        held = constant.values if place.reads else constant.values.ravel()
        if (constant.kind in READING) is place.reads and any(
            held.shape == each.shape and np.allclose(_direction(held, place.reads), each, atol=SAME) for each in wanted
        ):
            return index
    if place.name == "gamma":
        return None
    raise RecoveryFailed(f"The weight {place.variable.path} was not found in the converted network.")


def _direction(values: Values, reads: bool) -> Values:
    """A kernel without the factor that batch normalisation gave each of its outputs; other weights as they are."""
    if not reads or values.ndim == 2:
        return values
    lengths = np.sqrt((values**2).sum(axis=tuple(range(1, values.ndim)), keepdims=True))
    return np.asarray(values / lengths)


def _settle_statistics(model: keras.Model, images: Pixels) -> None:
    """Let batch normalisation know the values it gets, so that training begins where the network stands.

    It passes on what it gets, scaled and shifted; scale and shift are changed so that it still does with statistics
    that are true. Where it has no scale the variance stays 1, near which training had brought it.
    """
    backbone = architectures.backbone_of(model)
    norms = [layer for layer in backbone.layers if isinstance(layer, layers.BatchNormalization)]
    if not norms:
        return
    colours = keras.Model(model.input, model.get_layer("channels").output)
    inside = keras.Model(backbone.input, [norm.input for norm in norms])
    moments = [_Moments() for _ in norms]
    for begin in range(0, len(images), BATCH):
        seen = inside(colours(images[begin : begin + BATCH]), training=False)
        for each, values in zip(moments, seen if len(norms) > 1 else [seen], strict=True):
            each.add(keras.ops.convert_to_numpy(values))
    for norm, each in zip(norms, moments, strict=True):
        _settle(norm, each.mean, each.variance)


class _Moments:
    """Mean and variance of each channel over all that was added."""

    def __init__(self) -> None:
        self._count, self._sum, self._squares = 0, np.float64(0.0), np.float64(0.0)

    def add(self, values: Values) -> None:
        numbers = values.reshape(-1, values.shape[-1]).astype(np.float64)
        self._count += len(numbers)
        self._sum = self._sum + numbers.sum(axis=0)
        self._squares = self._squares + (numbers**2).sum(axis=0)

    @property
    def mean(self) -> NDArray[np.float64]:
        return np.asarray(self._sum / self._count)

    @property
    def variance(self) -> NDArray[np.float64]:
        return np.maximum(self._squares / self._count - self.mean**2, 0.0)


def _settle(norm: keras.layers.BatchNormalization, mean: NDArray[np.float64], variance: NDArray[np.float64]) -> None:
    scale = np.asarray(norm.gamma) if norm.scale else np.ones_like(mean)
    norm.beta.assign(np.asarray(norm.beta) + scale * mean)
    norm.moving_mean.assign(mean)
    if norm.scale:
        norm.gamma.assign(scale * np.sqrt(variance + norm.epsilon))
        norm.moving_variance.assign(variance)


def _require_the_same(model: keras.Model, network: Network, images: Pixels, name: str) -> None:
    said = softmax(network.infer_batch(images)[0])
    difference = float(np.abs(softmax(model.predict(images, verbose=0)) - said).max())
    if difference > TOLERANCE:
        raise RecoveryFailed(f"The recovered classifier differs from {name} by {difference:.1e}. Nothing was written.")
