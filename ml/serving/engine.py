"""The one door to OpenVINO, which is imported when the first classifier loads."""

import sys
from collections.abc import Mapping
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.preprocessing import Pixels

# In float32 the answers are the same on every processor; bfloat16, OpenVINO's own choice, is faster only where the
# processor multiplies whole tiles (AMX), slower elsewhere, and moves a probability by up to 0.04: docs/adr/0208.
SETTINGS: Mapping[str, str] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}


class Network:
    """A compiled network with two outputs, logits and class activation maps; one inference at a time."""

    def __init__(self, network: bytes, weights: bytes) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        model = core.read_model(model=network, weights=weights)
        self._request = core.compile_model(model, "CPU", dict(SETTINGS)).create_infer_request()
        self._lock = Lock()

    def infer(self, values: Pixels) -> tuple[NDArray[np.float32], Pixels]:
        """Run one image, float32 (h, w, 1). Returns logits (classes,) and maps (h', w', classes), float32."""
        with self._lock:
            outputs = self._request.infer([values[np.newaxis]])
            logits, maps = np.array(outputs["logits"][0]), np.array(outputs["maps"][0])
        return logits, maps


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry, which would otherwise report every import to its makers.

    With the telemetry package hidden, OpenVINO falls back to the silent stub that it carries.
    """
    # None in sys.modules makes an import fail with ImportError
    hidden: Any = None
    sys.modules.setdefault("openvino_telemetry", hidden)
    import openvino

    return openvino
