"""Import one file of Keras 2: the network that it describes, rebuilt in Keras 3."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ml.importing.head import Head
from ml.importing.importer import Request, import_network
from ml.importing.statements import Labels, Scaling
from ml.keras2.head import outputs, take_apart
from ml.keras2.network import Rebuilt, rebuild
from ml.keras2.reading import read
from ml.preprocessing import Pixels
from ml.serving.bundle import NETWORK
from ml.serving.engine import import_openvino

# Parameters below the head, as published for keras.applications with three channels.
BACKBONES = {
    14_714_688: "vgg16",
    20_024_384: "vgg19",
    23_587_712: "resnet50",
    21_802_784: "inceptionv3",
    20_861_480: "xception",
    7_037_504: "densenet121",
}
OTHER_BACKBONE = "convolutional network of its own kind"


def import_file(request: Request, root: Path) -> Path:
    """Write the bundle <root>/<name>/<version> and return its path; see `import_network`."""
    keras.mixed_precision.set_global_policy("float32")
    return import_network(request, root, Legacy)


class Legacy:
    """The network of a file that Keras 2 wrote. Raises ImportRefused when it cannot be rebuilt."""

    came_as = "a Keras 2 file"
    compared_with = "the file's network, rebuilt in Keras 3,"
    are_logits = False
    statements: Sequence[str] = ()

    def __init__(self, request: Request) -> None:
        self._network = rebuild(read(request.file), request.size)
        self.head = take_apart(self._network)
        self.size, self.channels = self._network.size, self._network.channels
        self.parameters = self._network.model.count_params()
        # Recognised by the number of its parameters below the head
        below = keras.Model(self._network.model.input, self.head.features)
        self.architecture = BACKBONES.get(below.count_params(), OTHER_BACKBONE)

    def answers(self, colours: Pixels) -> NDArray[np.float32]:
        """What the rebuilt network says, (n, outputs), about float32 (n, h, w, channels)."""
        return np.asarray(self._network.model.predict(colours, batch_size=1, verbose=0))

    def write(self, folder: Path, labels: Labels, scaling: Scaling) -> None:
        """Write model.xml and model.bin of the served network, in float32."""
        model = serving_model(self._network, self.head, labels, scaling)
        with TemporaryDirectory() as exported:
            # OpenVINO maps what Keras exported into memory: never write over it
            found = _export(model, Path(exported) / NETWORK)
            import_openvino().save_model(found, folder / NETWORK, compress_to_fp16=False)


def serving_model(network: Rebuilt, head: Head, labels: Labels, scaling: Scaling) -> keras.Model:
    """The network as it is served: grey float32 (batch, h, w, 1) in [0, 1] in, logits and maps of served labels out."""
    grey = keras.Input((*network.size, 1), name="pixels")
    colours = layers.Concatenate(name="channels")([grey] * 3) if network.channels == 3 else grey
    gain, offset = (list(part[: network.channels]) for part in (scaling.gain, scaling.offset))
    scaled = layers.Rescaling(gain, offset, name="range")(colours)
    features = keras.Model(network.model.input, head.features, name="backbone")(scaled)
    return keras.Model(grey, outputs(head.as_served(labels), features))


def _export(model: keras.Model, path: Path) -> Any:
    """Let Keras export, then fix the batch to one image and name the outputs."""
    model.export(str(path), format="openvino", verbose=False)
    exported = import_openvino().Core().read_model(path)
    exported.reshape([1, *model.input_shape[1:]])
    for output in exported.outputs:
        output.get_tensor().set_names({"logits" if len(output.get_partial_shape()) == 2 else "maps"})
    return exported
