"""What a process that is shut in reads of an ONNX file is its network; what else it may say is not believed."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO reads the files")

from ml.importing.refusal import ImportRefused
from ml.onnx import file, reading
from ml.onnx.graph import build, describe
from ml.onnx.network import Layout, Opened, forget_names, front_end, open_network
from ml.onnx.reading import LARGEST_FILE, read
from tests.unit.ml.keras2.files import colours, weights
from tests.unit.ml.onnx.files import pooled
from tests.unit.ml.onnx.operators import CRASHES, OPERATORS, graph
from tests.unit.ml.onnx.test_network import FORMS

SMALL = pooled(weights([3], places=1))


@pytest.mark.parametrize("form", FORMS)
def test_it_answers_as_what_this_process_would_read(form: str, tmp_path: Path) -> None:
    make, made, _ = FORMS[form]
    one = make(made)
    here = open_network(one.data(), None, None)
    there, parameters = read(one.write(tmp_path / "network.onnx"), None, None)
    assert (there.size, there.layout, there.channels) == (here.size, here.layout, here.channels)
    assert parameters == file.check(one.data()).parameters
    np.testing.assert_array_equal(there.answers(colours()), here.answers(colours()))
    assert describe(there.model) == describe(here.model)


def test_size_and_layout_are_said_there(tmp_path: Path) -> None:
    one = pooled(weights([3], places=1))
    one.shape = ("n", "c", "h", "w")
    opened, _ = read(one.write(tmp_path / "network.onnx"), (32, 40), Layout.NCHW)
    assert opened.model.input().get_shape() == [1, 3, 32, 40]


@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize("operator", OPERATORS)
def test_each_operator_is_handed_over_as_it_is(operator: str, opset: int) -> None:
    model = front_end().convert(front_end().load(BytesIO(graph(*OPERATORS[operator], opset))))
    model.reshape([1, 4, 8, 8])
    forget_names(model)
    again = build(*describe(model))
    forget_names(again)
    assert describe(again) == describe(model)


def test_there_is_no_other_operator() -> None:
    assert {name.split(",")[0] for name in OPERATORS} == file.OPERATORS


def test_a_network_that_crashes_the_parser_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(CRASHES)
    with pytest.raises(ImportRefused, match=r"broke the process that reads it|OpenVINO cannot read"):
        read(path, None, None)


def test_what_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    with pytest.raises(ImportRefused, match=r"network\.onnx took longer than 0 seconds"):
        read(SMALL.write(tmp_path / "network.onnx"), None, None)


def test_refusals_come_through(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(SMALL.data()[:-1])
    with pytest.raises(ImportRefused, match="no ONNX file"):
        read(path, None, None)
    with pytest.raises(FileNotFoundError, match=r"Give the \.onnx file"):
        read(tmp_path / "nothing.onnx", None, None)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    with path.open("wb") as sparse:
        sparse.truncate(LARGEST_FILE + 1)
    with pytest.raises(ImportRefused, match="larger than 1 GiB"):
        read(path, None, None)


def opened_small() -> Opened:
    return open_network(SMALL.data(), None, None)


def told(**changes: Any) -> dict[str, Any]:
    return {"size": [32, 32], "layout": "nchw", "channels": 3, "parameters": 9} | changes


NOTES = {
    "another size": told(size=[64, 64]),
    "no size": told(size=[32]),
    "another layout": told(layout="nhwc"),
    "no layout": told(layout="sideways"),
    "other channels": told(channels=1),
    "no number": told(parameters="many"),
    "nothing": {},
}


@pytest.mark.parametrize("lie", NOTES)
def test_a_note_that_does_not_fit_its_network_is_refused(
    lie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = describe(opened_small().model)
    path = SMALL.write(tmp_path / "network.onnx")
    monkeypatch.setattr(reading, "ask", lambda *_: (told(), *network))
    assert read(path, None, None)[1] == 9
    monkeypatch.setattr(reading, "ask", lambda *_: (NOTES[lie], *network))
    with pytest.raises(ImportRefused):
        read(path, None, None)


def test_a_network_that_is_too_large_is_refused_here_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = describe(opened_small().model)
    monkeypatch.setattr(reading, "ask", lambda *_: (told(), *network))
    monkeypatch.setattr("ml.onnx.network.LARGEST_VALUE", 100)
    with pytest.raises(ImportRefused, match="more than 100 numbers"):
        read(SMALL.write(tmp_path / "network.onnx"), None, None)


def step(kind: str, inputs: list[list[int]], version: str = "opset1", **attributes: Any) -> dict[str, Any]:
    return {"kind": kind, "version": version, "attributes": attributes, "inputs": inputs}


IMAGE = step("Parameter", [], shape=[1, 3, 8, 8], element_type="f32")
END = step("Result", [[1, 0]])
LISTS: dict[str, tuple[str, list[Any], bytes]] = {
    "no list": ("makes no network", ["x"], b""),
    "a state": ("that an import does not know", [IMAGE, step("ReadValue", [[0, 0]], "opset3"), END], b""),
    "no such kind": ("that an import does not know", [IMAGE, step("Escape", [[0, 0]]), END], b""),
    "a command": (r"step \(\?\[2J\) that", [IMAGE, step("\x1b[2J", [[0, 0]]), END], b""),
    "no such version": ("makes no network", [IMAGE, step("Relu", [[0, 0]], "opset99"), END], b""),
    "no such input": ("makes no network", [IMAGE, step("Relu", [[7, 0]]), END], b""),
    "weights left": ("more weights than its network takes", [IMAGE, step("Relu", [[0, 0]]), END], b"1234"),
    "weights missing": (
        "does not have the size", [step("Constant", [], element_type="f32", shape=[2**40])], b"1234"
    ),
    "no numbers": ("makes no network", [step("Constant", [], element_type="string", shape=[1])], b"1234"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LISTS)
def test_a_list_that_makes_no_network_is_refused(lie: str) -> None:
    sentence, steps, constants = LISTS[lie]
    with pytest.raises(ImportRefused, match=sentence):
        build(json.dumps(steps).encode(), constants)
