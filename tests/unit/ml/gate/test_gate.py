"""The gate that ships: what it lets through, what it refuses and with which words."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

pytest.importorskip("openvino", reason="OpenVINO runs the gate's network")

import ml
from ml.gate import Gate
from ml.gate.kinds import Kind
from ml.gate.training import screens
from ml.gate.training.grey_images import picture_of, pixels_of
from ml.gate.training.limbs import limb
from ml.gate.windows import shows_lungs
from ml.imaging.phantom import chest_ct, chest_xray
from ml.imaging.windowing import Window, lung_grey
from ml.preprocessing import Pixels
from ml.serving import BundleRefused
from ml.spec import Modality

ROOT = Path(ml.__file__).parent / "weights"
FOLDER = max((ROOT / "gate").iterdir())
SIDE = 512


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate.load(ROOT)


def xray(seed: int = 0, opacities: int = 0) -> Pixels:
    return chest_xray(SIDE, SIDE, seed=seed, opacities=opacities)


def ct(seed: int = 0, opacities: int = 0) -> Pixels:
    return lung_grey(chest_ct(SIDE, SIDE, seed=seed, opacities=opacities).astype(np.float32))


def chest(modality: Modality) -> Pixels:
    return xray() if modality is Modality.CXR else ct()


def tilted(modality: Modality, degrees: float) -> Pixels:
    return pixels_of(picture_of(chest(modality)).rotate(degrees, Image.Resampling.BICUBIC, expand=True))


def code(gate: Gate, pixels: Pixels, modality: Modality) -> str:
    refused = gate.refusal(np.ascontiguousarray(pixels, dtype=np.float32), modality)
    return refused.code if refused else ""


def page() -> Pixels:
    picture = Image.new("L", (600, 800), 250)
    font = ImageFont.load_default(18)
    for line in range(30):
        ImageDraw.Draw(picture).text((40, 20 + line * 25), f"{line}. Findings and impression of the report", 10, font)
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


@pytest.mark.parametrize("seed", [0, 1, 2, 7])
@pytest.mark.parametrize("opacities", [0, 3])
def test_the_synthetic_scans_of_the_demonstration_pass(gate: Gate, seed: int, opacities: int) -> None:
    assert gate.refusal(xray(seed, opacities), Modality.CXR) is None
    assert gate.refusal(ct(seed, opacities), Modality.CT) is None


@pytest.mark.parametrize(("modality", "other"), [(Modality.CXR, Modality.CT), (Modality.CT, Modality.CXR)])
def test_the_other_modality_is_noticed(gate: Gate, modality: Modality, other: Modality) -> None:
    assert code(gate, chest(modality), other) == "wrong_modality"


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("modality", list(Modality))
def test_turned_images_are_refused(gate: Gate, modality: Modality, turns: int) -> None:
    assert code(gate, np.rot90(chest(modality), turns), modality) == "turned"


@pytest.mark.parametrize("degrees", [-30, -20, 20, 30])
@pytest.mark.parametrize("modality", list(Modality))
def test_tilted_images_are_refused(gate: Gate, modality: Modality, degrees: float) -> None:
    assert code(gate, tilted(modality, degrees), modality) == "tilted"


@pytest.mark.parametrize("degrees", [-4, 4])
@pytest.mark.parametrize("modality", list(Modality))
def test_a_slight_tilt_passes(gate: Gate, modality: Modality, degrees: float) -> None:
    assert code(gate, tilted(modality, degrees), modality) == ""


@pytest.mark.parametrize("resample", [Image.Resampling.NEAREST, Image.Resampling.BICUBIC])
@pytest.mark.parametrize("modality", list(Modality))
def test_an_enlarged_thumbnail_is_refused(gate: Gate, modality: Modality, resample: Image.Resampling) -> None:
    picture = picture_of(chest(modality))
    large = picture.resize((64, 64)).resize((SIDE, SIDE), resample)
    assert code(gate, pixels_of(large), modality) == "enlarged"
    assert code(gate, pixels_of(picture.resize((300, 300)).resize((1200, 1200), resample)), modality) == ""


def test_a_picture_of_a_screen_is_refused(gate: Gate) -> None:
    random = np.random.default_rng(0)
    for modality in Modality:
        for draw in (screens.workstation, screens.web_page, screens.phone):
            shown = draw([picture_of(chest(modality))], random)
            assert code(gate, pixels_of(shown), modality) in {"screen", "several", "not_chest", "photographed"}


def test_a_drawn_limb_is_no_chest(gate: Gate) -> None:
    random = np.random.default_rng(99)
    codes = [code(gate, pixels_of(limb(random)), Modality.CXR) for _ in range(30)]
    assert codes.count("") <= 1
    assert codes.count("other_part") >= 15


@pytest.mark.parametrize("modality", list(Modality))
def test_inverted_greys_are_refused(gate: Gate, modality: Modality) -> None:
    assert code(gate, 1 - chest(modality), modality) == "inverted"


@pytest.mark.parametrize("opacities", [0, 3])
@pytest.mark.parametrize(
    ("centre", "width", "refused"),
    [(-600, 1500, ""), (-500, 2000, ""), (-500, 1000, ""), (40, 350, "window"), (480, 2500, "window")],
    ids=["lung", "wide-lung", "narrow-lung", "mediastinal", "bone"],
)
def test_a_slice_whose_window_hides_the_lung_is_refused(
    gate: Gate, opacities: int, centre: float, width: float, refused: str
) -> None:
    hounsfield = chest_ct(SIDE, SIDE, seed=1, opacities=opacities).astype(np.float32)
    assert code(gate, Window(centre, width).apply(hounsfield), Modality.CT) == refused


@pytest.mark.parametrize(("black", "tissue", "shown"), [(45, 0.9, True), (60, 0.9, False), (25, 0.5, False)])
def test_much_black_or_dark_tissue_with_some_hides_the_lung(black: int, tissue: float, shown: bool) -> None:
    pixels = np.zeros((256, 256), dtype=np.float32)
    pixels[28:228, 28:228] = tissue
    pixels[60:200, 60:196] = 0.3
    pixels[80 : 80 + 2 * black, 70 : 70 + black] = pixels[80 : 80 + 2 * black, 130 : 130 + black] = 0.01
    assert shows_lungs(pixels) is shown


def test_air_around_the_body_is_no_black_lung() -> None:
    pixels = np.zeros((256, 256), dtype=np.float32)
    pixels[28:228, 28:228] = 0.5
    pixels[60:200, 60:196] = 0.3
    assert shows_lungs(pixels)


@pytest.mark.parametrize("modality", list(Modality))
def test_several_images_in_one_are_refused(gate: Gate, modality: Modality) -> None:
    four = np.vstack([np.hstack([chest(modality)] * 2)] * 2)
    assert code(gate, four, modality) == "several"


@pytest.mark.parametrize("modality", list(Modality))
def test_a_blurred_image_is_refused(gate: Gate, modality: Modality) -> None:
    picture = Image.fromarray((chest(modality) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(30))
    assert code(gate, np.asarray(picture) / 255, modality) in {"blurred", "unclear"}


@pytest.mark.parametrize("modality", list(Modality))
def test_noise_and_pages_are_no_chest(gate: Gate, modality: Modality) -> None:
    noise = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    assert code(gate, noise, modality) == "not_chest"
    assert code(gate, page(), modality) == "not_chest"


@pytest.mark.parametrize("modality", list(Modality))
def test_plain_rules_come_with_their_numbers(gate: Gate, modality: Modality) -> None:
    small = gate.refusal(chest(modality)[:100, :300].copy(), modality)
    assert small is not None
    assert small.code == "too_small"
    assert "300 x 100 pixels" in small.sentence
    assert code(gate, chest(modality)[:180], modality) == "shape"
    assert code(gate, np.full((SIDE, SIDE), 0.4), modality) == "blank"
    assert code(gate, 0.4 + 0.01 * chest(modality), modality) == "blank"


def test_every_kind_has_a_sentence_for_every_modality(gate: Gate) -> None:
    from ml.gate.refusal import explain

    for kind in Kind:
        for modality in Modality:
            refused = explain(kind, modality)
            assert refused.code.replace("_", "").isalpha()
            assert refused.sentence[0].isupper()
            assert refused.sentence.endswith(".")
            assert "{" not in refused.sentence
    assert tuple(gate.spec.kinds) == tuple(dict.fromkeys(gate.spec.kinds))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((SIDE, SIDE, 3), dtype=np.float32),
        np.zeros((SIDE, SIDE), dtype=np.float64),
        np.full((SIDE, SIDE), np.nan, dtype=np.float32),
    ],
)
def test_other_pixels_are_a_fault_of_the_caller(gate: Gate, pixels: Pixels) -> None:
    with pytest.raises(ValueError, match="finite float32"):
        gate.refusal(pixels, Modality.CXR)


def test_one_process_loads_it_once(gate: Gate) -> None:
    assert Gate.load(ROOT) is gate


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "gate" / FOLDER.name
    shutil.copytree(FOLDER, folder)
    weights = bytearray((folder / "model.bin").read_bytes())
    weights[len(weights) // 2] ^= 1
    (folder / "model.bin").write_bytes(weights)
    with pytest.raises(BundleRefused, match="wrong SHA-256"):
        Gate.load(tmp_path)


def test_a_missing_gate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="holds no gate"):
        Gate.load(tmp_path)


def test_a_broken_spec_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "gate" / FOLDER.name
    shutil.copytree(FOLDER, folder)
    (folder / "gate.json").write_text("{}")
    with pytest.raises(BundleRefused, match="cannot be used"):
        Gate.load(tmp_path)


def test_the_newest_version_serves(tmp_path: Path) -> None:
    for version in ("1.9.0", "1.10.0"):
        folder = tmp_path / "gate" / version
        shutil.copytree(FOLDER, folder)
        text = (folder / "gate.json").read_text()
        (folder / "gate.json").write_text(text.replace(f'"version": "{FOLDER.name}"', f'"version": "{version}"'))
    assert Gate.load(tmp_path).spec.version == "1.10.0"


def test_it_stays_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1024**2
    assert (FOLDER / "model.bin").stat().st_size < 400 * 1024
