from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras", reason="Keras is only needed to train")

import keras

from ml import architectures
from ml.__main__ import main
from ml.probability import softmax
from ml.serving.bundle import read_bundle
from ml.spec import Modality
from ml.training.data.questions import (
    ABNORMAL,
    COVID_AMONG_ABNORMAL,
    COVID_IN_SLICE,
    MANIFEST,
    domain_of,
    known_sides,
    label_masks,
    side_targets,
    split_for_questions,
)
from ml.training.data.split import Part, by_group
from ml.training.fit import last_layer, trainer
from ml.training.fit.finished_run import FinishedRun
from ml.training.fit.loss import SidedCrossEntropy
from ml.training.fit.plan import Objective, Plan, parse_phases
from ml.training.fit.run_files import RANKS
from ml.training.fit.teaching import teaching_of
from ml.training.fit.trainer import train
from ml.training.fit.trunk_file import Origin, write_trunk
from ml.training.measure import abnormality, questions, report
from ml.training.measure.calibration import count_choosers, find_bounds, find_positive_from
from ml.training.metrics import zone_measures
from ml.training.modalities import LABELS
from ml.training.publish import recipes
from ml.training.publish.markdown import training_story
from ml.training.scored_images import ScoredImages
from tests.unit.ml.training.rows import FIELDS, row, write_data
from tests.unit.ml.training.tiny import chain_architecture, tiny_architecture

CXR_LABELS = LABELS[Modality.CXR]
COUNTS = {
    ("rsna", "normal"): 40,
    ("rsna-opacity", "normal"): 20,
    ("rsna-opacity", "pneumonia"): 30,
    ("darkcovidnet", "normal"): 20,
    ("darkcovidnet", "pneumonia"): 20,
    ("shenzhen", "normal"): 20,
    ("shenzhen", "tuberculosis"): 20,
    ("ieee8023", "covid"): 30,
    ("ieee8023", "pneumonia"): 20,
    ("covid-cxnet", "covid"): 12,
}
LATER = ("rsna-opacity", "shenzhen")


