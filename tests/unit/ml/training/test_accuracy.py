from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="the figures' module starts Keras")

from ml.__main__ import main
from ml.ensemble import ensembles
from ml.spec import Modality
from ml.training.measure.bootstrap import estimates
from ml.training.measure.predictions import PREDICTIONS, read_predictions
from ml.training.publish.accuracy import BEGIN, DOCUMENT, END, PROJECT, Subject, block, document, read_sections, write
from ml.training.publish.combine import combine
from ml.training.publish.protocols import PROTOCOLS
from ml.training.scored_images import joined
from tests.unit.ml.training.members import answered, images, store_member

README = f"# Portal\n\nBefore.\n\n{BEGIN}\nan earlier table\n{END}\n\nAfter.\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    for number, name in enumerate(("vgg16-cxr", "xception-cxr")):
        store_member(root, name, seed=10 * number)
    combine(root, Modality.CXR, version="1.0.0")
    return root


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(README)
    write(root, tmp_path, results=tmp_path / "none")
    return tmp_path


@pytest.fixture(scope="module")
def asked_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ensemble whose members were taught questions, and go on from released networks."""
    root = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patched:
        # No interval is looked at
        patched.setitem(estimates.__kwdefaults__, "resamples", 20)
        for number, name in enumerate(("vgg16-cxr", "xception-cxr")):
            store_member(root, name, seed=10 * number, asked=True, version="2.0.0")
            spec = root / name / "2.0.0" / "spec.json"
            through = [f"through {name}/1.0.0: rsna: 12 normal images (made up)"]
            spec.write_text(json.dumps(json.loads(spec.read_text()) | {"trained_on": through}))
        combine(root, Modality.CXR, version="2.0.0")
    return root


@pytest.fixture(scope="module")
def asked(asked_root: Path) -> str:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(estimates.__kwdefaults__, "resamples", 20)
        return document(read_sections(asked_root, asked_root), asked_root)


def test_what_some_places_alone_measured_is_not_said_of_all(asked: str) -> None:
    first = asked.split("### First question")[1].split("### Second question", maxsplit=1)[0]
    assert "The places that show lungs of both kinds (rsna, shenzhen) together: sensitivity" in first
    assert "| panel-cxr, rsna and shenzhen |" in first
    assert "ll sources" not in first
    assert "**None of the abnormal lungs there shows covid:**" in first
    pooled = asked.split("### All sources together")[1].split("### Each label", maxsplit=1)[0]
    assert "Sensitivity and specificity of vgg16-cxr, xception-cxr, panel-cxr, here and in the table of zones" in pooled
    assert "measured on the abnormal lungs of ieee8023 in the test part (26 images, 13 groups)" in pooled
    assert "two institutions" in asked
    assert "comes from one institution" not in asked


def test_the_two_rates_of_a_point_are_measured_where_it_was_chosen(tmp_path: Path) -> None:
    """Healthy lungs of other places, which no other disease can be taken for, would make it look specific."""
    spec = store_member(tmp_path, "vgg16-cxr", asked=True)
    subject = Subject(tmp_path / spec.identity, spec)
    home = subject.scored.take(subject.scored.sources == "ieee8023")
    called = home.score >= spec.operating_point.threshold
    assert subject.measured["specificity"].value == pytest.approx((~called)[~home.positive].mean(), abs=1e-4)
    clear = home.score >= spec.operating_point.positive_from
    zone = subject.zones["sensitivity/positive_zone"]
    assert zone.value == pytest.approx(clear[home.positive].mean(), abs=1e-4)
    everywhere = (subject.scored.predicted == subject.scored.labels).mean()
    assert subject.measured["accuracy"].value == pytest.approx(everywhere, abs=1e-4)


def test_a_test_part_that_was_looked_at_before_is_not_called_unseen(asked: str, project: Path) -> None:
    text = " ".join(asked.split())
    assert "the test part was looked at once by each version." in text
    assert "**The test part of vgg16-cxr, xception-cxr is not unseen.**" in text
    assert "It had been looked at when vgg16-cxr/1.0.0, xception-cxr/1.0.0 were measured" in text
    of_others = (project / "docs" / "accuracy.md").read_text()
    assert "the test part was looked at once.\n" in of_others
    assert "is not unseen" not in of_others


def line(text: str, start: str) -> str:
    return next(each for each in text.splitlines() if each.startswith(start))


def test_every_classifier_and_the_ensemble_have_their_rows(root: Path, project: Path) -> None:
    text = (project / "docs" / "accuracy.md").read_text()
    for name in ("vgg16-cxr", "xception-cxr", "panel-cxr"):
        said = read_predictions(root / name / "1.0.0" / PREDICTIONS)["test"]
        assert f"| {(said.predicted == said.labels).mean():.3f} (" in line(text, f"| [{name}]")
    assert "### When the members of panel-cxr disagree" in text
    assert "(../ml/weights/panel-cxr/1.0.0/CARD.md)" in text
    assert "(../ml/weights/panel-cxr/1.0.0/evaluation.png)" in text


def test_the_first_question_and_the_numbers_by_source_come_before_the_pooled_ones(root: Path, project: Path) -> None:
    text = (project / "docs" / "accuracy.md").read_text()
    order = ("First question: is this lung abnormal?", "Second question: is it the covid", "All sources together\n")
    places = [text.index(f"### {title}") for title in order]
    assert places == sorted(places)
    said = read_predictions(root / "panel-cxr" / "1.0.0" / PREDICTIONS)["test"]
    sick, here = said.labels != 2, said.sources == "one"
    assert f"| one | {(sick & here).sum()} | {(~sick & here).sum()} |" in text
    sensitivity = (said.score >= ensembles(root)[0].operating_point.threshold)[here & said.positive]
    assert f"| one | {(said.positive & here).sum()} |" in text[places[1] :]
    assert f"| {sensitivity.mean():.3f} (" in text[places[1] : places[2]]


def test_a_protocol_without_stored_answers_is_not_run(project: Path) -> None:
    text = (project / "docs" / "accuracy.md").read_text()
    for name in PROTOCOLS:
        assert "Not run." in text.split(f"### {name}: ")[1].split("###")[0]
    assert "| 0.8702 | not run |" in text


def test_the_readme_keeps_what_is_around_its_tables(project: Path) -> None:
    text = (project / "README.md").read_text()
    assert text.startswith(f"# Portal\n\nBefore.\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nAfter.\n")
    assert "an earlier table" not in text
    assert "(ml/weights/vgg16-cxr/1.0.0/CARD.md)" in text


def test_writing_again_changes_nothing_and_a_change_is_noticed(root: Path, project: Path) -> None:
    write(root, project, results=project / "none", check=True)
    readme = project / "README.md"
    readme.write_text(readme.read_text().replace(" | 0.", " | 1.", 1))
    with pytest.raises(ValueError, match=r"README\.md does not agree .* Run make accuracy"):
        write(root, project, results=project / "none", check=True)


def area(value: float) -> dict[str, float]:
    return {"value": value, "low": 0.0, "high": 1.0}


@pytest.mark.parametrize(("untrained", "above"), [(0.0, True), (1.0, False)])
def test_the_readme_leads_with_places_that_were_left_out_and_names_what_needs_no_training(
    asked_root: Path, tmp_path: Path, untrained: float, above: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(estimates.__kwdefaults__, "resamples", 5)
    left_out = {
        "ensemble": "panel-cxr/2.0.0",
        "knew": [],
        "subjects": {
            name: {"rsna": {"auc": area(0.123), "calibration_error": area(0.1)}}
            for name in ("panel-cxr/2.0.0", "vgg16-cxr/2.0.0")
        },
        "controls": {name: {"rsna": {"auc": area(0.3)}} for name in ("thumbnail", "untrained_network")},
        "above": {},
        "as_it_ships": {
            "rsna": {
                "auc": area(0.456),
                "sensitivity": area(0.7),
                "specificity": area(0.2),
                "positive_zone": {"sensitivity": area(0.3), "specificity": area(0.4)},
            }
        },
    }
    (tmp_path / "left-out-cxr.json").write_text(json.dumps(left_out))
    controls = {"untrained_network": {"ieee8023": {"within": area(untrained)}}}
    (tmp_path / "controls-cxr.json").write_text(json.dumps(controls))
    text = block(read_sections(asked_root, tmp_path), tmp_path)
    order = (
        "is this lung abnormal?",
        "as it ships | 0.456",
        "specificity at its threshold | 0.200",
        "| members of panel-cxr/2.0.0",
        "abnormal: rsna",
        "among abnormal: ieee8023",
    )
    found = [text.index(words) for words in order]
    assert found == sorted(found)
    assert "thumbnail" not in text
    assert "| vgg16-cxr/2.0.0 |" not in text
    assert f"| control: network of random weights with a linear head | - | - | {untrained:.3f} (" in text
    told = "**panel-cxr is not above that control in COVID-19 among abnormal: ieee8023**" in " ".join(text.split())
    assert told is not above
    # Pooled over places, the place may give the answer away
    ensemble = Subject(asked_root / "panel-cxr/2.0.0", next(iter(ensembles(asked_root))))
    assert str(ensemble.measured["auc/covid"]) not in text


def test_a_readme_without_marks_gets_a_sentence(root: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Portal\n")
    with pytest.raises(ValueError, match="needs the lines"):
        write(root, tmp_path, results=tmp_path)


def test_two_labels_of_three_share_what_the_third_leaves() -> None:
    folds = [answered(images(12, part=part), seed=seed, skill=1.0) for seed, part in enumerate(("a", "b"))]
    both = joined(folds, ("covid", "normal"))
    assert both.names == ("covid", "normal")
    assert both.probabilities.sum(axis=1) == pytest.approx(np.ones(16))
    first = folds[0]
    kept = [index for index, label in enumerate(first.labels) if label != 1]
    assert both.paths[: len(kept)].tolist() == first.paths[kept].tolist()
    assert both.labels[: len(kept)].tolist() == [0 if first.labels[index] == 0 else 1 for index in kept]
    covid, _, normal = first.probabilities[kept[0]]
    assert both.probabilities[0, 0] == pytest.approx(covid / (covid + normal))


def test_classifiers_that_do_not_ship_have_a_file_of_their_own(root: Path, tmp_path: Path) -> None:
    """The document and the table of the README tell of what ships, and are left as they are."""
    page = tmp_path / "accuracy.md"
    shipped = [(path, path.read_text()) for path in (PROJECT / DOCUMENT, PROJECT / "README.md")]
    options = ["accuracy", "--root", str(root)]
    assert main(options) == 2
    assert main(["accuracy", "--out", str(page)]) == 2
    assert main([*options, "--out", str(page), "--check"]) == 2
    assert not page.exists()
    assert main([*options, "--out", str(page)]) == 0
    assert main([*options, "--out", str(page), "--check"]) == 0
    assert f"]({os.path.relpath(root, tmp_path)}/vgg16-cxr/1.0.0/CARD.md)" in page.read_text()
    assert all(path.read_text() == text for path, text in shipped)
