"""From Keras to OpenVINO, and nothing in the graph that serving does not need."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import architectures
from ml.serving.engine import import_openvino


def exported(model: keras.Model, path: Path, *, grey: bool = True) -> Any:
    """The classifier as an OpenVINO model for one image, with the outputs `logits` and `maps`.

    `model` has a fixed input size; Keras writes to `path`, which must stay as it is while the result is used.
    Keras folds batch normalisation, and leaves transpositions at the input and the output only. Without `grey` the
    first convolution goes on reading three copies of the grey channel, as in networks converted before it was spared.
    """
    architectures.with_maps(model).export(str(path), format="openvino", verbose=False)
    network = import_openvino().Core().read_model(path)
    network.reshape([1, *model.input_shape[1:]])
    for output in network.outputs:
        output.get_tensor().set_names({"logits" if len(output.get_partial_shape()) == 2 else "maps"})
    if grey and any(layer.name == "channels" for layer in model.layers):
        _read_grey_once(network)
    return network


def _read_grey_once(network: Any) -> None:
    """Let the first convolution read the grey channel itself, not three scaled copies of it.

    Convolution is linear, and padding adds zeros, which scaling keeps: the copies' weights add up, times the scale.
    """
    openvino = import_openvino()
    operations = network.get_ordered_ops()
    copies = next(each for each in operations if each.get_type_name() == "Concat")
    convolution = next(each for each in operations if each.get_type_name() == "Convolution")
    grey, scale = _unscaled(copies.input_value(0))
    weights = convolution.input_value(1).get_node().get_data()
    summed = (weights.astype(np.float64).sum(axis=1, keepdims=True) * scale).astype(np.float32)
    copies.output(0).replace(grey)
    convolution.input(1).replace_source_output(openvino.opset13.constant(summed).output(0))
    network.validate_nodes_and_infer_types()


def _unscaled(value: Any) -> tuple[Any, float]:
    """What a product with a constant was made of; a scale of 1 leaves no product."""
    node = value.get_node()
    if node.get_type_name() != "Multiply":
        return value, 1.0
    constant, grey = sorted(node.input_values(), key=lambda each: each.get_node().get_type_name() != "Constant")
    return grey, float(constant.get_node().get_data().item())