def plan(**changes: object) -> Plan:
    fields = {"modality": Modality.CXR, "architecture": "vgg16", "phases": parse_phases("32:1")}
    return Plan(**fields | {"objective": Objective.QUESTIONS} | changes)  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two lists: the second one holds all of the first, and the sources that came later."""
    rows = [
        {
            "path": f"{source}/{label}/{number}.jpg",
            "modality": "cxr",
            "label": label,
            "source": source,
            # One person was imaged at two places
            "group": "person"
            if number == 0 and source in ("ieee8023", "covid-cxnet")
            else f"{source}-{label}-{number}",
            "protocol": "train",
            "licence": "made up",
        }
        for (source, label), count in COUNTS.items()
        for number in range(count)
    ]
    for name, listed in (("manifest.csv", [each for each in rows if each["source"] not in LATER]), (MANIFEST, rows)):
        with (tmp_path / name).open("w", newline="") as lines:
            writer = csv.DictWriter(lines, FIELDS)
            writer.writeheader()
            writer.writerows(listed)
    return tmp_path


@pytest.fixture
def images(data: Path) -> Path:
    """The same lists with their images: disease is stripes, and which way they run tells COVID-19."""
    down, across = np.indices((40, 40)) // 4 % 2
    finding = {"covid": down, "pneumonia": across, "tuberculosis": across, "normal": np.zeros_like(down)}
    with (data / MANIFEST).open(newline="") as lines:
        for number, record in enumerate(csv.DictReader(lines)):
            pixels = np.random.default_rng(number).integers(0, 60, (40, 40)) + 150 * finding[record["label"]]
            path = data / record["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    return data


def test_no_image_is_asked_what_its_place_cannot_answer() -> None:
    """Disease of one place against healthy lungs of another is never a difference to be learnt."""
    for side in known_sides():
        assert set(side.allowed) < set(side.domain.question.among)
    assert domain_of("ieee8023") is not None
    assert domain_of("covid-cxnet") is None
    with pytest.raises(ValueError, match="can answer no question"):
        side_targets([row(1, source="covid-cxnet")])
    with pytest.raises(ValueError, match="can answer no question"):
        side_targets([row(1, source="ieee8023", label="normal")])


def test_what_was_held_out_before_is_still_held_out(data: Path) -> None:
    parts = split_for_questions(data)
    before = by_group(data, Modality.CXR)
    held = {each.path for each in before[Part.TEST]}
    assert held <= {each.path for each in parts[Part.TEST]}
    groups = [{each.group for each in rows} for rows in parts.values()]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    for part in Part:
        sides = Counter(side_targets([each for each in parts[part] if domain_of(each.source)]).tolist())
        assert sorted(sides) == [
            index for index, side in enumerate(known_sides()) if side.domain.question is not COVID_IN_SLICE
        ]


def test_slices_are_asked_one_question_at_every_source(tmp_path: Path) -> None:
    """Sources that came later are divided by themselves; those of the first list stay where they were."""
    early = [("ucsd", "covid"), ("ucsd", "non-covid"), ("saopaulo", "covid"), ("saopaulo", "non-covid")]
    rows = {
        MANIFEST: [*early, ("medseg9", "covid"), ("medseg9", "non-covid")],
        "manifest.csv": early,
    }
    for name, kinds in rows.items():
        with (tmp_path / name).open("w", newline="") as lines:
            writer = csv.DictWriter(lines, FIELDS)
            writer.writeheader()
            for source, label in kinds:
                writer.writerows(
                    {"path": f"{source}-{label}-{number}", "modality": "ct", "label": label, "source": source}
                    | {"group": f"{source}-{label}-{number}", "protocol": "train", "licence": ""}
                    for number in range(20)
                )
    parts, before = split_for_questions(tmp_path, Modality.CT), by_group(tmp_path, Modality.CT)
    for part in Part:
        assert {each.path for each in before[part]} <= {each.path for each in parts[part]}
        assert {each.source for each in parts[part]} == {"ucsd", "saopaulo", "medseg9"}
        sides = side_targets(parts[part])
        assert {known_sides()[index].domain.question for index in sides.tolist()} == {COVID_IN_SLICE}
        allowed = [LABELS[Modality.CT][int(side)] for side in label_masks(LABELS[Modality.CT])[0].argmax(axis=1)[sides]]
        assert allowed == [each.label for each in parts[part]]


def test_what_a_network_goes_on_from_has_seen_is_nobodys_test_image(data: Path) -> None:
    """The covid-cxnet of version 1 taught it, and would be measured on by version 2."""
    before = by_group(data, Modality.CXR)
    seen = {each.group for part in (Part.TRAIN, Part.VALIDATION) for each in before[part]}
    afresh, later = split_for_questions(data), split_for_questions(data, goes_on=True)
    assert seen & {each.group for each in afresh[Part.TEST]}
    assert not seen & {each.group for each in later[Part.TEST]}
    assert {each.path for each in before[Part.TEST]} <= {each.path for each in later[Part.TEST]}
    assert [later[part] for part in (Part.TRAIN, Part.VALIDATION)] == [
        afresh[part] for part in (Part.TRAIN, Part.VALIDATION)
    ]
    warm = plan(weights="start.weights.h5")
    assert teaching_of(warm).split(data) == later


def test_a_place_with_one_kind_of_lung_teaches_nothing(data: Path) -> None:
    """Nor does a person whom it shows too, wherever else that person was imaged."""
    parts = split_for_questions(data)
    for part in (Part.TRAIN, Part.VALIDATION):
        assert "covid-cxnet" not in {each.source for each in parts[part]}
        assert "person" not in {each.group for each in parts[part]}
    assert sum(each.source == "covid-cxnet" for each in parts[Part.TEST]) == COUNTS["covid-cxnet", "covid"]


def test_nothing_is_trained_on_images_that_cannot_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A clinic's own sources are in no file until it names one; training says so, before it takes hours."""
    options = ["--modality", "cxr", "--architecture", "vgg16", "--objective", "questions", "--sizes", "32:1"]
    arguments = ["train", *options, "--data", str(write_data(tmp_path)), "--out", str(tmp_path / "run")]
    assert main(arguments) == 2
    assert "name with ML_DOMAINS a file that says which sources show both" in capsys.readouterr().err


