"""A folder with one version of one trained classifier: spec.json, model.xml, model.bin and its papers."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ml.spec import ClassifierSpec, SpecInvalid

SPEC, NETWORK, WEIGHTS = "spec.json", "model.xml", "model.bin"
Spec = TypeVar("Spec")


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
    spec = parse_spec(folder / SPEC, ClassifierSpec.from_json)
    require_place((folder.parent.name, folder.name) == (spec.name, spec.version), folder, spec.identity)
    return Bundle(folder, spec)


def parse_spec(path: Path, parse: Callable[[str], Spec]) -> Spec:
    """What `parse` makes of a spec's text. Raises BundleRefused when it is missing or broken."""
    try:
        return parse(read_file(path).decode())
    except (SpecInvalid, UnicodeDecodeError) as error:
        raise BundleRefused(f"{path} cannot be used: {error} Restore it from the release.") from error


def require_place(holds: bool, folder: Path, identity: str) -> None:
    """Raises BundleRefused for a spec that does not lie in the folder of its name."""
    if not holds:
        raise BundleRefused(f"{folder} holds the spec of {identity}. Move it into the folder of that name.")


def read_file(path: Path) -> bytes:
    """All bytes of a file of a bundle. Raises BundleRefused when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleRefused(f"{path} cannot be read. Restore the folder from the release.") from error
