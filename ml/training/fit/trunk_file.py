"""The file of a pretrained trunk: the weights of a network without its head, and where they come from.

It is the HDF5 file that keras.applications reads as `weights`, with the origin as an attribute.
"""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import h5py
import keras

ATTRIBUTE = "origin"
IMAGENET = "imagenet"
# Before Keras 3, layers and weights were found by these names.
LAYERS, WEIGHTS, VERSION, BACKEND = "layer_names", "weight_names", "keras_version", "backend"
WRITTEN_AS = "2.0.0"


@dataclass(frozen=True)
class Origin:
    """Where a trunk comes from: what it was taken out of, by hash, and what is known and not known of it.

    `terms` is empty where nobody states any; what grows from such a trunk may be measured and not shipped.
    """

    trunk: str
    package: str
    file: str
    file_sha256: str
    terms: str
    known: str

    @property
    def may_ship(self) -> bool:
        """Whether a classifier that grew from it may be given away: its terms are stated."""
        return bool(self.terms)

    def sentence(self) -> str:
        """What a card says of it."""
        terms = f"terms stated there: {self.terms}" if self.terms else "no terms are stated there"
        return f"pretrained: {self.trunk}, from {self.package} ({terms}). {self.known}"


def write_trunk(path: Path, trunk: keras.Model, origin: Origin) -> None:
    """Write the weights of a network without head; a file that is there is replaced when the new one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished.{path.name}")
    with h5py.File(unfinished, "w") as file:
        file.attrs[LAYERS] = [layer.name.encode() for layer in trunk.layers]
        file.attrs[VERSION], file.attrs[BACKEND] = WRITTEN_AS, keras.backend.backend()
        file.attrs[ATTRIBUTE] = json.dumps(asdict(origin))
        for layer in trunk.layers:
            group = file.create_group(layer.name)
            stored = {f"{layer.name}/{index}:0": values for index, values in enumerate(layer.get_weights())}
            group.attrs[WEIGHTS] = [name.encode() for name in stored]
            for name, values in stored.items():
                group[name] = values
    unfinished.replace(path)


def read_origin(weights: str) -> Origin:
    """Where a trunk comes from: that of a file, or what keras.applications loads as "imagenet".

    Raises FileNotFoundError. What says nothing of itself has no terms.
    """
    if weights == IMAGENET:
        return Origin(
            trunk="a network without its head",
            package=f"keras.applications of Keras {keras.__version__}, as imagenet",
            file="",
            file_sha256="",
            terms="",
            known="It learnt from ImageNet.",
        )
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file. `python -m ml weights` says how to make one.")
    with h5py.File(path, "r") as file:
        if ATTRIBUTE in file.attrs:
            return Origin(**json.loads(file.attrs[ATTRIBUTE]))
    hashed = sha256(path.read_bytes()).hexdigest()
    return Origin("a network without its head", "a file of unknown origin", path.name, hashed, "", "Nothing is known.")
