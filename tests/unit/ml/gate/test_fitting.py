"""What the gate is fitted on and where its thresholds come from, with pictures that a network learns in seconds."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras", reason="Keras fits the gate's network")

from ml.gate.gate import prepare
from ml.gate.kinds import READABLE, Kind
from ml.gate.training import trainer
from ml.gate.training.corruptions import GreyImage, Random
from ml.gate.training.grey_images import pixels_of
from ml.gate.training.synthetic import SHARES, Material, Synthesiser, _by_source
from ml.preprocessing import Pixels
from ml.spec import Modality
from ml.training.data.split import Part
from tests.unit.ml.gate.test_trainer import write_chests, write_negatives

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]
SIDE, COLUMNS = 24, 5


def marked(kind: Kind, random: Random) -> GreyImage:
    """A picture that says its kind by where it is bright."""
    place = list(Kind).index(kind)
    pixels = random.integers(0, 60, (SIDE, SIDE)).astype(np.uint8)
    top, left = place // COLUMNS * 6, place % COLUMNS * 5
    pixels[top : top + 5, left : left + 4] = 255
    return Image.fromarray(pixels)


@pytest.fixture
def synthesiser() -> Synthesiser:
    """Draws marked pictures for every kind."""
    blank = [Image.new("L", (SIDE, SIDE))]
    made = Synthesiser(Material({}, blank, blank, blank, blank, blank, {}), SIDE)
    assert set(made._draw) == set(SHARES) == set(Kind)
    made._draw = {kind: lambda random, kind=kind: marked(kind, random) for kind in made._draw}
    return made


def kind_of(inputs: Pixels) -> Kind:
    """The kind that a marked picture says, in the form that the network sees."""
    sums = {}
    for place, kind in enumerate(Kind):
        top, left = place // COLUMNS * 6, place % COLUMNS * 5
        sums[kind] = float(inputs[top : top + 5, left : left + 4].sum())
    return max(sums, key=sums.__getitem__)


def test_every_picture_has_the_label_of_what_was_drawn(synthesiser: Synthesiser) -> None:
    inputs, labels = synthesiser.examples(200, np.random.default_rng(0))
    assert [list(SHARES)[label] for label in labels] == [kind_of(each) for each in inputs]


def test_kinds_come_in_their_shares_and_right_images_most_often(synthesiser: Synthesiser) -> None:
    _, labels = synthesiser.examples(6000, np.random.default_rng(0))
    found = Counter(list(SHARES)[label] for label in labels)
    for kind, share in SHARES.items():
        assert found[kind] / 6000 == pytest.approx(share, abs=4 * (share / 6000) ** 0.5)
    rights = set(READABLE.values())
    assert min(found[kind] for kind in rights) > 1.7 * max(found[kind] for kind in SHARES if kind not in rights)


def test_a_large_source_does_not_drown_a_small_one() -> None:
    small, large = Image.new("L", (4, 4), 1), Image.new("L", (4, 4), 2)
    random = np.random.default_rng(0)
    drawn = [_by_source({"small": [small], "large": [large] * 100}, random) is small for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(1 / 11, abs=0.03)


def test_the_network_learns_the_kinds(synthesiser: Synthesiser, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SIDE", SIDE), ("EPOCHS", 4), ("EXAMPLES", 1500), ("BATCH", 16)):
        monkeypatch.setattr(trainer, name, value)
    model = trainer._fit(synthesiser, seed=1)
    random = np.random.default_rng(7)
    inputs = np.stack([prepare(pixels_of(marked(kind, random)), SIDE) for kind in SHARES for _ in range(4)])
    said = model.predict(inputs, verbose=0).argmax(axis=1)
    assert np.mean(said == np.repeat(np.arange(len(SHARES)), 4)) > 0.9


class Fitted:
    """Stands for a network: of an input it says how bright it is, as the logit of the first two kinds."""

    def predict(self, inputs: Pixels, verbose: int) -> Pixels:
        logits = np.zeros((len(inputs), len(SHARES)), dtype=np.float32)
        logits[:, :2] = inputs.reshape(len(inputs), -1)[:, :1]
        return logits

    def save(self, path: Path) -> None:
        path.write_text("")

    def count_params(self) -> int:
        return 1


def test_thresholds_are_chosen_on_the_validation_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, negatives = write_chests(tmp_path / "data"), write_negatives(tmp_path / "negatives")
    parts: dict[str, set[str]] = {"material": set(), "thresholds": set()}

    def material(data: Path, folder: Path, rows: dict[Modality, tuple]) -> None:
        parts["material"] |= {row.path for each in rows.values() for row in each}

    def inputs(data: Path, rows: tuple) -> Pixels:
        parts["thresholds"] |= {row.path for row in rows}
        # Their brightness puts some 7 % of the first kinds below one half, and a few far below.
        return np.linspace(1.0, 6.0, 200, dtype=np.float32).reshape(-1, 1, 1, 1)

    monkeypatch.setattr(trainer, "_material", material)
    monkeypatch.setattr(trainer, "_inputs", inputs)
    monkeypatch.setattr(trainer, "Synthesiser", lambda *_: None)
    monkeypatch.setattr(trainer, "_fit", lambda *_: Fitted())
    monkeypatch.setattr(trainer, "convert", lambda *_: SimpleNamespace(exact=0.0, fast=0.0))
    chosen = trainer.train(data, negatives, tmp_path / "run")

    expected = {part: set[str]() for part in Part}
    for modality in Modality:
        for part, rows in trainer.split(trainer.read_rows(data, modality)).items():
            expected[part] |= {row.path for row in rows}
    assert parts == {"material": expected[Part.TRAIN], "thresholds": expected[Part.VALIDATION]}
    assert json.loads((tmp_path / "run" / trainer.DRAFT).read_text())["thresholds"] == chosen


@pytest.mark.parametrize(
    ("said", "threshold"),
    [
        (np.linspace(0.3, 0.9, 1001), 0.3042),
        (np.linspace(0.7, 0.9, 1001), trainer.HIGHEST_THRESHOLD),
        (np.linspace(0.01, 0.9, 1001), trainer.LEAST_THRESHOLD),
    ],
    ids=["as few as may be", "never above one half", "never below its floor"],
)
def test_the_threshold_refuses_as_few_right_images_as_may_be(said: np.ndarray, threshold: float) -> None:
    class Says:
        def predict(self, inputs: Pixels, verbose: int) -> np.ndarray:
            others = (1 - said) / (len(SHARES) - 1)
            logits = np.log(np.repeat(others[:, np.newaxis], len(SHARES), axis=1))
            logits[:, list(SHARES).index(Kind.CT)] = np.log(said)
            return logits

    found = trainer._threshold(Says(), np.zeros((1001, 1, 1, 1), dtype=np.float32), Kind.CT)
    assert found == pytest.approx(threshold, abs=1e-3)
