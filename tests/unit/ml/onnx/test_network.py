"""What an ONNX file says is what is served, place by place; what is no plain classifier is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train and to import")
pytest.importorskip("openvino", reason="OpenVINO reads the files")

from ml.importing.refusal import ImportRefused
from ml.importing.statements import SCALINGS, Labels, stored_probabilities
from ml.onnx import file, network
from ml.onnx.head import take_apart
from ml.onnx.network import Layout, open_network
from ml.onnx.served import served_model
from ml.probability import softmax
from ml.serving.engine import import_openvino
from tests.unit.ml.keras2.files import Weights, answers, colours, weights
from tests.unit.ml.onnx import files
from tests.unit.ml.onnx.files import Network, backbone, message, node, pooled

LABELS = ("covid", "pneumonia", "normal")
IN_ORDER = Labels(LABELS, "covid")


def served(one: Network, *, labels: Labels = IN_ORDER, are_logits: bool = False, scaling: str = "unit") -> Any:
    """The model that serves, compiled."""
    opened = open_network(one.data(), None, None)
    head = take_apart(opened.model, are_logits=are_logits)
    model = served_model(opened, head.as_served(labels), SCALINGS[scaling])
    return import_openvino().Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def say(compiled: Any, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits and maps of each image."""
    said = [compiled([one[np.newaxis, ..., :1]]) for one in pixels]
    return tuple(np.concatenate([np.array(each[name]) for each in said]) for name in ("logits", "maps"))  # type: ignore[return-value]


FORMS: dict[str, tuple[Callable[[Weights], Network], Weights, Callable[[Weights], Weights]]] = {
    "pooled": (pooled, weights([3], places=1), files.flat_weights),
    "flattened": (files.flattened, weights([6, 3]), lambda made: made),
    "channels last": (files.channels_last, weights([3]), lambda made: made),
    "blocks": (files.mean_by_blocks, weights([3], places=4), files.block_weights),
    "scaled mean": (files.mean_by_axes, weights([3], places=1), files.scaled_weights),
}


@pytest.mark.parametrize("form", FORMS)
def test_answers_and_maps_are_those_worked_out_by_hand(form: str) -> None:
    build, made, flat = FORMS[form]
    logits, maps = say(served(build(made)), colours())
    assert softmax(logits) == pytest.approx(answers(flat(made), colours()), abs=1e-5)
    assert maps == pytest.approx(files.maps(flat(made), colours()), abs=1e-3)
    assert np.ptp(maps[..., 0]) > 0.01


def test_the_untouched_network_answers_the_same() -> None:
    for build, made, flat in FORMS.values():
        said = open_network(build(made).data(), None, None).answers(colours())
        assert said == pytest.approx(answers(flat(made), colours()), abs=1e-5)


def test_logits_are_taken_as_such() -> None:
    made = weights([3], places=1)
    logits, _ = say(served(pooled(made, ending=None), are_logits=True), colours())
    assert softmax(logits) == pytest.approx(answers(files.flat_weights(made), colours()), abs=1e-5)


@pytest.mark.parametrize("ending", ["Sigmoid", None])
def test_a_sigmoid_becomes_two_labels(ending: str | None) -> None:
    made = weights([1], places=1)
    one = served(pooled(made, ending), labels=Labels(("normal", "covid"), "covid"), are_logits=ending is None)
    logits, maps = say(one, colours())
    expected = answers(files.flat_weights(made), colours(), ending="sigmoid")[:, 0]
    assert softmax(logits)[:, 0] == pytest.approx(expected, abs=1e-5)
    assert not maps[..., 1].any()


def test_the_positive_label_comes_first() -> None:
    made = weights([3], places=1)
    logits, _ = say(served(pooled(made), labels=Labels(LABELS, "normal")), colours())
    assert softmax(logits) == pytest.approx(answers(files.flat_weights(made), colours())[:, [2, 0, 1]], abs=1e-5)


@pytest.mark.parametrize("form", ["pooled", "channels last"])
def test_each_channel_is_scaled_in_its_place(form: str) -> None:
    build, made, flat = FORMS[form]
    logits, _ = say(served(build(made), scaling="torch"), colours())
    scaled = SCALINGS["torch"].apply(colours()[..., :1], 3)
    assert softmax(logits) == pytest.approx(answers(flat(made), scaled), abs=1e-5)


def test_a_bundle_has_no_word_of_the_file() -> None:
    opened = open_network(pooled(weights([3], places=1)).data(), None, None)
    names = {step.get_friendly_name() for step in opened.model.get_ordered_ops()}
    assert all(name.isdecimal() for name in names)
    assert not any(value.get_names() for step in opened.model.get_ordered_ops() for value in step.outputs())


