from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the figures' module starts Keras")

from ml.__main__ import main
from ml.ensemble import EnsembleSpec, ensembles
from ml.spec import ClassifierSpec, Modality
from ml.training.measure.calibration import calibrate, find_bounds
from ml.training.measure.predictions import PREDICTIONS, read_predictions, write_predictions
from ml.training.metrics import area_under_curve
from ml.training.publish.card import write_ensemble_card
from ml.training.publish.combine import combine, disagreement, read_members
from ml.training.publish.earlier import earlier_versions, taught_through
from tests.unit.ml.specs import spec
from tests.unit.ml.training.members import store_member

NAMES = ("densenet121-cxr", "vgg16-cxr", "xception-cxr")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three members and the ensemble that the command made of them."""
    root = tmp_path_factory.mktemp("weights")
    for number, name in enumerate(NAMES):
        store_member(root, name, seed=10 * number)
    assert main(["combine", "--modality", "cxr", "--root", str(root)]) == 0
    return root


@pytest.fixture(scope="module")
def ensemble(root: Path) -> EnsembleSpec:
    (ensemble,) = ensembles(root)
    return ensemble


@pytest.fixture
def members(root: Path, tmp_path: Path) -> Path:
    """A copy of the members alone, to spoil."""
    shutil.copytree(root, tmp_path / "weights", ignore=shutil.ignore_patterns("panel-*"))
    return tmp_path / "weights"


def refusal(root: Path) -> str:
    with pytest.raises((ValueError, FileNotFoundError)) as refused:
        combine(root, Modality.CXR, version="1.0.0")
    assert not (root / "panel-cxr").exists()
    return str(refused.value)


def test_the_ensemble_names_its_members_and_quotes_its_report(root: Path, ensemble: EnsembleSpec) -> None:
    report = json.loads((root / ensemble.identity / "metrics.json").read_text())
    assert ensemble.members == tuple(f"{name}/1.0.0" for name in NAMES)
    assert ensemble.operating_point.sensitivity.value == report["operating_point"]["sensitivity"]["value"]
    for name, value in report["zones"].items():
        assert ensemble.metrics[name] == value
    for name in ("disagreement", "error/agreed", "error/divided"):
        assert ensemble.metrics[name] == report["disagreement"][name]
    assert ensemble.metrics["border_pixels_auc"] == report["controls"]["border_pixels"]["auc/covid"]


def test_the_ensemble_is_asked_first_whether_the_lung_is_abnormal(root: Path, ensemble: EnsembleSpec) -> None:
    report = json.loads((root / ensemble.identity / "metrics.json").read_text())
    assert ensemble.abnormality is not None
    assert json.loads(json.dumps(ensemble.abnormality.to_fields())) == report["abnormality"]["point"]
    assert set(ensemble.sources) == {"one", "two"}
    assert ensemble.sources["one"] == report["sources"]["one"]
    assert list(ensemble.answers) == list(ensemble.labels)
    assert ensemble.answers["pneumonia"]["precision"] == report["estimates"]["precision/pneumonia"]
    card = (root / ensemble.identity / "CARD.md").read_text()
    first, second, pooled = (card.index(title) for title in ("is this lung abnormal?", "pattern?", "## All sources"))
    assert first < second < pooled
    assert "Nothing is written down here of how the images of one, two were chosen" in card[:first]


def test_what_was_measured_is_what_the_ensemble_says_of_its_members_answers(root: Path, ensemble: EnsembleSpec) -> None:
    stored = read_predictions(root / ensemble.identity / PREDICTIONS)["test"]
    said = {name: read_predictions(root / name / PREDICTIONS)["test"].probabilities for name in ensemble.members}
    for index, expected in enumerate(stored.probabilities):
        answers = {name: dict(zip(ensemble.labels, rows[index].tolist(), strict=True)) for name, rows in said.items()}
        assert list(ensemble.combine(answers).values()) == pytest.approx(expected.tolist(), rel=1e-4)


def test_the_validation_part_alone_decides(root: Path, ensemble: EnsembleSpec) -> None:
    validation = read_predictions(root / ensemble.identity / PREDICTIONS)["validation"]
    again = calibrate(np.log(validation.probabilities), validation.labels)
    assert again.temperature == pytest.approx(1.0, abs=0.01)
    point = ensemble.operating_point
    called = validation.score >= point.threshold
    assert called[validation.positive].mean() >= 0.95
    assert (validation.score < point.positive_from)[~validation.positive].mean() >= 0.95
    assert point.threshold <= point.positive_from


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an ensemble whose members were taught questions, and go on from released networks."""
    root = tmp_path_factory.mktemp("asked")
    for number, name in enumerate(NAMES):
        store_member(root, name, seed=10 * number, asked=True, count=240, version="2.0.0")
        spec = root / name / "2.0.0" / "spec.json"
        through = [f"through {name}/1.0.0: rsna: 12 normal images (made up)"]
        spec.write_text(json.dumps(json.loads(spec.read_text()) | {"trained_on": through}))
    return combine(root, Modality.CXR, version="2.0.0")


