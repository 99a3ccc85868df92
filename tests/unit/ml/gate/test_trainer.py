"""The gate's road from images to a version that serves, walked with phantoms and a network fitted for a minute."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.gate import Gate
from ml.gate.training import measurement, trainer
from ml.gate.training.grey_images import phantom, pixels_of
from ml.gate.training.release import release
from ml.spec import Modality
from tests.unit.ml.training.rows import FIELDS

# Keras converts tensors to arrays in a way that numpy deprecates.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(900)]
SEEDS = range(9000, 9016)


def write_chests(root: Path) -> Path:
    """A data folder of phantoms, each a group of its own."""
    root.mkdir()
    with (root / "manifest.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, FIELDS)
        writer.writeheader()
        for modality, label in ((Modality.CXR, "normal"), (Modality.CT, "non-covid")):
            for seed in SEEDS:
                path = f"{modality.value}-{seed}.png"
                phantom(modality, seed).save(root / path)
                writer.writerow(
                    dict(zip(FIELDS, (path, modality, label, "here", path, "train", "made up"), strict=True))
                )
    return root


def write_negatives(root: Path) -> Path:
    """Noise and stripes in place of photographs; a source for fitting and one for measuring of each kind."""
    root.mkdir()
    random = np.random.default_rng(0)
    fields = ("path", "kind", "source", "group", "licence", "part")
    with (root / "manifest.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, fields)
        writer.writeheader()
        for kind in ("photograph", trainer.LATERAL, trainer.REFORMATTED):
            for number in range(12):
                part, path = ("fit", "measure")[number % 2], f"{kind}-{number}.png"
                Image.fromarray(random.integers(0, 256, (40, 40), dtype=np.uint8)).resize((160, 160)).save(root / path)
                writer.writerow(dict(zip(fields, (path, kind, f"{kind}-{part}", path, "made up", part), strict=True)))
    return root


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a version, from a network fitted on a few hundred examples."""
    root = tmp_path_factory.mktemp("gate")
    data, negatives = write_chests(root / "data"), write_negatives(root / "negatives")
    (data / "uploads").mkdir()
    phantom(Modality.CXR, 9200).save(data / "uploads" / "chest.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "EPOCHS", 8)
        patch.setattr(trainer, "EXAMPLES", 1400)
        # Many small steps: the statistics of batch normalisation need some hundred to arrive.
        patch.setattr(trainer, "BATCH", 16)
        patch.setattr(trainer, "LIMBS", 20)
        patch.setattr(trainer, "PHOTOGRAPHS", 10)
        patch.setattr(measurement, "LATER_MANIFEST", "manifest.csv")
        patch.setattr(measurement, "UPLOADS", {"uploads": Modality.CXR})
        patch.setattr(measurement, "WINDOWED", ())
        trainer.train(data, negatives, root / "run")
        release(root / "run", data, negatives, root / "weights", "1.0.0")
    return root / "weights" / "gate" / "1.0.0"


def test_right_images_pass_and_noise_does_not(released: Path) -> None:
    gate = Gate.from_folder(released)
    noise = np.random.default_rng(1).random((160, 160), dtype=np.float32)
    for modality in Modality:
        passed = [gate.refusal(pixels_of(phantom(modality, seed)), modality) is None for seed in range(9100, 9110)]
        assert sum(passed) >= 8
        assert gate.refusal(noise, modality) is not None


def test_a_right_image_of_the_other_modality_is_refused(released: Path) -> None:
    gate = Gate.from_folder(released)
    codes = [gate.refusal(pixels_of(phantom(Modality.CT, seed)), Modality.CXR) for seed in range(9100, 9110)]
    assert sum(code is not None for code in codes) >= 9


def test_the_thresholds_are_within_their_bounds_and_on_the_card(released: Path) -> None:
    thresholds = Gate.from_folder(released).spec.thresholds
    card = (released / "CARD.md").read_text()
    for threshold in thresholds.values():
        assert trainer.LEAST_THRESHOLD <= threshold <= trainer.HIGHEST_THRESHOLD
        assert str(threshold) in card