def test_size_and_layout_are_asked_for_where_the_file_leaves_them_open() -> None:
    one = pooled(weights([3], places=1))
    one.shape = ("n", 3, "h", "w")
    assert open_network(one.data(), (32, 40), None).model.input().get_shape() == [1, 3, 32, 40]
    one.shape = ("n", "c", "h", "w")
    assert open_network(one.data(), (32, 40), Layout.NCHW).model.input().get_shape() == [1, 3, 32, 40]


def shaped(*shape: int | str, **said: Any) -> tuple[Network, dict[str, Any]]:
    """A network with that input, which does nothing where no other could read it."""
    plain = pooled(weights([3], places=1))
    one = plain if shape[1:2] == (3,) and "h" in shape else Network([node("Identity", ["x"], "y")], {})
    one.shape = shape
    return one, said


REFUSED_INPUTS = {
    "Say with --size": shaped("n", 3, "h", "w"),
    "Leave --size out": shaped("n", 3, 32, 32, size=(64, 64)),
    "Say with --layout": shaped("n", 3, 32, 3),
    "Leave --layout out": shaped("n", 3, 32, 32, layout=Layout.NHWC),
    "takes 8 images at once": shaped(8, 3, 32, 32),
    "four axes": shaped("n", 3, 32),
    "of 4 channels": shaped("n", 4, 32, 32, layout=Layout.NCHW),
    "Check --size and --layout": shaped("n", 3, "h", "w", size=(4, 4)),
}


@pytest.mark.parametrize("sentence", REFUSED_INPUTS)
def test_an_input_that_is_not_one_image_is_refused(sentence: str) -> None:
    one, said = REFUSED_INPUTS[sentence]
    with pytest.raises(ImportRefused, match=sentence):
        open_network(one.data(), said.get("size"), said.get("layout"))


def test_values_that_do_not_fit_in_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LARGEST_VALUE", 6 * 15 * 15 - 1)
    with pytest.raises(ImportRefused, match="more than 1349 numbers"):
        open_network(pooled(weights([3], places=1)).data(), None, None)


def test_a_second_output_and_half_precision_are_refused() -> None:
    one = pooled(weights([3], places=1))
    one.outputs = ("y", "z")
    with pytest.raises(ImportRefused, match="one image, one answer"):
        open_network(one.data(), None, None)
    nodes, given = backbone(weights([3]))
    with pytest.raises(ImportRefused, match="not one row of numbers"):
        open_network(Network([*nodes, node("Identity", ["features"], "y")], given).data(), None, None)
    half = Network([node("Identity", ["x"], "y")], {}, kind=10)
    with pytest.raises(ImportRefused, match="float32"):
        open_network(half.data(), None, None)


def after(*steps: bytes, places: int = 1, **given: np.ndarray) -> Network:
    """A network with these steps between its feature map and its answer."""
    nodes, parts = backbone(weights([3], places=places))
    return Network([*nodes, *steps], parts | given)


KERNEL = np.ones((8, 3), np.float32)
MEAN = node("GlobalAveragePool", ["features"], "mean")
FLAT = node("Flatten", ["mean"], "flat")
PRODUCT = node("MatMul", ["flat", "kernel"], "z")
REFUSED_HEADS = {
    "has a Tanh": after(
        MEAN, FLAT, PRODUCT, node("Tanh", ["z"], "t"), node("MatMul", ["t", "k"], "u"), node("Softmax", ["u"], "y"),
        kernel=KERNEL, k=np.eye(3, dtype=np.float32),
    ),
    "comes after the softmax": after(
        MEAN, FLAT, PRODUCT, node("Softmax", ["z"], "p"), node("Mul", ["p", "two"], "y"),
        kernel=KERNEL, two=np.array([2.0], np.float32),
    ),
    "does not end with a dense layer": after(MEAN, FLAT, node("Softmax", ["flat"], "y")),
    "branches": after(MEAN, FLAT, PRODUCT, node("Add", ["z", "z"], "u"), node("Softmax", ["u"], "y"), kernel=KERNEL),
    "as one place": after(
        node("Conv", ["features", "whole"], "mean", kernel_shape=[7, 7]), FLAT, PRODUCT, node("Softmax", ["z"], "y"),
        kernel=KERNEL, whole=np.ones((8, 8, 7, 7), np.float32),
    ),
    "mean over something else": after(
        node("ReduceMean", ["features"], "mean", axes=[1, 2]), FLAT, PRODUCT, node("Softmax", ["z"], "y"),
        kernel=np.ones((7, 3), np.float32),
    ),
    "begins with no feature map": after(
        node("Transpose", ["features"], "turned", perm=[0, 1, 3, 2]), node("Flatten", ["turned"], "flat"), PRODUCT,
        node("Softmax", ["z"], "y"), kernel=np.ones((392, 3), np.float32),
    ),
    "no feature map. An": after(
        node("Transpose", ["features"], "turned", perm=[0, 2, 3, 1]), node("Relu", ["turned"], "on"),
        node("Flatten", ["on"], "flat"), PRODUCT, node("Softmax", ["z"], "y"), kernel=np.ones((392, 3), np.float32),
    ),
    "ends without softmax or sigmoid": pooled(weights([3], places=1), ending=None),
}  # fmt: skip