def read_asked(folder: Path) -> tuple[EnsembleSpec, dict[str, Any], list[ClassifierSpec]]:
    root = folder.parents[1]
    (ensemble,) = ensembles(root)
    members = [ClassifierSpec.from_json((root / each / "spec.json").read_text()) for each in ensemble.members]
    return ensemble, json.loads((folder / "metrics.json").read_text()), members


def test_members_that_were_taught_questions_choose_bounds_where_both_answers_are_shown(asked: Path) -> None:
    folder = asked
    ensemble, report, _ = read_asked(folder)
    said = read_predictions(folder / PREDICTIONS)["validation"]
    here = said.take(said.sources == "ieee8023")
    point = ensemble.operating_point
    assert find_bounds(here.score, here.positive) == pytest.approx((point.threshold, point.positive_from), abs=1e-3)
    assert point.domains == ("ieee8023",)
    assert point.measured_on == "the abnormal lungs of ieee8023 in the test part"
    assert "(ieee8023: 80 images of covid in 40 groups, 26 of other disease in 13 groups)" in point.chosen_for
    assert ensemble.abnormality is not None
    assert ensemble.abnormality.domains == ("rsna", "shenzhen")
    assert ensemble.abnormality.measured_on == "the images of rsna and shenzhen in the test part"
    assert (
        "(rsna, shenzhen: 54 images of abnormal lungs in 27 groups, 80 of normal ones in 40 groups)"
        in ensemble.abnormality.chosen_for
    )
    assert report["abnormality"]["support"] == {"abnormal": 54, "normal": 80}
    # The numbers that a page quotes of the zones say where they were measured, each question for itself
    assert ensemble.metrics["zones_measured_on"] == point.measured_on
    assert ensemble.metrics["abnormality/zones_measured_on"] == ensemble.abnormality.measured_on
    assert ensemble.metrics["auc/covid/domains"] == report["home"]["auc"] != ensemble.metrics["auc/covid"]


def test_the_card_of_such_an_ensemble_says_where_and_on_how_much(asked: Path) -> None:
    card = (asked / "CARD.md").read_text()
    for said in (
        "comes from one of two institutions",
        "The lower bound rests on 54 images of abnormal lungs in 27 groups (patients, as far as they are known)",
        "of which at most 2 may lie below it",
        "the upper one on 80 of normal ones in 40 groups, of which at most 8 may reach it",
        "- Abnormal lungs there with covid: 0 chose, 0 measured\n",
        "- Abnormal lungs there with pneumonia: 54 chose, 54 measured\n",
        "**None of them shows covid.**",
        "The places that show lungs of both kinds (rsna, shenzhen) together",
        "Measured at that point on the abnormal lungs of ieee8023 in the test part (106 images, 53 groups)",
        "between them indeterminate; measured on the same images.",
        "The lower bound rests on 80 images of covid in 40 groups",
        "the upper one on 26 of other disease in 13 groups, of which at most 1 may reach it",
        "**The test part is not unseen.** It had been looked at when densenet121-cxr/1.0.0, vgg16-cxr/1.0.0, xception",
        "xception-cxr/1.0.0 were measured",
    ):
        assert said in card
    for untrue in ("comes from one institution", "looked at once", "There is no positive zone", "None of them shows p"):
        assert untrue not in card
    assert "{" not in card


def test_a_card_says_plainly_which_zone_nothing_reaches(asked: Path, tmp_path: Path) -> None:
    ensemble, report, members = read_asked(asked)
    assert ensemble.abnormality is not None
    point = replace(ensemble.operating_point, threshold=0.0, positive_from=1.0)
    lung = replace(ensemble.abnormality, abnormal_from=1.0)
    few = {"images": 19, "groups": 12, "missed": 0}
    report["home"]["chosen_on"]["positive_from"] = few
    write_ensemble_card(tmp_path, replace(ensemble, operating_point=point, abnormality=lung), report, members)
    card = (tmp_path / "CARD.md").read_text()
    assert "**There is no abnormal zone:**" in card
    assert "**There is no positive zone:**" in card
    assert "**There is no negative zone:** no answer lies below 0." in card
    assert "is at least 0.0, and there is no positive zone." in card
    assert "19 of other disease in 12 groups, of which none may reach it, so that a single image decides" in card
    same = replace(ensemble.operating_point, threshold=0.5, positive_from=0.5)
    write_ensemble_card(tmp_path, replace(ensemble, operating_point=same), report, members)
    assert "Both bounds are the same: there is no indeterminate zone." in (tmp_path / "CARD.md").read_text()


def test_networks_of_the_other_modality_leave_the_test_part_unseen() -> None:
    """Those for CT start from networks for X-rays, which were measured on other images."""
    through = "through vgg16-cxr/1.0.0: rsna: 1 normal images (made up)"
    ct = spec(name="vgg16-ct", trained_on=("saopaulo: 3 covid images (made up)", through))
    assert earlier_versions([ct]) == ()
    later = spec(name="vgg16-cxr", version="3.0.0", trained_on=taught_through(spec(name="vgg16-cxr", version="2.0.0")))
    assert earlier_versions([ct, later]) == ("vgg16-cxr/2.0.0",)


