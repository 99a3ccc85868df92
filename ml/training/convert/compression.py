"""A network with weights in eight bits or in sixteen; NNCF does the arithmetic."""

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ml.preprocessing import Pixels
from ml.serving.bundle import NETWORK, WEIGHTS
from ml.serving.engine import import_openvino
from ml.spec import Precision
from ml.training.convert import agreement

# Of the largest file that may ship: its scales and shapes take room too
FILLED = 0.97


def candidates(network: Any, calibration: Pixels | None) -> Iterator[tuple[Precision, Any]]:
    """An OpenVINO model in every precision, each made when it is asked for: the fastest first, the smallest last.

    `calibration` float32 (n, h, w, 1) holds images of the training part; without them nothing computes in eight bits.
    Weights alone in eight bits are no faster than float16 and less true, so they are for files that would be too large,
    and no more of them than that takes. What is no eight-bit number is float32 still, and becomes float16 when the
    model is saved, except as FLOAT32.
    """
    if calibration is not None:
        yield Precision.INT8, _quantise(network.clone(), calibration)
    yield Precision.FLOAT16, network
    yield Precision.FLOAT32, network
    yield Precision.INT8_WEIGHTS, _round_weights(network.clone())


def _quantise(network: Any, calibration: Pixels) -> Any:
    """Weights by output channel and values by layer. NNCF's correction of biases did harm; see docs/adr/0208."""
    nncf = _import_nncf()
    return nncf.quantize(
        network,
        nncf.Dataset([values[None] for values in calibration]),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        subset_size=len(calibration),
        ignored_scope=_both_ends(nncf, network),
        advanced_parameters=nncf.AdvancedQuantizationParameters(disable_bias_correction=True),
    )


def _round_weights(network: Any) -> Any:
    """Weights by output channel, of the last convolutions alone if that makes the file small enough; values stay.

    What is rounded late passes through few layers. The others are float16 already: what was compressed once is saved as
    it is.
    """
    nncf = _import_nncf()
    scope = _both_ends(nncf, network)
    kept = nncf.IgnoredScope(names=[*scope.names, *_spared(network)], types=scope.types)
    return nncf.compress_weights(_halved(network), mode=nncf.CompressWeightsMode.INT8_SYM, ignored_scope=kept)


def _spared(network: Any) -> list[str]:
    """The first convolutions, by name, that stay float16 in a file just below the largest one."""
    convolutions = [each for each in network.get_ordered_ops() if each.get_type_name() == "Convolution"]
    sizes = [each.input_value(1).get_node().get_data().size for each in convolutions]
    whole = 2 * sum(each.get_data().size for each in network.get_ordered_ops() if each.get_type_name() == "Constant")
    room = agreement.LARGEST_FILE * FILLED
    for first in range(len(sizes) - 1, 0, -1):
        if whole - sum(sizes[first:]) < room:
            return [each.get_friendly_name() for each in convolutions[:first]]
    return []


def _halved(network: Any) -> Any:
    """The same network with weights in float16, read from memory and not from a file."""
    openvino = import_openvino()
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / NETWORK
        openvino.save_model(network, path, compress_to_fp16=True)
        return openvino.Core().read_model(model=path.read_bytes(), weights=(path.parent / WEIGHTS).read_bytes())


def _both_ends(nncf: Any, network: Any) -> Any:
    """What stays out of eight bits: it is small, and most of the error would come from it.

    The first convolution looks for edges, which are small differences of large values; the head, the only products of
    matrices, turns small differences of features into probabilities.
    """
    first = next(each for each in network.get_ordered_ops() if each.get_type_name() == "Convolution")
    return nncf.IgnoredScope(names=[first.get_friendly_name()], types=["MatMul"])


def _import_nncf() -> Any:
    """NNCF, quiet; the telemetry that it would use is OpenVINO's, and hidden with it."""
    import_openvino()
    import nncf

    nncf.set_log_level(logging.ERROR)
    return nncf
