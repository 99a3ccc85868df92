"""The gate's card, written from its measured numbers."""

from collections.abc import Mapping
from typing import Any

from ml.gate.spec import GateSpec
from ml.training.modalities import WORDS
from ml.training.publish.markdown import render

CARD = "CARD.md"


def write_card(spec: GateSpec, report: Mapping[str, Any]) -> str:
    """The card's text, from the spec and the report of ml.gate.training.measurement."""
    nouns = {modality: words.noun for modality, words in WORDS.items()}
    return render("gate.md.j2", spec=spec, report=report, modalities=nouns)