def test_tuberculosis_counts_as_other_disease(data: Path) -> None:
    labels = {each.label for rows in split_for_questions(data).values() for each in rows if each.source == "shenzhen"}
    assert labels == {"normal", "pneumonia"}


@pytest.mark.parametrize("name", ["shenzhen", "rsna"])
def test_a_source_or_domain_is_left_out_whole(data: Path, name: str) -> None:
    parts = split_for_questions(data, left_out=name)
    for part in (Part.TRAIN, Part.VALIDATION):
        assert not any(name in {each.source, getattr(domain_of(each.source), "name", "")} for each in parts[part])
    assert sum(each.source == name for each in parts[Part.TEST]) == sum(
        count for (source, _), count in COUNTS.items() if source == name
    )


def test_sides_of_a_domain_are_balanced_and_domains_keep_their_size(data: Path) -> None:
    teaching = teaching_of(plan())
    sampler = teaching.sampler(teaching.split(data)[Part.TRAIN])
    for domain in {source_domain.name for source, _ in COUNTS if (source_domain := domain_of(source))}:
        mine = [index for index, side in enumerate(known_sides()) if side.domain.name == domain]
        totals = [sampler.counts[index] * sampler.weights[index] for index in mine]
        assert totals[0] == pytest.approx(totals[1])
        assert sum(totals) == pytest.approx(sum(sampler.counts[index] for index in mine))


def test_the_loss_is_that_of_the_question_alone() -> None:
    logits = np.array([[2.0, 0.5, -1.0], [2.0, 0.5, -1.0], [2.0, 0.5, -1.0], [2.0, 0.5, -1.0]], dtype=np.float32)
    powers = np.exp(logits[0].astype(np.float64))
    rows = [
        row(1, source="rsna", label="normal"),
        row(2, source="shenzhen", label="pneumonia"),
        row(3, source="ieee8023", label="covid"),
        row(4, source="ieee8023", label="pneumonia"),
    ]
    loss = SidedCrossEntropy(0.0, *label_masks(CXR_LABELS))
    shares = [powers[2] / powers.sum(), powers[:2].sum() / powers.sum(), powers[0] / powers[:2].sum()]
    expected = -np.log([*shares, 1.0 - shares[2]])
    assert np.asarray(loss.call(side_targets(rows), logits)) == pytest.approx(expected, rel=1e-5)
    # How likely a healthy lung is does not matter where nobody was healthy
    logits[:, 2] += 5.0
    assert np.asarray(loss.call(side_targets(rows), logits))[2:] == pytest.approx(expected[2:], rel=1e-4)


def test_smoothing_keeps_the_loss_from_asking_for_certainty() -> None:
    loss = SidedCrossEntropy(0.1, *label_masks(CXR_LABELS))
    target = side_targets([row(1, source="rsna", label="normal")])
    at = [
        float(np.asarray(loss.call(target, np.array([[0.0, 0.0, value]], dtype=np.float32)))[0])
        for value in (0.0, 2.9, 30.0)
    ]
    assert at[1] < at[0] < at[2]


def test_the_best_epoch_orders_each_domain_best_and_not_all_of_them_together() -> None:
    """Two domains, each in perfect order, on scales so far apart that pooled they would be in none."""
    teaching = teaching_of(plan())
    rows = [
        *(row(number, source="rsna", label="normal") for number in range(4)),
        *(row(number, source="rsna-opacity", label="pneumonia") for number in range(4)),
        *(row(number, source="shenzhen", label="normal") for number in range(4)),
        *(row(number, source="shenzhen", label="pneumonia") for number in range(4)),
    ]
    normal = np.array([9.0] * 4 + [8.0] * 4 + [-8.0] * 4 + [-9.0] * 4, dtype=np.float32)
    logits = np.stack([np.zeros(16), np.zeros(16), normal], axis=1).astype(np.float32)
    measured = teaching.judge(logits, teaching.targets(rows))
    assert measured["val_auc"] == 1.0
    assert teaching.cost(measured) == 0.0
    backwards = teaching.judge(-logits, teaching.targets(rows))
    assert backwards["val_auc"] == 0.0
    assert backwards["val_auc_shenzhen"] == 0.0


