"""Import one ONNX file: its backbone as it is, and its head taken apart."""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.importing.importer import Request, import_network
from ml.importing.refusal import require
from ml.importing.statements import Ending, Labels, Scaling
from ml.onnx.head import take_apart
from ml.onnx.network import Layout
from ml.onnx.reading import read
from ml.onnx.served import served_model
from ml.preprocessing import Pixels
from ml.serving.bundle import NETWORK
from ml.serving.engine import import_openvino

ARCHITECTURE = "convolutional network of its own kind"


class Output(StrEnum):
    """What the numbers are that a network answers with."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    LOGITS = "logits"


def import_file(request: Request, root: Path, output: Output, layout: Layout | None = None) -> Path:
    """Write the bundle <root>/<name>/<version> and return its path; see `import_network`.

    `output` is what a person says of the answers, `layout` where the file leaves it open.
    """
    return import_network(request, root, partial(Exported, output=output, layout=layout))


class Exported:
    """The network of an ONNX file. Raises ImportRefused where file, network or what was said cannot be used."""

    came_as = "an ONNX file"
    compared_with = "the file's network, as OpenVINO runs it,"
    architecture = ARCHITECTURE

    def __init__(self, request: Request, output: Output, layout: Layout | None) -> None:
        self._network, self.parameters = read(request.file, request.size, layout)
        self.size, self.channels = self._network.size, self._network.channels
        self.are_logits = output is Output.LOGITS
        self.head = take_apart(self._network.model, are_logits=self.are_logits)
        require(
            self.are_logits or self.head.ending == Ending(output),
            f"The network ends with a {self.head.ending}, not with a {output}.",
        )
        self.statements: Sequence[str] = (f"What it answers is {output}, and its input {self._network.layout}.",)

    def answers(self, colours: Pixels) -> NDArray[np.float32]:
        """What the file's own network says, (n, outputs), about float32 (n, h, w, channels)."""
        return self._network.answers(colours)

    def write(self, folder: Path, labels: Labels, scaling: Scaling) -> None:
        """Write model.xml and model.bin of the served network, in float32."""
        served = served_model(self._network, self.head.as_served(labels), scaling)
        import_openvino().save_model(served, folder / NETWORK, compress_to_fp16=False)
