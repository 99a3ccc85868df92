"""What an import refuses, whichever format the file has: with a sentence and status 2, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("keras", reason="Keras is only needed to train and to import")
pytest.importorskip("openvino", reason="OpenVINO serves what was imported")

from ml.__main__ import main
from ml.serving.bundle import SPEC
from tests.unit.ml.import_options import NAME, import_options
from tests.unit.ml.keras2.files import nested, stored_nested, stripes_network
from tests.unit.ml.onnx.files import flattened
from tests.unit.ml.training.rows import write_data

pytestmark = pytest.mark.filterwarnings("ignore")
# What writes a network whose sigmoid means normal by 1.
NETWORKS: dict[str, Callable[[Path], Path]] = {
    "network.h5": lambda path: stored_nested(stripes_network(), nested([4, 1], "sigmoid")).write(path),
    "network.onnx": lambda path: flattened(stripes_network(), "Sigmoid").write(path),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty images a label in groups of two; the network knows covid and normal."""
    return write_data(tmp_path_factory.mktemp("data"), each=40)


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return NETWORKS[request.param](tmp_path_factory.mktemp("network") / request.param)


@pytest.fixture
def refusal(network: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What is said of an import that is refused, and leaves nothing; its options with `changes`."""

    def refused(**changes: str) -> str:
        root = tmp_path / "weights"
        assert main(import_options(network, data, root, **changes)) == 2
        assert not root.exists()
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return said

    return refused


REFUSED = [
    ({"seen": "yes"}, "are worth nothing"),
    ({"labels": "covid,normal,pneumonia"}, "tells two labels apart"),
    (
        {"labels": "covid,flu", "one_means": "flu"},
        "'flu' is no label of cxr; its labels are covid, pneumonia, normal",
    ),
    ({"positive": "normal"}, "would count as positive. Give the class that is looked for: covid."),
    ({"version": "one"}, "such as 1.0.0"),
    ({"name": "Old network"}, "small letters"),
    ({"reference": "nowhere"}, "nowhere is no file or folder"),
    ({"measure_on": "nowhere"}, "manifest.csv is missing"),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_a_refusal_is_a_sentence_and_leaves_nothing(
    changes: dict[str, str], sentence: str, refusal: Callable[..., str]
) -> None:
    assert sentence in refusal(**changes)


def test_too_few_labelled_images_are_refused(refusal: Callable[..., str], tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    assert "A network without measured numbers is not imported" in refusal(measure_on=str(write_data(few, each=18)))


def test_a_manifest_without_a_column_is_refused(refusal: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,label\na.png,covid\n")
    assert "lacks the columns modality, source, group" in refusal(measure_on=str(tmp_path))


def test_a_released_version_is_never_overwritten(
    network: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released = tmp_path / NAME / "1.0.0" / SPEC
    released.parent.mkdir(parents=True)
    released.write_text("as it was released")
    assert main(import_options(network, data, tmp_path)) == 2
    assert "Choose a new version" in capsys.readouterr().err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [released]
    assert released.read_text() == "as it was released"