def test_an_interrupted_ensemble_is_made_anew(members: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ml.training.publish.combine._write_papers", fail)
        with pytest.raises(KeyboardInterrupt):
            combine(members, Modality.CXR, version="1.0.0")
    assert not (members / "panel-cxr").exists()
    assert ensembles(members) == ()
    assert (combine(members, Modality.CXR, version="1.0.0") / "CARD.md").is_file()
    assert sorted(each.name for each in members.iterdir()) == sorted([*NAMES, "panel-cxr"])


def test_together_they_are_better_than_each_alone(root: Path, ensemble: EnsembleSpec) -> None:
    def area(name: str) -> float:
        said = read_predictions(root / name / PREDICTIONS)["test"]
        return area_under_curve(said.positive, said.score)

    assert area(ensemble.identity) > max(map(area, ensemble.members))


def test_the_papers_of_the_ensemble_are_whole(root: Path, ensemble: EnsembleSpec) -> None:
    folder = root / ensemble.identity
    card = (folder / "CARD.md").read_text()
    for text in (
        *ensemble.members,
        "Decision support, not a diagnosis",
        "border pixels alone",
        "**Zones:**",
        "disagree",
    ):
        assert text in card
    assert "{" not in card
    assert "not measured" not in card
    assert (folder / "evaluation.png").stat().st_size > 5000
    assert json.loads((folder / "curves.json").read_text())["roc"]["sensitivity"]["covid"]["value"][-1] == 1.0


def test_disagreement_is_counted_by_the_members_own_zones(root: Path, ensemble: EnsembleSpec) -> None:
    specs = [ClassifierSpec.from_json((root / name / "spec.json").read_text()) for name in ensemble.members]
    stored = read_predictions(root / ensemble.identity / PREDICTIONS)["test"]
    scores = np.array([read_predictions(root / name / PREDICTIONS)["test"].score for name in ensemble.members])
    points = [spec.operating_point for spec in specs]
    negative = np.array([each < point.threshold for each, point in zip(scores, points, strict=True)])
    positive = np.array([each >= point.positive_from for each, point in zip(scores, points, strict=True)])
    divided = negative.any(axis=0) & positive.any(axis=0)
    assert divided.any()
    wrong = stored.probabilities.argmax(axis=1) != stored.labels
    rates = disagreement(stored, ensemble.operating_point.threshold, read_members(root, specs))
    assert rates["disagreement"]["value"] == pytest.approx(divided.mean(), abs=1e-4)
    assert rates["error/divided"]["value"] == pytest.approx(wrong[divided].mean(), abs=1e-4)
    assert rates["error/agreed"]["value"] == pytest.approx(wrong[~divided].mean(), abs=1e-4)
    side = (stored.score >= ensemble.operating_point.threshold) != stored.positive
    assert rates["wrong_side/divided"]["value"] == pytest.approx(side[divided].mean(), abs=1e-4)


def test_a_released_ensemble_is_never_overwritten(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["combine", "--modality", "cxr", "--root", str(root)]) == 2
    assert "Choose a new --version" in capsys.readouterr().err


def test_one_classifier_is_no_ensemble(tmp_path: Path) -> None:
    store_member(tmp_path, "vgg16-cxr")
    assert "two classifiers or more" in refusal(tmp_path)


@pytest.mark.parametrize(
    "spoil",
    [lambda said: said.take(range(len(said.labels) - 1)), lambda said: said.take(range(len(said.labels))[::-1])],
    ids=["one image less", "another order"],
)
def test_members_that_were_measured_on_other_images_are_refused(members: Path, spoil: Callable[..., object]) -> None:
    path = members / "xception-cxr" / "1.0.0" / PREDICTIONS
    said = read_predictions(path)
    write_predictions(path, {"validation": said["validation"], "test": spoil(said["test"])})  # type: ignore[dict-item]
    assert "not measured on the same images (test part)" in refusal(members)


def test_a_member_without_a_part_is_refused(members: Path) -> None:
    path = members / "xception-cxr" / "1.0.0" / PREDICTIONS
    write_predictions(path, {"test": read_predictions(path)["test"]})
    assert "holds no validation part" in refusal(members)


def test_the_newest_version_of_each_classifier_is_a_member(members: Path) -> None:
    store_member(members, "vgg16-cxr", seed=10, version="1.1.0")
    folder = combine(members, Modality.CXR, version="2.0.0")
    assert "vgg16-cxr/1.1.0" in EnsembleSpec.from_json((folder / "panel.json").read_text()).members


def test_a_control_that_a_member_lacks_is_not_made_up(members: Path) -> None:
    (members / "vgg16-cxr" / "1.0.0" / "lungs-blacked-out.csv").unlink()
    folder = combine(members, Modality.CXR, version="1.0.0")
    assert list(json.loads((folder / "metrics.json").read_text())["controls"]) == ["border_pixels"]
    assert "From images whose lungs are blacked out: not measured" in (folder / "CARD.md").read_text()
