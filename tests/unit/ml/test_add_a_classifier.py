"""docs/howto/add-a-classifier.md, followed: its commands exist, and a folder put in place is a classifier."""

import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import ml
from ml.__main__ import parser
from ml.imaging.phantom import chest_xray
from ml.serving import BundleRefused, catalogue, load
from ml.spec import ClassifierSpec, Modality

ROOT = Path(ml.__file__).parents[1]
RECIPE = (ROOT / "docs" / "howto" / "add-a-classifier.md").read_text()
COMMANDS = re.findall(r"^python -m ml (.+)$", RECIPE, flags=re.MULTILINE)
SHIPPED = "vgg16-cxr/2.0.0"


def test_the_recipe_has_every_command_of_an_import() -> None:
    assert [command.split()[0] for command in COMMANDS] == ["import-h5", "import-onnx"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[0])
def test_its_commands_are_understood(command: str) -> None:
    assert callable(parser().parse_args(shlex.split(command)).run)


def test_a_folder_put_in_place_is_a_classifier(tmp_path: Path) -> None:
    """Step 2, with the bytes of a shipped network under a name of its own."""
    spec = ClassifierSpec.from_json((ROOT / "ml" / "weights" / SHIPPED / "spec.json").read_text())
    newcomer = replace(spec, name="clinic-vgg16-cxr")
    folder = tmp_path / newcomer.identity
    shutil.copytree(ROOT / "ml" / "weights" / SHIPPED, folder)
    with pytest.raises(BundleRefused, match="Move it into the folder of that name"):
        catalogue(tmp_path)
    (folder / "spec.json").write_text(newcomer.to_json())

    (classifier,) = load(tmp_path, Modality.CXR)
    prediction = classifier.predict(chest_xray(320, 320, seed=1, opacities=1))
    assert classifier.spec.identity == "clinic-vgg16-cxr/2.0.0"
    assert sum(prediction.probabilities.values()) == pytest.approx(1.0)
    assert load(tmp_path, Modality.CT) == ()