def test_answers_are_measured_within_each_domain() -> None:
    random = np.random.default_rng(0)
    sources = np.repeat(["rsna", "rsna-opacity", "shenzhen", "ieee8023", "covid-cxnet"], 40)
    kinds = {"rsna": (2, 2), "rsna-opacity": (1, 1), "shenzhen": (1, 2), "ieee8023": (0, 1), "covid-cxnet": (0, 0)}
    labels = np.array([kinds[source][index % 2] for index, source in enumerate(sources)])
    powers = np.exp(random.standard_normal((200, 3)) + 2.0 * np.eye(3)[labels])
    scored = ScoredImages(
        CXR_LABELS,
        powers / powers.sum(axis=1, keepdims=True),
        labels,
        sources,
        np.array([f"g{index}" for index in range(200)]),
        np.array([f"{index}.jpg" for index in range(200)]),
    )
    said = questions.report(scored, scored)
    abnormal, covid = said[ABNORMAL.name], said[COVID_AMONG_ABNORMAL.name]
    assert {name for name in abnormal["estimates"] if name.startswith("auc_within/")} == {
        "auc_within/rsna",
        "auc_within/shenzhen",
    }
    assert abnormal["estimates"]["auc_within"]["value"] == pytest.approx(
        np.mean([abnormal["estimates"][f"auc_within/{name}"]["value"] for name in ("rsna", "shenzhen")])
    )
    assert set(abnormal["sources"]) == set(sources.tolist())
    # A place that nobody could learn from is told of too
    assert abnormal["sources"]["covid-cxnet"]["specificity"] is None
    assert abnormal["mean_probability"]["covid-cxnet"].keys() == {ABNORMAL.name}
    assert set(covid["estimates"]) == {"auc_within", "auc_within/ieee8023", "calibration_error"}
    point = abnormal["answering"]
    assert 0 <= point["threshold"] <= point["positive_from"] <= 1


def test_the_bounds_of_covid_are_chosen_where_a_place_shows_other_disease_too() -> None:
    """Healthy lungs from elsewhere, however many, must not make the positive zone look specific."""
    covid, other, normal = (3.0, 0.0, 0.0), (2.0, 0.0, 0.0), (-2.0, -2.0, 4.0)
    logits = np.array([covid, other] * 20 + [normal] * 400, dtype=np.float32)
    about = ScoredImages(
        CXR_LABELS,
        softmax(logits),
        np.array([0, 1] * 20 + [2] * 400),
        np.array(["ieee8023"] * 40 + ["rsna"] * 400),
        np.array([f"g{index}" for index in range(440)]),
        np.array([f"{index}.jpg" for index in range(440)]),
    )
    found = questions.calibrate(logits, about)
    scores = softmax(logits, found.temperature)[:, 0]
    assert found.domains == ("ieee8023",)
    assert found.chosen_for.endswith("(ieee8023: 20 images of covid in 20 groups, 20 of other disease in 20 groups)")
    assert scores[1] < found.positive_from <= scores[0]
    pooled = find_positive_from(about.positive, softmax(logits)[:, 0], specificity=0.95)
    assert pooled < softmax(logits)[1, 0]
    measured = report.measure(about.saying(softmax(logits, found.temperature)), found, "test")
    point = report.operating_point(measured)
    assert (point.domains, point.measured_on) == (("ieee8023",), "the abnormal lungs of ieee8023 in the test part")
    assert measured["zones"]["specificity/positive_zone"]["value"] == 1.0
    assert measured["home"]["support"] == {"covid": 20, "pneumonia": 20, "normal": 0}
    # Every covid scores above every other disease, and below many that the AUC over all images counts
    assert measured["home"]["auc"]["value"] == 1.0
    quoted = report.headline(measured | {"controls": {}})
    assert quoted["auc/covid/domains"]["value"] == 1.0
    assert quoted["zones_measured_on"] == point.measured_on
    with pytest.raises(ValueError, match="can answer no question"):
        questions.calibrate(logits, replace(about, sources=np.array(["covid-cxnet"] * 440)))


