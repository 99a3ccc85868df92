"""The kinds of layers that an import knows. Whatever stands in a file beside them is refused, never executed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import layers

from ml.importing.refusal import ImportRefused

ACTIVATIONS = ("linear", "relu", "sigmoid", "softmax", "tanh")
# They say how a layer was trained or stored; what it computes does not depend on them.
TRAINING_ONLY = frozenset(
    {"name", "trainable", "dtype", "batch_input_shape", "momentum", "fused", "virtual_batch_size", "adjustment"}
    | {"synchronized", "rate", "noise_shape", "seed"}
)
TRAINING_ONLY_ENDINGS = ("_initializer", "_regularizer", "_constraint")
CHANNELS_LAST: Mapping[str, tuple[Any, ...]] = {"data_format": ("channels_last", None)}


@dataclass(frozen=True)
class Kind:
    """How to make a layer. `settings` go to `make`; those in `only` must have one of the values given here."""

    make: Callable[..., keras.Layer]
    settings: tuple[str, ...] = ()
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


CONVOLUTION = ("kernel_size", "strides", "padding", "dilation_rate", "use_bias", "activation")
POOLING = ("pool_size", "strides", "padding")
KINDS: dict[str, Kind] = {
    "Activation": Kind(layers.Activation, ("activation",)),
    "Add": Kind(layers.Add),
    "AveragePooling2D": Kind(layers.AveragePooling2D, POOLING, CHANNELS_LAST),
    "BatchNormalization": Kind(layers.BatchNormalization, ("axis", "epsilon", "center", "scale"), {"renorm": (False,)}),
    "Concatenate": Kind(layers.Concatenate, ("axis",)),
    "Conv2D": Kind(layers.Conv2D, ("filters", "groups", *CONVOLUTION), CHANNELS_LAST),
    "Dense": Kind(layers.Dense, ("units", "use_bias", "activation")),
    "Dropout": Kind(layers.Identity),
    "Flatten": Kind(layers.Flatten, (), CHANNELS_LAST),
    "GlobalAveragePooling2D": Kind(layers.GlobalAveragePooling2D, (), {**CHANNELS_LAST, "keepdims": (False,)}),
    "MaxPooling2D": Kind(layers.MaxPooling2D, POOLING, CHANNELS_LAST),
    "ReLU": Kind(layers.ReLU, ("max_value", "negative_slope", "threshold")),
    "Rescaling": Kind(layers.Rescaling, ("scale", "offset")),
    "SeparableConv2D": Kind(
        layers.SeparableConv2D, ("filters", "depth_multiplier", *CONVOLUTION), {**CHANNELS_LAST, "groups": (1,)}
    ),
    "Softmax": Kind(layers.Softmax, (), {"axis": (-1,)}),
    "ZeroPadding2D": Kind(layers.ZeroPadding2D, ("padding",), CHANNELS_LAST),
}
CODE = ("Lambda", "TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")


def make_layer(kind: str, config: Mapping[str, Any], name: str) -> keras.Layer:
    """Make a layer of Keras 3 from what Keras 2 stored. Raises ImportRefused for all that is not known here."""
    if kind in CODE:
        raise ImportRefused(
            f"Layer {name} is a {kind}: it computes with program code instead of weights, and code from a file is "
            "never run. Replace it where the network was trained."
        )
    if kind not in KINDS:
        raise ImportRefused(f"Layer {name} is a {kind}, which an import does not know; it knows {', '.join(KINDS)}.")
    settings = _settings(KINDS[kind], config, f"{name} ({kind})")
    try:
        return KINDS[kind].make(**settings, name=name, dtype="float32")
    except (TypeError, ValueError) as error:
        raise ImportRefused(f"Layer {name} ({kind}) cannot be made from its settings.") from error


def _settings(kind: Kind, config: Mapping[str, Any], title: str) -> dict[str, Any]:
    settings = {}
    for key, stored in config.items():
        value = _value(stored, key, title)
        if key in kind.settings:
            settings[key] = value
        elif key in kind.only:
            _require(value in kind.only[key], f"Layer {title} has {key}={value!r}, which an import cannot rebuild.")
        else:
            _require(_training_only(key), f"Layer {title} has the setting {key}, which an import does not know.")
    activation = settings.get("activation", "linear")
    _require(activation in ACTIVATIONS, f"Layer {title} has the activation {activation!r}, which is not known here.")
    return settings


def _value(stored: Any, key: str, title: str) -> Any:
    """Numbers, words and tuples of them; Keras 2 marks some tuples, and wraps the one axis of a normalisation."""
    if isinstance(stored, dict) and not _training_only(key):
        _require(stored.get("class_name") == "__tuple__", f"Layer {title} has no plain value in {key}.")
        stored = stored.get("items")
    if not isinstance(stored, list):
        return stored
    if key == "axis" and len(stored) == 1:
        return stored[0]
    return tuple(_value(item, key, title) for item in stored)


def _training_only(key: str) -> bool:
    return key in TRAINING_ONLY or key.endswith(TRAINING_ONLY_ENDINGS)


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ImportRefused(sentence)
