from __future__ import annotations

import dataclasses

import pytest

from ml.gate.kinds import Kind
from ml.gate.spec import GateSpec
from ml.spec import Modality, SpecInvalid

SPEC = GateSpec(
    version="1.0.0",
    kinds=tuple(Kind),
    side=64,
    thresholds={Modality.CXR: 0.5, Modality.CT: 0.25},
    weights_sha256="0" * 64,
    trained_on=("phantoms: 40 (drawn)",),
    licence="research",
)


def test_it_survives_json() -> None:
    assert GateSpec.from_json(SPEC.to_json()) == SPEC


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({"version": "one"}, "no version"),
        ({"weights_sha256": "abc"}, "SHA-256"),
        ({"kinds": (Kind.CXR, Kind.CT, Kind.CT)}, "differ"),
        ({"kinds": (Kind.CXR, Kind.OTHER)}, "lack"),
        ({"side": 0}, "side"),
        ({"thresholds": {}}, "No modality"),
        ({"thresholds": {Modality.CXR: 0.5, Modality.CT: 1.5}}, r"\(0, 1\)"),
    ],
)
def test_contradictions_are_refused(change: dict[str, object], about: str) -> None:
    with pytest.raises(SpecInvalid, match=about):
        dataclasses.replace(SPEC, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kinds": ["cat"]}', '{"kinds": 3}'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(SpecInvalid):
        GateSpec.from_json(text)
