"""A folder with one version of one trained classifier: spec.json, model.xml, model.bin and its papers."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ml.spec import ClassifierSpec, SpecInvalid

SPEC, NETWORK, WEIGHTS = "spec.json", "model.xml", "model.bin"


class BundleRefused(Exception):
    """A bundle must not be used; the sentence says why and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Bundle:
    """A bundle whose spec has been read; its weights are checked when they are asked for."""

    folder: Path
    spec: ClassifierSpec

    def verified_weights(self) -> tuple[bytes, bytes]:
        """The bytes of network and weights, exactly those that were checked. Raises BundleRefused."""
        return verified_weights(self.folder, self.spec.identity, self.spec.weights_sha256)


def verified_weights(folder: Path, identity: str, sha256: str) -> tuple[bytes, bytes]:
    """The bytes of network and weights in a folder. Raises BundleRefused unless they are the ones with that SHA-256."""
    network, weights = read_file(folder / NETWORK), read_file(folder / WEIGHTS)
    if digest(network, weights) != sha256:
        raise BundleRefused(
            f"The weights of {identity} are not the ones its spec was written for (wrong SHA-256). "
            "Restore the folder from the release."
        )
    return network, weights


def digest(network: bytes, weights: bytes) -> str:
    """SHA-256 over the network followed by the weights, in hexadecimal."""
    return hashlib.sha256(network + weights).hexdigest()


def read_bundle(folder: Path) -> Bundle:
    """Read the spec of a bundle. Raises BundleRefused when it is missing, broken or in the wrong folder."""
    try:
        spec = ClassifierSpec.from_json(read_file(folder / SPEC).decode())
    except (SpecInvalid, UnicodeDecodeError) as error:
        raise BundleRefused(f"{folder / SPEC} cannot be used: {error} Restore it from the release.") from error
    if (folder.parent.name, folder.name) != (spec.name, spec.version):
        raise BundleRefused(f"{folder} holds the spec of {spec.identity}. Move it into the folder of that name.")
    return Bundle(folder, spec)


def read_file(path: Path) -> bytes:
    """All bytes of a file of a bundle. Raises BundleRefused when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleRefused(f"{path} cannot be read. Restore the folder from the release.") from error