@pytest.mark.parametrize("sentence", REFUSED_HEADS)
def test_a_head_without_an_exact_map_is_refused(sentence: str) -> None:
    opened = open_network(REFUSED_HEADS[sentence].data(), None, None)
    with pytest.raises(ImportRefused, match=sentence):
        take_apart(opened.model, are_logits=False)


def test_probabilities_are_not_taken_for_logits() -> None:
    opened = open_network(pooled(weights([3], places=1)).data(), None, None)
    with pytest.raises(ImportRefused, match="are no logits"):
        take_apart(opened.model, are_logits=True)


def test_answers_that_are_no_probabilities_are_refused() -> None:
    """A softmax over the wrong axis gives each label 1."""
    made = weights([3], places=1)
    one = pooled(made, ending=None)
    one.nodes = [*one.nodes[:-1], files.dense(made, "dense_1", "flat", "z")[0], node("Softmax", ["z"], "y", axis=0)]
    opened = open_network(one.data(), None, None)
    ending = take_apart(opened.model, are_logits=False).ending
    with pytest.raises(ImportRefused, match="no probabilities of a softmax"):
        stored_probabilities(ending, opened.answers(colours()))


def test_answers_that_are_no_numbers_are_refused() -> None:
    made = weights([3], places=1)
    made["dense_1"]["bias"][1] = np.nan
    opened = open_network(pooled(made, ending=None).data(), None, None)
    head = take_apart(opened.model, are_logits=True)
    with pytest.raises(ImportRefused, match="no finite number"):
        stored_probabilities(head.ending, opened.answers(colours()), are_logits=True)


SMALL = pooled(weights([3], places=1))
ONE = np.ones(1, np.float32)
ELSEWHERE = files.tensor("w", ONE[:0], (13, message((1, "location"), (2, "../../etc/passwd"))), (14, 1))


def with_tensor(data: bytes) -> Network:
    return Network(SMALL.nodes, SMALL.initializers, extra=[(5, data)])


def with_node(data: bytes) -> Network:
    return Network([*SMALL.nodes, data], SMALL.initializers)


REFUSED_FILES = {
    "keeps weights in other files": with_tensor(ELSEWHERE),
    "keeps weights in other files. ": with_tensor(files.tensor("w", ONE, (14, 1))),
    "operators of 'com.evil'": with_node(node("Relu", ["x"], "more", (7, "com.evil"))),
    "the operator 'If'": with_node(node("If", ["x"], "more")),
    "the operator 'Expand'": with_node(node("Expand", ["x"], "more")),
    "the operator 'Loop'": with_node(node("Relu", ["x"], "more", (4, "Loop"))),
    "a graph inside a step": with_node(node("Relu", ["x"], "more", (5, message((1, "then_branch"), (6, b""))))),
    "functions of its own": Network(SMALL.nodes, SMALL.initializers, around=[(25, b"")]),
    "steps of a training": Network(SMALL.nodes, SMALL.initializers, around=[(20, b"")]),
    "does not know": Network(SMALL.nodes, SMALL.initializers, around=[(99, b"")]),
    "sparse weights": Network(SMALL.nodes, SMALL.initializers, extra=[(15, b"")]),
    "quantised": Network(SMALL.nodes, SMALL.initializers, extra=[(14, b"")]),
    "no plain numbers": with_tensor(message((1, 1), (2, 8), (8, "w"), (6, "text"))),
    "the size that the file declares": with_tensor(message((1, 2**40), (2, 1), (8, "w"), (9, b"1234"))),
    "the size that the file declares. ": with_tensor(message((1, 2**40), (2, 1), (8, "w"), (4, b"1234"))),
    # In a second graph, which readers merge with the first
    "the operator 'Scan'": Network(SMALL.nodes, SMALL.initializers, around=[(7, message((1, node("Scan", [], "m"))))]),
}


@pytest.mark.parametrize("sentence", REFUSED_FILES)
def test_a_file_with_more_than_a_plain_network_is_refused(sentence: str) -> None:
    with pytest.raises(ImportRefused, match=sentence.strip()):
        file.check(REFUSED_FILES[sentence].data())


def test_a_plain_file_is_checked_and_counted() -> None:
    checked = file.check(SMALL.data())
    assert checked.parameters == sum(values.size for values in SMALL.initializers.values())


def test_what_is_no_onnx_file_is_refused() -> None:
    whole = SMALL.data()
    spoilt = (whole[:-1], whole[: len(whole) // 2], whole + bytes(2), bytes(40))
    for data in (b"", b"\x89HDF\r\n\x1a\n", b"<net/>", b"\xff" * 20, b"\x38\x01", *spoilt):
        with pytest.raises(ImportRefused, match="no ONNX file"):
            file.check(data)
