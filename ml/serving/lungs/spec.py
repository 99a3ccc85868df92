"""What a version of the network that finds lungs is: travels with its weights as lungs.json."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Self

from ml.serving.lungs.convention import Convention
from ml.spec import SHA256, VERSION, Modality, reading, require


@dataclass(frozen=True)
class Limits:
    """Between what a mask is believed, all in [0, 1].

    `least_area` and `most_area` are shares of what the network sees; `least_balance` is the smaller half as a share of
    the larger, where the mask's box is cut down its middle; `least_sureness` the mean probability of what is lung.
    """

    least_area: float
    most_area: float
    least_balance: float
    least_sureness: float

    def __post_init__(self) -> None:
        require(all(0 <= value <= 1 for value in vars(self).values()), "Limits of a mask lie in [0, 1].")
        require(self.least_area < self.most_area, "The least area is above the most.")


@dataclass(frozen=True)
class LungsSpec:
    """`conventions` are the network's channels in order, `side` its input in pixels, `limits` say what is believed.

    `weights_sha256` is over model.xml followed by model.bin; `trained_on` names every source of masks with its licence.
    Raises SpecInvalid when it contradicts itself.
    """

    version: str
    conventions: tuple[Convention, ...]
    side: int
    limits: Mapping[Modality, Limits] = field(hash=False)
    weights_sha256: str
    trained_on: tuple[str, ...]
    licence: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", MappingProxyType(dict(self.limits)))
        require(bool(VERSION.fullmatch(self.version)), f"{self.version!r} is no version such as 1.0.0.")
        require(bool(SHA256.fullmatch(self.weights_sha256)), "weights_sha256 is no SHA-256 in hexadecimal.")
        require(set(self.conventions) == set(Convention), "Each convention has one channel.")
        require(len(self.conventions) == len(Convention), "Each convention has one channel.")
        require(bool(self.limits), "No modality has limits.")
        require(self.side > 0, "The side must be above 0.")

    def to_json(self) -> str:
        """The spec as JSON text, readable and stable in its order."""
        limits = {modality: asdict(each) for modality, each in self.limits.items()}
        return json.dumps({**vars(self), "limits": limits}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a spec. Raises SpecInvalid for anything but a whole and valid one."""
        with reading("spec of a network that finds lungs"):
            fields = json.loads(text)
            return cls(
                **fields
                | {
                    "conventions": tuple(Convention(name) for name in fields["conventions"]),
                    "limits": {Modality(name): Limits(**each) for name, each in fields["limits"].items()},
                    "trained_on": tuple(fields["trained_on"]),
                }
            )
