"""Small networks as Keras 2 stored them, written with h5py alone, and what they answer, worked out with NumPy alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ml.keras2.hdf5 import LegacyFile, read

SIDE = 32
Weights = dict[str, dict[str, np.ndarray]]


def weights(head: Sequence[int] = (2,), *, places: int = 49, seed: int = 0) -> Weights:
    """Random weights of two convolutions with a normalisation each, and of dense layers with `head` units."""
    random = np.random.default_rng(seed)
    made: Weights = {}
    for number, (taken, given) in enumerate(((3, 6), (6, 8)), start=1):
        made[f"block{number}/conv"] = {"kernel": random.normal(0, 0.4, (3, 3, taken, given))}
        made[f"block{number}/norm"] = {
            "gamma": random.uniform(0.5, 1.5, given),
            "beta": random.normal(0, 0.3, given),
            "moving_mean": random.normal(0, 0.3, given),
            "moving_variance": random.uniform(0.5, 2.0, given),
        }
    sizes = [places * 8, *head]
    for number, (taken, given) in enumerate(pairwise(sizes), start=1):
        kernel = random.normal(0, 2 / np.sqrt(taken), (taken, given))
        made[f"dense_{number}"] = {"kernel": kernel, "bias": random.normal(0, 0.2, given)}
    return {name: {key: array.astype(np.float32) for key, array in each.items()} for name, each in made.items()}


def read_here(path: Path) -> LegacyFile:
    """What a file holds, read in this process."""
    with path.open("rb") as file:
        return read(file, path.name)


def answers(made: Weights, colours: np.ndarray, *, ending: str = "softmax") -> np.ndarray:
    """What the network of `weights` says about `colours` (n, 32, 32, 3), in float64."""
    flat = features(made, colours).reshape(len(colours), -1)
    dense = [made[name] for name in made if name.startswith("dense")]
    for layer in dense[:-1]:
        flat = np.maximum(flat @ layer["kernel"] + layer["bias"], 0.0)
    logits = flat @ dense[-1]["kernel"] + dense[-1]["bias"]
    if ending == "sigmoid":
        return 1 / (1 + np.exp(-logits))
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def features(made: Weights, colours: np.ndarray) -> np.ndarray:
    """The feature map (n, 7, 7, 8) that its head begins with, in float64."""
    values = colours.astype(np.float64)
    for block in ("block1", "block2"):
        values = np.maximum(_normalise(_convolve(values, made[f"{block}/conv"]["kernel"]), made[f"{block}/norm"]), 0.0)
    return values


def stripes_network() -> Weights:
    """A network that tells stripes across (covid) from none (normal): it measures how grey changes from row to row."""
    made = weights([4, 1], seed=3)
    for block, taken in (("block1", 3), ("block2", 6)):
        kernel = np.zeros_like(made[f"{block}/conv"]["kernel"])
        # Up and down are separate channels, since a ReLU follows
        kernel[0, :, :taken, 0], kernel[2, :, :taken, 0] = (1 / 9, -1 / 9) if block == "block1" else (1 / 9, 1 / 9)
        kernel[..., 1] = -kernel[..., 0] if block == "block1" else kernel[..., 0]
        made[f"{block}/conv"]["kernel"] = kernel
        made[f"{block}/norm"] |= {
            "moving_mean": made[f"{block}/norm"]["beta"] * 0,
            "beta": made[f"{block}/norm"]["beta"] * 0,
        }
    made["dense_1"] = {"kernel": np.full((392, 4), 0.05, np.float32), "bias": np.zeros(4, np.float32)}
    made["dense_2"] = {"kernel": np.full((4, 1), -1.0, np.float32), "bias": np.full(1, 1.0, np.float32)}
    return made


def _convolve(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Stride 2, no padding."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (3, 3), axis=(1, 2))[:, ::2, ::2]
    return np.einsum("nhwcij,ijcd->nhwd", windows, kernel.astype(np.float64))


def _normalise(values: np.ndarray, by: dict[str, np.ndarray]) -> np.ndarray:
    return (values - by["moving_mean"]) / np.sqrt(by["moving_variance"] + 1e-3) * by["gamma"] + by["beta"]


def layer(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    """A layer's entry as Keras 2 wrote it."""
    return {"class_name": kind, "config": {"name": name, "trainable": True, "dtype": "float32", **settings}}


def entrance(name: str = "input_1", *, channels: int = 3, side: int | None = SIDE) -> dict[str, Any]:
    return layer("InputLayer", name, batch_input_shape=[None, side, side, channels], sparse=False, ragged=False)


def dense(name: str, units: int, activation: str) -> dict[str, Any]:
    plain = {"class_name": "GlorotUniform", "config": {"seed": None}}
    return layer(
        "Dense", name, units=units, activation=activation, use_bias=True, kernel_initializer=plain, bias_constraint=None
    )


