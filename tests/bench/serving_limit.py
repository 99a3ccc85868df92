"""What the processor could do at best, and how much a network asks of it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ml.serving.bundle import Bundle
from ml.serving.engine import SETTINGS, import_openvino

CHANNELS, SIDE, LAYERS, REPEATS = 256, 28, 8, 30
GIGA = 1e9


def peaks() -> dict[str, float]:
    """GFLOP/s of a chain of large convolutions in OpenVINO, in each precision; a product and its sum are two."""
    return {"f32": _peak("f32"), "bf16": _peak("bf16"), "int8": _peak("f32", quantised=True)}


def operations(bundle: Bundle) -> float:
    """GFLOP of one image: the convolutions and products of matrices, which is all but a hundredth."""
    network, weights = bundle.verified_weights()
    model = import_openvino().Core().read_model(model=network, weights=weights)
    return sum(map(_operations_of, model.get_ops())) / GIGA


def _operations_of(operation: Any) -> float:
    """Twice the products: each number of the output takes as many as a filter has weights."""
    kind = operation.get_type_name()
    if kind not in {"Convolution", "GroupConvolution", "MatMul"}:
        return 0.0
    output, weights = tuple(operation.output(0).get_shape()), tuple(operation.input_value(1).get_shape())
    if kind == "MatMul":
        return 2.0 * float(np.prod(output)) * operation.input_value(0).get_shape()[-1]
    filter_size = np.prod(weights[2:]) if kind == "GroupConvolution" else np.prod(weights[1:])
    return 2.0 * float(np.prod(output)) * float(filter_size)


def _peak(precision: str, *, quantised: bool = False) -> float:
    openvino = import_openvino()
    settings = {**SETTINGS, "INFERENCE_PRECISION_HINT": precision}
    request = openvino.Core().compile_model(_chain(openvino.opset13, quantised), "CPU", settings).create_infer_request()
    values = np.random.default_rng(0).random((1, CHANNELS, SIDE, SIDE), dtype=np.float32)
    best = min(_seconds(request, values) for _ in range(REPEATS))
    return LAYERS * 2 * CHANNELS**2 * 9 * SIDE**2 / best / GIGA


def _seconds(request: Any, values: Any) -> float:
    began = time.perf_counter()
    request.infer([values])
    return time.perf_counter() - began


def _chain(opset: Any, quantised: bool) -> Any:
    random = np.random.default_rng(1)
    pixels = opset.parameter([1, CHANNELS, SIDE, SIDE], np.float32)
    values = pixels
    for _ in range(LAYERS):
        filters = opset.constant(random.standard_normal((CHANNELS, CHANNELS, 3, 3)).astype(np.float32) / 48)
        if quantised:
            values = opset.fake_quantize(values, 0.0, 2.55, 0.0, 2.55, 256)
            filters = opset.fake_quantize(filters, -0.127, 0.127, -0.127, 0.127, 255)
        values = opset.relu(opset.convolution(values, filters, [1, 1], [1, 1], [1, 1], [1, 1]))
    return import_openvino().Model([values], [pixels])
