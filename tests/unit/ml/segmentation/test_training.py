"""What teaches the network, without a whole run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras", reason="Keras trains")

from ml.segmentation.training.batches import MaskedImages, VariedBatches
from ml.segmentation.training.loss import UNKNOWN, DiceCrossEntropy
from ml.segmentation.training.masked_images import MaskedParts, masked_parts
from ml.segmentation.training.release import CARD, METRICS, write_card
from ml.segmentation.training.variations import vary
from ml.serving.lungs.finder import WEIGHTS_ROOT, read_spec
from ml.training.data.split import Part

IMAGE = {"view": "", "protocol": "train", "licence": "none", "label": "normal", "modality": "cxr"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Forty images of two sources, two of each group."""
    images, masks = [], []
    for source in ("shenzhen", "ieee8023"):
        for number in range(20):
            path = f"{source}-{number}.png"
            Image.new("L", (40, 40), number).save(tmp_path / path)
            Image.new("1", (40, 40), 1).save(tmp_path / f"mask-{path}")
            images.append(IMAGE | {"path": path, "source": source, "group": f"{source}-{number // 2}"})
            masks.append({"image": path, "mask": f"mask-{path}", "kind": "lung", "origin": "drawn"})
    masks.append(masks[0] | {"kind": "lesion"})
    for name, records in (("manifest_v2.csv", images), ("masks.csv", masks)):
        with (tmp_path / name).open("w", newline="") as lines:
            writer = csv.DictWriter(lines, records[0])
            writer.writeheader()
            writer.writerows(records)
    return tmp_path


def groups(parts: MaskedParts, part: Part) -> set[str]:
    return {row.group for row in parts[part]}


def test_no_group_is_on_two_sides_and_lesions_are_no_lungs(data: Path) -> None:
    parts = masked_parts(data)
    assert sum(map(len, parts.values())) == 40
    assert not groups(parts, Part.TRAIN) & groups(parts, Part.TEST)
    assert not groups(parts, Part.TRAIN) & groups(parts, Part.VALIDATION)


def test_a_source_left_out_is_the_test_part(data: Path) -> None:
    parts = masked_parts(data, "shenzhen")
    assert {row.source for row in parts[Part.TEST]} == {"shenzhen"}
    assert {row.source for row in parts[Part.TRAIN] + parts[Part.VALIDATION]} == {"ieee8023"}
    with pytest.raises(ValueError, match="No image of 'nowhere'"):
        masked_parts(data, "nowhere")


def test_an_image_teaches_the_channel_of_its_convention_alone(data: Path) -> None:
    images = MaskedImages.read(data, masked_parts(data)[Part.TRAIN], 32, cropped=False)
    for index, source in enumerate(images.sources):
        known = (images.targets(index, images.masks[index]) != UNKNOWN).all(axis=(0, 1))
        assert known.tolist() == [source == "shenzhen", source == "ieee8023"]


def test_a_batch_depends_on_seed_epoch_and_index_alone(data: Path) -> None:
    images = MaskedImages.read(data, masked_parts(data)[Part.TRAIN], 32, cropped=False)
    first, again = (VariedBatches(images, 16, batch=4, seed=1, epoch=2)[3] for _ in range(2))
    other = VariedBatches(images, 16, batch=4, seed=1, epoch=3)[3]
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])


def test_what_is_not_known_costs_nothing() -> None:
    target = np.zeros((1, 8, 8, 2), dtype=np.uint8)
    target[..., 1] = UNKNOWN
    said = np.full((1, 8, 8, 2), -9.0, dtype=np.float32)
    sure = said.copy()
    sure[..., 1] = 9.0
    loss = DiceCrossEntropy()
    assert float(loss(target, said)) == pytest.approx(float(loss(target, sure)))
    assert float(loss(target, said)) < 0.01
    assert float(loss(target, -said)) > 5


def test_a_mask_moves_with_its_image() -> None:
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[20:44, 20:44] = 1
    random = np.random.default_rng(0)
    varied = [vary(mask * np.uint8(200), mask, random) for _ in range(20)]
    inside = [image[lungs > 0].mean() - image[lungs == 0].mean() for image, lungs in varied if lungs.any()]
    assert np.median(inside) > 60


def test_the_card_is_what_its_numbers_say() -> None:
    folder = max((WEIGHTS_ROOT / "lungs").iterdir())
    assert write_card(read_spec(folder), json.loads((folder / METRICS).read_text())) == (folder / CARD).read_text()