def backbone_layers() -> list[dict[str, Any]]:
    """Two blocks with all that a config carries; the names have strokes as DenseNet's have."""
    layers = []
    for block, filters in (("block1", 6), ("block2", 8)):
        layers.append(
            layer(
                "Conv2D",
                f"{block}/conv",
                filters=filters,
                kernel_size=[3, 3],
                strides=[2, 2],
                padding="valid",
                data_format="channels_last",
                dilation_rate=[1, 1],
                activation="linear",
                use_bias=False,
                kernel_regularizer=None,
            )
        )
        layers.append(
            layer(
                "BatchNormalization", f"{block}/norm", axis=[3], momentum=0.99, epsilon=0.001, center=True, scale=True
            )
        )
        layers.append(layer("Activation", f"{block}/relu", activation="relu"))
    return layers


def head_layers(units: Sequence[int], ending: str) -> list[dict[str, Any]]:
    """Flatten, hidden dense layers with dropout, and the last one."""
    layers = [layer("Flatten", "flatten", data_format="channels_last")]
    for number, size in enumerate(units[:-1], start=1):
        layers.append(dense(f"dense_{number}", size, "relu"))
        layers.append(layer("Dropout", f"dropout_{number}", rate=0.5, noise_shape=None, seed=None))
    return [*layers, dense(f"dense_{len(units)}", units[-1], ending)]


def chain(layers: Sequence[dict[str, Any]], *, kind: str = "Functional", name: str = "model") -> dict[str, Any]:
    """A functional network whose layers follow one another."""
    linked = [{**layers[0], "name": layers[0]["config"]["name"], "inbound_nodes": []}]
    for before, after in pairwise(layers):
        node = [[before["config"]["name"], 0, 0, {}]]
        linked.append({**after, "name": after["config"]["name"], "inbound_nodes": [node]})
    ends = {"input_layers": [[linked[0]["name"], 0, 0]], "output_layers": [[linked[-1]["name"], 0, 0]]}
    return {"class_name": kind, "config": {"name": name, "layers": linked, **ends}}


def nested(units: Sequence[int], ending: str) -> dict[str, Any]:
    """Sequential[backbone, Flatten, Dense ...], as TensorFlow 2 wrote it."""
    inner = chain([entrance(), *backbone_layers()], name="backbone")
    layers = [entrance("backbone_input"), inner, *head_layers(units, ending)]
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}


def flat(units: Sequence[int], ending: str) -> dict[str, Any]:
    """Model(backbone.input, dense(flatten(backbone.output))), as TensorFlow 1 wrote it."""
    return chain([entrance(), *backbone_layers(), *head_layers(units, ending)], kind="Model")


@dataclass
class Stored:
    """What goes into a file: `groups` maps an outermost layer to its weights by scope, in the order of the file."""

    config: dict[str, Any]
    groups: Mapping[str, Sequence[tuple[str, np.ndarray]]]
    attributes: dict[str, Any] = field(default_factory=lambda: {"keras_version": "2.4.0", "backend": "tensorflow"})
    names_in_parts: bool = False

    def write(self, path: Path) -> Path:
        with h5py.File(path, "w") as file:
            file.attrs.update(self.attributes)
            file.attrs["model_config"] = json.dumps(self.config)
            file.attrs["training_config"] = json.dumps({"optimizer_config": {"config": {"lr": 1e-4, "decay": 0.0}}})
            group = file.create_group("model_weights")
            _write_names(group, "layer_names", list(self.groups), in_parts=self.names_in_parts)
            for name, arrays in self.groups.items():
                inner = group.create_group(name)
                _write_names(inner, "weight_names", [each for each, _ in arrays], in_parts=self.names_in_parts)
                for each, array in arrays:
                    inner.create_dataset(each, data=array)
        return path


def stored_flat(made: Weights, config: dict[str, Any]) -> Stored:
    """Each layer's weights under its own name."""
    groups = {name: [(f"{name}/{key}:0", array) for key, array in each.items()] for name, each in made.items()}
    return Stored(config, {"input_1": [], **groups})


def stored_nested(made: Weights, config: dict[str, Any], *, count: str = "", frozen: bool = True) -> Stored:
    """The backbone's weights in one group: layer by layer when frozen, else all that train before all that do not."""
    inner = [
        (f"{name}{count}/{key}:0", array)
        for name, each in made.items()
        if name.startswith("block")
        for key, array in each.items()
    ]
    if not frozen:
        inner.sort(key=lambda item: "moving" in item[0])
    heads = {
        name: [(f"{name}/{key}:0", array) for key, array in each.items()]
        for name, each in made.items()
        if name.startswith("dense")
    }
    return Stored(config, {"backbone": inner, "flatten": [], **heads})


def _write_names(group: h5py.Group, attribute: str, names: list[str], *, in_parts: bool) -> None:
    encoded = [name.encode() for name in names]
    if not in_parts or len(encoded) < 2:
        group.attrs[attribute] = np.array(encoded) if encoded else np.array([], dtype="S1")
        return
    for part, chunk in enumerate((encoded[: len(encoded) // 2], encoded[len(encoded) // 2 :])):
        group.attrs[f"{attribute}{part}"] = np.array(chunk)


def colours(count: int = 3, *, seed: int = 0) -> np.ndarray:
    """Grey noise as three equal channels, float32 (n, 32, 32, 3) in [0, 1]."""
    grey = np.random.default_rng(seed).random((count, SIDE, SIDE, 1), dtype=np.float32)
    return np.repeat(grey, 3, axis=3)
