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
# Larger batches are no faster per image, and hold more of a study in memory.
BATCH = 16
# From this many on, a batch that is filled up takes no longer than as many single images: one takes two to eight times
# as long by itself as in a batch.
FILLED = 7


class Network:
    """A compiled network with two outputs, logits and class activation maps; one inference at a time."""

    def __init__(self, network: bytes, weights: bytes) -> None:
        openvino = import_openvino()
        self._core = openvino.Core()
        self._model = self._core.read_model(model=network, weights=weights)
        self._request = self._compiled(self._model)
        self._batches: Any = None
        self._lock = Lock()

    def infer(self, values: Pixels) -> tuple[NDArray[np.float32], Pixels]:
        """Run one image, float32 (h, w, 1). Returns logits (classes,) and maps (h', w', classes), float32."""
        with self._lock:
            outputs = self._request.infer([values[np.newaxis]])
            logits, maps = np.array(outputs["logits"][0]), np.array(outputs["maps"][0])
        return logits, maps

    def infer_maps(self, values: Pixels) -> Pixels:
        """Run the images that it was exported for, float32 (n, h, w, 1). Returns maps (n, h', w', channels), float32.

        For networks that say something of each place and nothing of the whole: they have no logits.
        """
        with self._lock:
            return np.array(self._request.infer([values])["maps"])

    def infer_batch(self, values: Pixels) -> tuple[NDArray[np.float32], Pixels]:
        """Run many images, float32 (n, h, w, 1). Returns what `infer` gives for each, stacked: logits and maps.

        Whole batches of BATCH go through at once, and so do many left over, filled up with empty images; few go one by
        one. A network compiled for any number of images is slower for both.
        """
        whole = len(values) - len(values) % BATCH
        said = [self._batch(values[begin : begin + BATCH]) for begin in range(0, whole, BATCH)]
        rest = values[whole:]
        if len(rest) >= FILLED:
            empty = np.zeros((BATCH - len(rest), *rest.shape[1:]), dtype=np.float32)
            logits, maps = self._batch(np.concatenate([rest, empty]))
            said.append((logits[: len(rest)], maps[: len(rest)]))
        else:
            said += [(logits[np.newaxis], maps[np.newaxis]) for logits, maps in map(self.infer, rest)]
        logits, maps = (np.concatenate(each) for each in zip(*said, strict=True))
        return logits, maps

    def ready_batches(self) -> None:
        """Compile for batches now, which takes up to a second, and not when the first one comes."""
        with self._lock:
            if self._batches is None:
                shaped = self._model.clone()
                shaped.reshape([BATCH, *self._model.input().shape[1:]])
                self._batches = self._compiled(shaped)

    def _batch(self, values: Pixels) -> tuple[NDArray[np.float32], Pixels]:
        self.ready_batches()
        with self._lock:
            outputs = self._batches.infer([values])
            return np.array(outputs["logits"]), np.array(outputs["maps"])

    def _compiled(self, model: Any) -> Any:
        return self._core.compile_model(model, "CPU", dict(SETTINGS)).create_infer_request()


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry, which would otherwise report every import to its makers.

    With the telemetry package hidden, OpenVINO falls back to the silent stub that it carries.
    """
    # None in sys.modules makes an import fail with ImportError
    hidden: Any = None
    sys.modules.setdefault("openvino_telemetry", hidden)
    import openvino

    return openvino
