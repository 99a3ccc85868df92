"""Rebuild a legacy network with layers of Keras 3. Networks inside networks are laid out flat."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras

from ml.importing.refusal import ImportRefused
from ml.keras2.hdf5 import LegacyFile
from ml.keras2.layer_kinds import make_layer
from ml.keras2.weights import Path, fill

Config = Mapping[str, Any]
NETWORKS = ("Sequential", "Model", "Functional")
DEEPEST = 4
CHANNELS = (1, 3)
PLAIN_CALLS: tuple[Config, ...] = (
    {},
    {"training": False},
    {"training": None},
    {"mask": None},
    {"training": False, "mask": None},
)


@dataclass(frozen=True)
class Step:
    """One layer at its place: what goes in and what comes out, as symbolic tensors."""

    layer: keras.Layer
    inputs: tuple[Any, ...]
    output: Any


@dataclass(frozen=True)
class Rebuilt:
    """`model` float32 (batch, h, w, channels) in, the file's own answers out; `steps` in the order of computation."""

    model: keras.Model
    steps: tuple[Step, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input in pixels."""
        height, width = self.model.input_shape[1:3]
        return height, width

    @property
    def channels(self) -> int:
        return int(self.model.input_shape[3])


def rebuild(file: LegacyFile, size: tuple[int, int] | None = None) -> Rebuilt:
    """Build the network of a file with its weights. `size` (h, w) is needed where the file leaves it open.

    Raises ImportRefused when the network has something that is not known here, or the weights do not fit.
    """
    builder = _Builder()
    with _sentences():
        pixels = keras.Input(_input_shape(file.config, size), name="colours")
        answers = builder.run(file.config, pixels, ())
        model = keras.Model(pixels, answers)
    fill(builder.layers, file.weights)
    return Rebuilt(model, tuple(builder.steps))


@contextmanager
def _sentences() -> Iterator[None]:
    """The many ways in which JSON can fail to be a network need one sentence."""
    try:
        yield
    except ImportRefused:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ImportRefused(
            "The architecture in the file is not one image in, one answer out, as Keras 2 writes it."
        ) from error


def _input_shape(config: Config, size: tuple[int, int] | None) -> tuple[int, int, int]:
    """Height, width and channels of the one input."""
    _, height, width, channels = _stored_shape(config)
    if channels not in CHANNELS:
        raise ImportRefused(f"The network takes images of {channels} channels; an import knows grey (1) and RGB (3).")
    stored = (height, width)
    if size is None and None in stored:
        raise ImportRefused("The file leaves the size of its input open. Say with --size what it was trained at.")
    if size is not None and any(old not in (None, new) for old, new in zip(stored, size, strict=True)):
        raise ImportRefused(
            f"The network takes {height} x {width} pixels, not {size[0]} x {size[1]}. Leave --size out."
        )
    return (*(size or stored), channels)


def _stored_shape(config: Config) -> Sequence[Any]:
    """The shape that the first layer declares, its own or that of the network that it is."""
    layers = _layers(config)
    if config["class_name"] != "Sequential":
        entrance = _only(config["config"]["input_layers"])
        layers = [layer for layer in layers if _name(layer) == entrance]
    first = layers[0]
    if "batch_input_shape" in first["config"]:
        shape: Sequence[Any] = first["config"]["batch_input_shape"]
        return shape
    return _stored_shape(first)


def _layers(config: Config) -> list[Config]:
    """Before Keras 2.2.3 a Sequential had the bare list of its layers for a config."""
    inner = config["config"]
    layers: list[Config] = inner if isinstance(inner, list) else inner["layers"]
    return layers


def _only(ends: Sequence[Any]) -> str:
    """The name of the layer at which a network begins or ends: [[name, 0, 0]], or bare."""
    names = [ends[0]] if isinstance(ends[0], str) else [end[0] for end in ends]
    if len(names) != 1:
        raise ImportRefused("The network has more than one input or output; an import reads one image, one answer.")
    return str(names[0])


def _name(layer: Config) -> str:
    """The name of a layer. A network in a Sequential of old was stored without one, but its weights were not."""
    inner = layer["config"]
    return str(layer.get("name") or inner["name"])


@dataclass
class _Builder:
    """Lays layers out one after the other."""

    steps: list[Step] = field(default_factory=list)
    layers: dict[Path, keras.Layer] = field(default_factory=dict)

    def run(self, config: Config, tensor: Any, path: Path) -> Any:
        """Call the network of `config`, found at `path`, on a tensor."""
        if config["class_name"] not in NETWORKS or len(path) > DEEPEST:
            raise ImportRefused(f"The network is a {config['class_name']}; an import knows {', '.join(NETWORKS)}.")
        if config["class_name"] == "Sequential":
            for layer in _layers(config):
                tensor = self._call(layer, [tensor], path)
            return tensor
        return self._run_graph(config["config"], tensor, path)

    def _run_graph(self, config: Config, tensor: Any, path: Path) -> Any:
        """Keras stores the layers of a graph in no promised order; one whose inputs are known can be called."""
        entrance, end = _only(config["input_layers"]), _only(config["output_layers"])
        known, waiting = {entrance: tensor}, [each for each in config["layers"] if _name(each) != entrance]
        while waiting:
            ready = [layer for layer in waiting if all(name in known for name in _sources(layer))]
            if not ready:
                raise ImportRefused("The layers of the network do not hang together.")
            for layer in ready:
                inputs = [known[name] for name in _sources(layer)]
                known[_name(layer)] = self._call(layer, inputs, path)
            waiting = [layer for layer in waiting if _name(layer) not in known]
        return known[end]

    def _call(self, config: Config, inputs: list[Any], path: Path) -> Any:
        if config["class_name"] == "InputLayer":
            return inputs[0]
        here = (*path, _name(config))
        if config["class_name"] in NETWORKS:
            return self.run(config, inputs[0], here)
        layer = make_layer(config["class_name"], config["config"], ".".join(here).replace("/", "."))
        output = _apply(layer, inputs)
        if here in self.layers:
            raise ImportRefused(f"The architecture in the file has two layers of the name {layer.name}.")
        self.layers[here] = layer
        self.steps.append(Step(layer, tuple(inputs), output))
        return output


def _sources(layer: Config) -> tuple[str, ...]:
    """The names of the layers whose outputs go into a layer of a graph, which is called once in all that is known."""
    nodes = layer["inbound_nodes"]
    if len(nodes) != 1:
        raise ImportRefused(f"Layer {_name(layer)} is used {len(nodes)} times; an import knows layers used once.")
    for _, _, output, *more in nodes[0]:
        if output != 0 or any(settings not in PLAIN_CALLS for settings in more):
            raise ImportRefused(f"Layer {_name(layer)} is called in a way that an import does not know.")
    return tuple(source for source, *_ in nodes[0])


def _apply(layer: keras.Layer, inputs: list[Any]) -> Any:
    try:
        return layer(inputs if len(inputs) > 1 else inputs[0])
    except (TypeError, ValueError) as error:
        raise ImportRefused(f"Layer {layer.name} does not fit the layers before it.") from error