def test_what_chose_a_bound_is_counted_in_images_and_in_groups() -> None:
    """Five positives of two patients and 19 others of 19: one of these alone decides where the positive zone begins."""
    positive = np.array([True] * 5 + [False] * 19)
    groups = np.array(["a", "a", "a", "b", "b", *(f"c{number}" for number in range(19))])
    chosen_on = count_choosers(positive, groups)
    assert chosen_on == {
        "threshold": {"images": 5, "groups": 2, "missed": 0},
        "positive_from": {"images": 19, "groups": 19, "missed": 0},
    }
    scores = np.linspace(0.99, 0.01, 24)
    threshold, positive_from = find_bounds(scores, positive)
    assert (scores[positive] < threshold).sum() == 0
    assert (scores[~positive] >= positive_from).sum() == 0
    assert count_choosers(~positive, groups, sensitivity=0.9, specificity=0.5)["threshold"]["missed"] == 1


def test_a_bound_of_one_leaves_no_positive_zone() -> None:
    """Rounded, an answer may well be 1, and one that other disease reaches too must not count as positive."""
    sure = np.array([[1.0, 0.0]] * 10 + [[1.0, 0.0]] * 5)
    scored = ScoredImages(
        ("covid", "other"),
        sure,
        np.array([0] * 10 + [1] * 5),
        np.array(["ieee8023"] * 15),
        np.array([f"g{index}" for index in range(15)]),
        np.array([f"{index}.jpg" for index in range(15)]),
    )
    _, positive_from = find_bounds(scored.score, scored.positive)
    assert positive_from == 1.0
    found = zone_measures(0.5, positive_from)(scored)
    assert (found["sensitivity/positive_zone"], found["specificity/positive_zone"]) == (0.0, 1.0)
    assert found["indeterminate"] == 1.0
    rates = abnormality.sources(scored, 0.5, positive_from, sides=("positive", "negative"))
    assert rates["sources/positive_zone"]["ieee8023"]["sensitivity"]["value"] == 0.0


def test_networks_for_slices_are_taught_their_question_in_the_last_layer_alone() -> None:
    with pytest.raises(ValueError, match="the last layer alone"):
        plan(modality=Modality.CT)
    taught = plan(modality=Modality.CT, weights="start.weights.h5", last_layer=True)
    assert taught.recipe == "ct-1"


def test_a_place_is_left_out_of_questions_alone() -> None:
    with pytest.raises(ValueError, match="questions only"):
        plan(objective=Objective.LABELS, left_out="rsna")
    assert plan().recipe == "cxr-3"
    assert Plan.from_json(plan(left_out="rsna").to_json()) == plan(left_out="rsna")
    old = plan(objective=Objective.LABELS).to_json()
    del old["objective"], old["left_out"]
    assert Plan.from_json(old).recipe == "cxr-1"


