"""The gate's card, written from its measured numbers."""

from collections.abc import Mapping
from typing import Any

from ml.gate.spec import GateSpec
from ml.spec import Modality
from ml.training.publish.markdown import render

CARD = "CARD.md"
NAMES = {Modality.CXR: "chest X-ray", Modality.CT: "CT slice"}


def write_card(spec: GateSpec, report: Mapping[str, Any]) -> str:
    """The card's text, from the spec and the report of ml.gate.training.measurement."""
    return render("gate.md.j2", spec=spec, report=report, modalities=NAMES)
