"""The model that serves: grey in, logits and maps of the served labels out, with the backbone as the file has it."""

from typing import Any

import numpy as np

from ml.importing.head import Array, Head, Stage
from ml.importing.statements import Scaling
from ml.onnx.network import Layout, Opened
from ml.serving.engine import import_openvino

PLACES = [1, 2]


def served_model(network: Opened, head: Head, scaling: Scaling) -> Any:
    """An OpenVINO model: grey float32 (1, h, w, 1) in [0, 1] in, `logits` (1, classes) and `maps` (1, h', w', classes)
    out. `head` is that of the served labels.
    """
    openvino = import_openvino()
    ops = openvino.opset13
    model = network.model.clone()
    number, index = head.features
    features = next(step for step in model.get_ordered_ops() if step.get_friendly_name() == number).output(index)
    grey = ops.parameter([1, *network.size, 1], np.float32, name="pixels")
    model.input().replace(_colours(ops, grey, network, scaling).output(0))
    logits, maps = _outputs(ops, head, features)
    for name, step in (("logits", logits), ("maps", maps)):
        step.output(0).get_tensor().set_names({name})
    results = [ops.result(logits), ops.result(maps)]
    return openvino.Model(results, [grey], "classifier")


def _colours(ops: Any, grey: Any, network: Opened, scaling: Scaling) -> Any:
    """The scaled channels in the layout of the network; no step names the size of the batch."""
    channels = network.channels
    gain, offset = (np.array(part[:channels], np.float32) for part in (scaling.gain, scaling.offset))
    copies = ops.concat([grey] * channels, 3) if channels > 1 else grey
    scaled = ops.add(ops.multiply(copies, ops.constant(gain)), ops.constant(offset))
    if network.layout is Layout.NHWC:
        return scaled
    return ops.transpose(scaled, ops.constant(np.array([0, 3, 1, 2])))


def _outputs(ops: Any, head: Head, features: Any) -> tuple[Any, Any]:
    """Logits and maps. The mean of a map over its places is the logit of its class, less what the biases contribute."""
    first, *later = head.stages
    places_first = ops.transpose(features, ops.constant(np.array([0, 2, 3, 1])))
    shares = _shared_out(ops, first, places_first)
    mean = ops.reduce_mean(shares, ops.constant(np.array(PLACES)), False)
    sums = ops.add(mean, ops.constant(_f32(first.bias)))
    for stage in later:
        on = ops.convert(ops.greater(sums, ops.constant(np.float32(0))), "f32")
        kernel = ops.constant(_f32(stage.kernel))
        lit = ops.multiply(shares, ops.unsqueeze(on, ops.constant(np.array(PLACES))))
        shares = ops.matmul(lit, kernel, False, False)
        summed = ops.matmul(ops.multiply(sums, on), kernel, False, False)
        sums = ops.add(summed, ops.constant(_f32(stage.bias)))
    return sums, shares


def _shared_out(ops: Any, stage: Stage, features: Any) -> Any:
    """The first stage at every place, without its bias: one kernel for all places, or one for each."""
    kernel = ops.constant(_f32(stage.kernel))
    if stage.kernel.ndim == 2:
        return ops.matmul(features, kernel, False, False)
    axis = ops.constant(np.array([3]))
    return ops.squeeze(ops.matmul(ops.unsqueeze(features, axis), kernel, False, False), axis)


def _f32(values: Array) -> Array:
    return np.ascontiguousarray(values, dtype=np.float32)
