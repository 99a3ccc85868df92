"""The six architectures, built from keras.applications with one kind of head.

The head is global average pooling, dropout and one dense layer. It keeps the network small,
accepts any input size, and makes class activation maps exact (Zhou et al., CVPR 2016).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import keras
from keras import layers

DROPOUT = 0.2
# Small data sets give few steps an epoch; Keras' default of 0.99 would leave the statistics epochs behind.
SCRATCH_BATCH_MOMENTUM = 0.95
# Ends the name of a batch normalisation that only a narrow network has.
NORM = "_norm"
# Ends the name of the second half of a convolution of reduced rank.
MIXED = "_mixed"


@dataclass(frozen=True)
class Architecture:
    """How to build one architecture.

    `input_size` (h, w) the size its ImageNet weights were trained at; `smallest_side` below which it
    cannot be built; `input_deviation` brings the standardised input (mean 0, deviation 1) into the range
    that its ImageNet weights were trained on. `earlier` names the layer before the last block, at twice the
    side of what the backbone gives, which the head can read too; empty where that is not foreseen.
    """

    name: str
    build: Callable[..., keras.Model]
    input_size: tuple[int, int]
    smallest_side: int
    input_deviation: float
    earlier: str = ""


# Deviation of natural images after each kind of preprocessing in keras.applications.imagenet_utils:
# "torch" divides by it (1.0), "tf" scales to [-1, 1] (about 0.45), "caffe" keeps 0..255 less the mean (about 58).
TORCH, TF, CAFFE = 1.0, 0.45, 58.0

ARCHITECTURES: dict[str, Architecture] = {
    entry.name: entry
    for entry in (
        Architecture("vgg16", keras.applications.VGG16, (224, 224), 32, CAFFE, "block4_pool"),
        Architecture("vgg19", keras.applications.VGG19, (224, 224), 32, CAFFE, "block4_pool"),
        Architecture("resnet50", keras.applications.ResNet50, (224, 224), 32, CAFFE),
        Architecture("inceptionv3", keras.applications.InceptionV3, (299, 299), 75, TF),
        Architecture("xception", keras.applications.Xception, (299, 299), 71, TF),
        Architecture("densenet121", keras.applications.DenseNet121, (224, 224), 32, TORCH),
    )
}


def find(name: str) -> Architecture:
    """Return the architecture of that name, or raise ValueError with the known names."""
    if name not in ARCHITECTURES:
        raise ValueError(f"Unknown architecture {name!r}. Choose one of {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[name]


def build(
    name: str,
    classes: int,
    *,
    size: tuple[int, int] | None = None,
    weights: str | None = None,
    width: int = 1,
    two_levels: bool = False,
    ranks: Mapping[str, int] | None = None,
) -> keras.Model:
    """Build an untrained classifier: float32 (batch, h, w, 1) standardised grey in, logits (batch, classes) out.

    `size` fixes the input; None accepts any. `weights` goes to the backbone: None (from scratch), "imagenet", or
    the path of a weights file without top. `width` divides the channels of every layer, for a network that learns
    quickly and is then grown (ml.training.fit.net2net). The grey channel is repeated inside the network. With
    `two_levels` the head reads the block before the last one too, whose values lie closer to the image: raises
    ValueError where the architecture does not foresee it, and where a fixed size does not halve evenly. `ranks` makes
    two convolutions of each that it names: one with so many channels, and one of 1 x 1 that has the published channels
    (ml.training.fit.low_rank); raises ValueError where the backbone is no plain chain of layers or lacks one of them.
    """
    architecture = find(name)
    backbone = _backbone(architecture, weights)
    if ranks:
        backbone = _of_reduced_rank(backbone, ranks)
    if width > 1:
        backbone = _narrow(backbone, width)
    if two_levels:
        backbone = _with_earlier(backbone, architecture, size)
    grey = keras.Input((*(size or (None, None)), 1), name="pixels")
    scaled = layers.Rescaling(architecture.input_deviation, name="range")(grey)
    colour = layers.Concatenate(name="channels")([scaled, scaled, scaled])
    features = backbone(colour)
    pooled = layers.GlobalAveragePooling2D(name="pool")(features)
    dropped = layers.Dropout(DROPOUT, name="dropout")(pooled)
    # float32 keeps the softmax exact under mixed precision
    logits = layers.Dense(classes, dtype="float32", name="logits")(dropped)
    return keras.Model(grey, logits, name=name)


def with_maps(model: keras.Model) -> keras.Model:
    """Return the classifier with a second output: class activation maps (batch, h', w', classes).

    The mean of a map over its positions, plus the bias of its class, is the logit of that class.
    """
    features = model.get_layer("pool").input
    head = model.get_layer("logits")
    maps = layers.Dense(head.units, use_bias=False, name="maps")
    output = maps(features)
    maps.set_weights([head.get_weights()[0]])
    return keras.Model(model.input, {"logits": model.output, "maps": output}, name=model.name)


def backbone_of(model: keras.Model) -> keras.Model:
    """The part of a classifier that comes from keras.applications."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def freeze_statistics(model: keras.Model) -> None:
    """Keep batch normalisation of pretrained weights as it is: small batches would spoil its statistics."""
    for layer in backbone_of(model).layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


