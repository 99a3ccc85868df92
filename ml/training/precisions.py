"""A network with weights in eight bits or in sixteen; NNCF does the arithmetic."""

import logging
from collections.abc import Iterator
from typing import Any

from ml.preprocessing import Pixels
from ml.serving.engine import import_openvino
from ml.spec import Precision


def candidates(network: Any, calibration: Pixels | None) -> Iterator[tuple[Precision, Any]]:
    """An OpenVINO model in every precision, the fastest first and the truest last, each made when it is asked for.

    `calibration` float32 (n, h, w, 1) holds images of the training part; without them there is float16 alone. What is
    no eight-bit number is float32 still, and becomes float16 when the model is saved. The head is never in eight bits:
    it is small, and turns small differences of features into probabilities.
    """
    if calibration is not None:
        yield Precision.INT8, _quantise(network.clone(), calibration)
        yield Precision.INT8_WEIGHTS, _round_weights(network.clone())
    yield Precision.FLOAT16, network


def _quantise(network: Any, calibration: Pixels) -> Any:
    """Weights by output channel and values by layer."""
    nncf = _import_nncf()
    return nncf.quantize(
        network,
        nncf.Dataset([values[None] for values in calibration]),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        subset_size=len(calibration),
        ignored_scope=_head(nncf),
    )


def _round_weights(network: Any) -> Any:
    """Weights by output channel; values stay what they are."""
    nncf = _import_nncf()
    return nncf.compress_weights(network, mode=nncf.CompressWeightsMode.INT8_SYM, ignored_scope=_head(nncf))


def _head(nncf: Any) -> Any:
    """The dense layers of logits and maps are the only products of matrices."""
    return nncf.IgnoredScope(types=["MatMul"])


def _import_nncf() -> Any:
    """NNCF, quiet; the telemetry that it would use is OpenVINO's, and hidden with it."""
    import_openvino()
    import nncf

    nncf.set_log_level(logging.ERROR)
    return nncf
