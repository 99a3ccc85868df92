"""The cards that ship say what their stored numbers say: rendered again, they are the same to the byte."""

import json
from pathlib import Path
from typing import Any

import pytest

import ml
from ml.ensemble import ensembles
from ml.gate.gate import read_spec
from ml.gate.training.card import write_card as render_gate_card
from ml.serving.catalogue import bundles
from ml.spec import ClassifierSpec
from ml.training.publish.card import CARD, write_card, write_ensemble_card, write_imported_card
from tests.unit.ml.specs import spec as classifier

WEIGHTS = Path(ml.__file__).parent / "weights"
SPECS = {bundle.spec.identity: bundle.spec for bundle in bundles(WEIGHTS)}
ENSEMBLES = {spec.identity: spec for spec in ensembles(WEIGHTS)}


def report_of(identity: str) -> dict[str, Any]:
    return json.loads((WEIGHTS / identity / "metrics.json").read_text())


def stored(identity: str) -> str:
    return (WEIGHTS / identity / CARD).read_text()


def notes_in(card: str) -> list[str]:
    """The sentences that a person gave when the bundle was exported; they stand nowhere but in the card."""
    section = card.split("## Known failures\n\n")[1].split("\n\n## Technical", maxsplit=1)[0]
    return [line.removeprefix("- ") for line in section.splitlines()]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_card_of_a_classifier_is_what_its_numbers_say(spec: ClassifierSpec, tmp_path: Path) -> None:
    before = stored(spec.identity)
    write_card(tmp_path, spec, report_of(spec.identity), notes_in(before))
    assert (tmp_path / CARD).read_text() == before


@pytest.mark.parametrize("identity", ENSEMBLES)
def test_the_card_of_an_ensemble_is_what_its_numbers_say(identity: str, tmp_path: Path) -> None:
    ensemble = ENSEMBLES[identity]
    write_ensemble_card(tmp_path, ensemble, report_of(identity), [SPECS[member] for member in ensemble.members])
    assert (tmp_path / CARD).read_text() == stored(identity)


@pytest.mark.parametrize("identity", ["gate/1.0.0", "gate/2.0.0"])
def test_the_card_of_the_gate_is_what_its_numbers_say(identity: str) -> None:
    assert render_gate_card(read_spec(WEIGHTS / identity), report_of(identity)) == stored(identity)


@pytest.mark.parametrize(
    ("difference", "sentence"), [(None, "were not given, so they were not compared."), (0.002, "by at most 2e-03.")]
)
def test_the_card_of_an_imported_network_says_what_was_compared(
    difference: float | None, sentence: str, tmp_path: Path
) -> None:
    imported = {
        "came_as": "an ONNX file",
        "compared_with": "the file's network, as OpenVINO runs it,",
        "statements": ["Grey values were in 0 to 1."],
        "file_sha256": "f" * 64,
    }
    agreement = {"difference": 1e-6, "images": 7, "answers": difference}
    report = report_of("vgg16-cxr/2.0.0") | {"imported": imported, "agreement_with_file": agreement}
    write_imported_card(tmp_path, classifier(labels=("covid", "pneumonia", "normal")), report)
    card = (tmp_path / CARD).read_text()
    assert "as OpenVINO runs it, by at most 1e-06\n(7 reference images)" in card
    assert "imported from an ONNX file" in card
    assert "answers unseen until" in card
    assert sentence in card
    assert "- Grey values were in 0 to 1.\n" in card
