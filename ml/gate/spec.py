"""What a version of the gate is: travels with its weights as gate.json."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from ml.gate.kinds import READABLE, Kind
from ml.spec import SHA256, VERSION, Modality, reading, require


@dataclass(frozen=True)
class GateSpec:
    """An image said to be of a modality passes when the probability of that kind reaches `thresholds[modality]`.

    A modality that came after the gate was trained has no threshold; nothing of it is classified until it is trained
    again.

    `kinds` are the network's classes in order; `side` its input in pixels; `weights_sha256` is over model.xml followed
    by model.bin; `trained_on` names every source of images with its licence. Raises SpecInvalid when it contradicts
    itself.
    """

    version: str
    kinds: tuple[Kind, ...]
    side: int
    thresholds: Mapping[Modality, float] = field(hash=False)
    weights_sha256: str
    trained_on: tuple[str, ...]
    licence: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "thresholds", MappingProxyType(dict(self.thresholds)))
        require(bool(VERSION.fullmatch(self.version)), f"{self.version!r} is no version such as 1.0.0.")
        require(bool(SHA256.fullmatch(self.weights_sha256)), "weights_sha256 is no SHA-256 in hexadecimal.")
        require(len(set(self.kinds)) == len(self.kinds), "Kinds must differ.")
        require(bool(self.thresholds), "No modality has a threshold.")
        readable = {READABLE[modality] for modality in self.thresholds}
        require(readable <= set(self.kinds), "The kinds lack one that classifiers read.")
        require(self.side > 0, "The side must be above 0.")
        require(all(math.isfinite(t) and 0 < t < 1 for t in self.thresholds.values()), "Thresholds lie in (0, 1).")

    def to_json(self) -> str:
        """The spec as JSON text, readable and stable in its order."""
        fields = {**vars(self), "thresholds": dict(self.thresholds)}
        return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a spec. Raises SpecInvalid for anything but a whole and valid one."""
        with reading("gate spec"):
            fields = json.loads(text)
            return cls(
                **fields
                | {
                    "kinds": tuple(Kind(name) for name in fields["kinds"]),
                    "thresholds": {Modality(name): float(value) for name, value in fields["thresholds"].items()},
                    "trained_on": tuple(fields["trained_on"]),
                }
            )
