"""The cards that ship say what their stored numbers say: rendered again, they are the same to the byte."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ml
from ml.ensemble import ensembles
from ml.gate.gate import read_spec
from ml.gate.training.card import write_card as render_gate_card
from ml.serving.catalogue import bundles
from ml.spec import ClassifierSpec, Modality
from ml.training.measure.predictions import write_predictions
from ml.training.publish.asking import newest
from ml.training.publish.card import CARD, write_card, write_ensemble_card, write_imported_card
from ml.training.publish.failures import FULL_SIZE, ask_full_size, tell_ensemble_failures, tell_failures
from ml.training.publish.protocols import RESULTS
from ml.training.scored_images import ScoredImages
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
    notes = tell_ensemble_failures(ensemble, RESULTS) if ensemble == newest(WEIGHTS, Modality.CXR) else []
    members = [SPECS[member] for member in ensemble.members]
    write_ensemble_card(tmp_path, ensemble, report_of(identity), members, notes)
    assert (tmp_path / CARD).read_text() == stored(identity)


@pytest.mark.parametrize("identity", newest(WEIGHTS, Modality.CXR).members)
def test_the_cards_of_x_rays_name_what_was_seen_to_go_wrong(identity: str) -> None:
    """A new version needs `python -m ml failures --data DATA`."""
    told = tell_failures(SPECS[identity], WEIGHTS / identity, RESULTS)
    assert notes_in(stored(identity)) == told
    assert "full-size X-rays, most of which" in told[-1]
    assert told[0].startswith("At places that its last layer was not taught on")


def test_of_full_size_x_rays_it_is_told_how_many_were_judged_wrongly(tmp_path: Path) -> None:
    """Each is in the zone that its stored probability says."""
    spec = classifier(labels=("covid", "pneumonia", "normal"))
    point = spec.operating_point
    below, above = point.threshold / 2, (1 + point.positive_from) / 2
    rows = np.array([[each, 1 - each, 0.0] for each in (below, below, above, above, point.threshold)])
    files = np.array(["covid-a", "covid-b", "covid-c", "other-a", "normal-a"])
    labels = np.array([0, 0, 0, 1, 2])
    said = ScoredImages(("covid", "pneumonia", "normal"), rows, labels, np.full(5, "originals"), files, files)
    write_predictions(tmp_path / FULL_SIZE, {spec.identity: said})
    shutil.copy(WEIGHTS / "vgg16-cxr/2.0.0/predictions.csv", tmp_path)
    (told,) = tell_failures(spec, tmp_path, tmp_path)
    assert "negative for 2 of 3 with COVID-19, positive for 1 of 1 with other disease and 0 of 1 normal, and" in told
    assert told.endswith("indeterminate for 1 of all.")
    # A lung that is blacked out and told all the same
    stored_answers = (tmp_path / "predictions.csv").read_text()
    (tmp_path / "lungs-blacked-out.csv").write_text(stored_answers)
    assert "beside the lungs" in tell_failures(spec, tmp_path, tmp_path)[0]


def test_a_full_size_x_ray_whose_name_says_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "unknown-1.png").write_bytes(b"")
    with pytest.raises(ValueError, match="begin with unknown"):
        ask_full_size(tmp_path, WEIGHTS)


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