@pytest.mark.filterwarnings("ignore")
def test_questions_are_learnt_measured_and_packed(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole road: a bundle that serves equalised images and whose papers tell of both questions."""
    pytest.importorskip("openvino", reason="OpenVINO serves what was trained")
    from ml.training.convert import compression, conversion

    # What computes in eight bits cannot be recovered, and so small a network may or may not agree with Keras in them
    monkeypatch.setattr(conversion, "candidates", lambda network, _: compression.candidates(network, None))
    run, root = tmp_path / "run", tmp_path / "weights"
    options = ["--modality", "cxr", "--architecture", "tiny", "--batch", "8", "--precision", "float32"]
    options += ["--sizes", "32:10", "--objective", "questions"]
    with tiny_architecture():
        assert main(["train", *options, "--data", str(images), "--out", str(run)]) == 0
        assert main(["evaluate", "--data", str(images), "--run", str(run)]) == 0
        packed = ["--data", str(images), "--run", str(run), "--root", str(root), "--version", "2.0.0"]
        assert main(["export", *packed]) == 0
    bundle = root / "tiny-cxr" / "2.0.0"
    report = json.loads((bundle / "metrics.json").read_text())
    assert report["questions"]["abnormal"]["estimates"]["auc_within"]["value"] > 0.9
    assert "covid-cxnet" in report["questions"]["abnormal"]["sources"]
    spec = read_bundle(bundle).spec
    assert spec.preprocessing == "cxr-3"
    card = (root / "tiny-cxr" / "2.0.0" / "CARD.md").read_text()
    assert card.count("## The question it was taught") == 2
    assert "AUC within shenzhen" in card
    assert not any(source.startswith("covid-cxnet") for source in spec.trained_on)
    _teach_the_last_layer_alone(images, tmp_path / "runs", root, monkeypatch)


@pytest.mark.filterwarnings("ignore")
def test_a_trunk_is_made_cheaper_before_its_last_layer_is_taught(images: Path, tmp_path: Path) -> None:
    with chain_architecture():
        keras.utils.set_random_seed(5)
        trunk = architectures.backbone_of(architectures.build("chain", classes=1))
        origin = Origin("chain without its head", "a package 1.0", "inside.onnx", "ab" * 32, "MIT", "Little is known.")
        write_trunk(tmp_path / "trunk.h5", trunk, origin)
        phases = parse_phases("32:0")
        taught = plan(architecture="chain", phases=phases, weights=str(tmp_path / "trunk.h5"), last_layer=True)
        cheaper = replace(taught, two_levels=True, kept=0.8)
        train(cheaper, images, tmp_path / "run")
        with pytest.raises(ValueError, match="Choose another folder"):
            train(replace(cheaper, kept=0.9), images, tmp_path / "run")
        finished = FinishedRun.read(tmp_path / "run")
        assert 0 < len(finished.ranks) < 4
        # A finished run is left as it is: with other ranks nobody could read its weights
        written = (tmp_path / "run" / RANKS).stat().st_mtime_ns
        train(cheaper, images, tmp_path / "run")
        assert (tmp_path / "run" / RANKS).stat().st_mtime_ns == written
        # It is built again without the trunk, and says what became of it
        (tmp_path / "trunk.h5").unlink()
        assert finished.model().count_params() < architectures.build("chain", 3, two_levels=True).count_params()
        assert finished.story()["ranks"] == finished.ranks
        assert "keep 80% of what they tell apart" in training_story(finished.story())


def _teach_the_last_layer_alone(images: Path, runs: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on from the bundle of another version, of which all but the last layer stays to the last bit."""
    lessons, lesson_of = [], last_layer.Lesson

    def listen(features: np.ndarray, *taught: Any, **how: Any) -> last_layer.Lesson:
        lessons.append((features, how["changed"]))
        return lesson_of(features, *taught, **how)

    monkeypatch.setattr(last_layer, "Lesson", listen)
    recipe = recipes.Recipe("tiny", Modality.CXR, "32:0", width=1, start="2.0.0", asks=True, last_layer=True)
    run = runs / recipe.name
    with tiny_architecture():
        recipes._recover(recipe, images, root, run)
        trainer.train(recipe.plan(runs), images, run)
        before, after = (architectures.build("tiny", 3, size=(32, 32)) for _ in range(2))
        before.load_weights(run / "start.weights.h5")
        after.load_weights(run / "best.weights.h5")
        written = (run / "best.weights.h5").stat().st_mtime_ns
        trainer.train(recipe.plan(runs), images, run)
    assert (run / "best.weights.h5").stat().st_mtime_ns == written
    same = [np.array_equal(*each) for each in zip(before.get_weights(), after.get_weights(), strict=True)]
    assert same == [True] * (len(same) - 2) + [False, False]
    story = FinishedRun.read(run).story()
    lesson = story["last_layer"]
    assert lesson["validation"]["val_auc"] > 0.9
    assert lesson["losses"][str(lesson["penalty"])] <= min(lesson["losses"].values()) + lesson["error"]
    told = training_story(story)
    assert "Its last layer alone was taught again" in told
    # Each time it was told what mirror images move, which is another thing for every image
    assert len(lessons) > 1
    assert all(features.shape == np.shape(mirrored) for features, mirrored in lessons)
    assert all((features != mirrored).any(axis=1).all() for features, mirrored in lessons)
    assert "charged for what a mirror image moves" in told
    assert "mirror" not in training_story(story | {"last_layer": {"penalty": 0.1}})