def _backbone(architecture: Architecture, weights: str | None) -> keras.Model:
    backbone = architecture.build(include_top=False, weights=weights, input_shape=(None, None, 3))
    if weights is None:
        _follow_quickly(backbone)
    return backbone


def _with_earlier(backbone: keras.Model, architecture: Architecture, size: tuple[int, int] | None) -> keras.Model:
    """The same network, whose output has the channels of the block before the last one too.

    These are averaged over 2 x 2 places, which keeps their mean, so that maps stay exact.
    """
    if not architecture.earlier:
        raise ValueError(f"The head of {architecture.name} reads the last block alone.")
    if size and any(side % architecture.smallest_side for side in size):
        raise ValueError(f"Both sides of the input are multiples of {architecture.smallest_side}, not {size}.")
    earlier = backbone.get_layer(architecture.earlier).output
    halved = layers.AveragePooling2D(2, name="earlier")(earlier)
    joined = layers.Concatenate(name="levels")([halved, backbone.output])
    return keras.Model(backbone.input, joined, name=backbone.name)


def _follow_quickly(backbone: keras.Model) -> None:
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = SCRATCH_BATCH_MOMENTUM


def _narrow(backbone: keras.Model, width: int) -> keras.Model:
    """The same layers with `width` times fewer channels; those without batch normalisation get one to learn with."""
    config = backbone.get_config()
    for layer in config["layers"]:
        if "filters" in layer["config"]:
            layer["config"]["filters"] //= width
        # It holds the shapes of the wide layer
        layer.pop("build_config", None)
    narrow = type(backbone).from_config(config)
    if not any(isinstance(layer, layers.BatchNormalization) for layer in narrow.layers):
        narrow = _normalised(narrow)
    _follow_quickly(narrow)
    return narrow


def _of_reduced_rank(chain: keras.Model, ranks: Mapping[str, int]) -> keras.Model:
    """The same layers, of which each convolution that `ranks` names is two; weights are new."""
    names = {layer.name for layer in chain.layers if isinstance(layer, layers.Conv2D)}
    if not names.issuperset(ranks) or not is_plain(chain):
        raise ValueError(f"Of {chain.name} no convolutions are of reduced rank: choose vgg16 or vgg19.")

    def parts(layer: layers.Conv2D) -> Iterator[keras.layers.Layer]:
        config = layer.get_config()
        if layer.name not in ranks:
            yield layers.Conv2D.from_config(config)
            return
        yield layers.Conv2D.from_config(config | {"filters": ranks[layer.name], "activation": "linear"})
        yield layers.Conv2D.from_config(config | {"name": layer.name + MIXED, "kernel_size": 1})

    return _rebuilt(chain, parts)


def _normalised(chain: keras.Model) -> keras.Model:
    """A plain chain of layers with batch normalisation between every convolution and its activation."""

    def parts(layer: layers.Conv2D) -> Iterator[keras.layers.Layer]:
        config = layer.get_config()
        yield layers.Conv2D.from_config(config | {"activation": "linear"})
        yield layers.BatchNormalization(name=layer.name + NORM)
        yield layers.Activation(config["activation"], name=f"{layer.name}_act")

    return _rebuilt(chain, parts)


def is_plain(model: keras.Model) -> bool:
    """Whether each layer reads the one before it, and nothing else."""
    return all(after.input is before.output for before, after in pairwise(model.layers))


def _rebuilt(chain: keras.Model, parts: Callable[[layers.Conv2D], Iterable[keras.layers.Layer]]) -> keras.Model:
    """A plain chain of layers with `parts` in place of each convolution; weights are new."""
    pixels = keras.Input(chain.input_shape[1:])
    values = pixels
    for layer in chain.layers[1:]:
        for part in parts(layer) if isinstance(layer, layers.Conv2D) else [type(layer).from_config(layer.get_config())]:
            values = part(values)
    return keras.Model(pixels, values, name=chain.name)
