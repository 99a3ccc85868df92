from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train and to import")
import keras

from ml.importing.refusal import ImportRefused
from ml.keras2.network import Rebuilt, rebuild
from tests.unit.ml.keras2.files import (
    Stored,
    answers,
    backbone_layers,
    colours,
    flat,
    head_layers,
    layer,
    nested,
    read_here,
    stored_flat,
    stored_nested,
    weights,
)

pytestmark = pytest.mark.filterwarnings("ignore")


def rebuilt(stored: Stored, folder: Path, size: tuple[int, int] | None = None) -> Rebuilt:
    return rebuild(read_here(stored.write(folder / "network.h5")), size)


def said(network: Rebuilt, pixels: np.ndarray) -> np.ndarray:
    return np.asarray(network.model(pixels))


@pytest.mark.parametrize(
    ("units", "ending"), [([1], "sigmoid"), ([3], "softmax"), ([5, 4, 2], "softmax")], ids=["one", "three", "deep"]
)
@pytest.mark.parametrize("form", ["nested", "flat"])
def test_it_answers_what_the_stored_network_does(form: str, units: Sequence[int], ending: str, tmp_path: Path) -> None:
    made = weights(units)
    stored = stored_flat(made, flat(units, ending)) if form == "flat" else stored_nested(made, nested(units, ending))
    pixels = colours()
    assert said(rebuilt(stored, tmp_path), pixels) == pytest.approx(answers(made, pixels, ending=ending), abs=1e-5)


def test_the_order_of_weights_in_a_group_does_not_matter(tmp_path: Path) -> None:
    """Trained, Keras 2 stored all that trains first; the four vectors of a normalisation have one shape."""
    made, pixels = weights(), colours()
    trained = stored_nested(made, nested([2], "softmax"), frozen=False)
    assert said(rebuilt(trained, tmp_path), pixels) == pytest.approx(answers(made, pixels), abs=1e-5)


def test_counts_that_tensorflow_1_appended_to_scopes_are_understood(tmp_path: Path) -> None:
    made, pixels = weights(), colours()
    counted = stored_nested(made, nested([2], "softmax"), count="_1")
    assert said(rebuilt(counted, tmp_path), pixels) == pytest.approx(answers(made, pixels), abs=1e-5)


def test_scopes_of_which_some_have_a_count_are_refused(tmp_path: Path) -> None:
    """Which of them lost theirs is a guess, and a guess could swap two layers."""
    stored = stored_nested(weights(), nested([2], "softmax"))
    backbone = [(name.replace("block1/conv", "block1/conv_1"), array) for name, array in stored.groups["backbone"]]
    mixed = Stored(stored.config, {**stored.groups, "backbone": backbone})
    with pytest.raises(ImportRefused, match="do not belong to its layers by name"):
        rebuilt(mixed, tmp_path)


def test_a_sequential_with_a_bare_list_is_read(tmp_path: Path) -> None:
    """Keras before 2.2.3: no names beside the config, the shape on the first layer."""
    made, pixels = weights(), colours()
    layers = [*backbone_layers(), *head_layers([2], "softmax")]
    layers[0]["config"]["batch_input_shape"] = [None, 32, 32, 3]
    stored = stored_flat(made, {"class_name": "Sequential", "config": layers})
    assert said(rebuilt(stored, tmp_path), pixels) == pytest.approx(answers(made, pixels), abs=1e-5)


def test_a_call_for_inference_and_a_policy_change_nothing(tmp_path: Path) -> None:
    made, pixels = weights(), colours()
    config = flat([2], "softmax")
    for each in config["config"]["layers"]:
        each["config"]["dtype"] = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
        for node in each["inbound_nodes"]:
            node[0][3] = {"training": False}
    assert said(rebuilt(stored_flat(made, config), tmp_path), pixels) == pytest.approx(answers(made, pixels), abs=1e-5)


def test_layers_may_stand_in_any_order(tmp_path: Path) -> None:
    made, pixels = weights(), colours()
    config = flat([2], "softmax")
    config["config"]["layers"].reverse()
    assert said(rebuilt(stored_flat(made, config), tmp_path), pixels) == pytest.approx(answers(made, pixels), abs=1e-5)


def test_an_open_size_must_be_said(tmp_path: Path) -> None:
    made = weights()
    config = flat([2], "softmax")
    config["config"]["layers"][0]["config"]["batch_input_shape"] = [None, None, None, 3]
    with pytest.raises(ImportRefused, match="--size"):
        rebuilt(stored_flat(made, config), tmp_path)
    assert rebuilt(stored_flat(made, config), tmp_path, (32, 32)).size == (32, 32)


def test_another_size_than_the_stored_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="32 x 32 pixels, not 64 x 64"):
        rebuilt(stored_flat(weights(), flat([2], "softmax")), tmp_path, (64, 64))


def change(kind: str, **settings: Any) -> Callable[[dict[str, Any]], None]:
    """Change the settings of the first layer of a kind."""

    def apply(config: dict[str, Any]) -> None:
        first = next(each for each in config["config"]["layers"] if each["class_name"] == kind)
        first["config"].update(settings)

    return apply


def replace_relu(kind: str, **settings: Any) -> Callable[[dict[str, Any]], None]:
    """Put a layer of another kind in the place of the first ReLU."""

    def apply(config: dict[str, Any]) -> None:
        relu = next(each for each in config["config"]["layers"] if each["class_name"] == "Activation")
        relu.update(layer(kind, relu["config"]["name"], **settings))

    return apply


def use_twice(config: dict[str, Any]) -> None:
    config["config"]["layers"][3]["inbound_nodes"] *= 2


def train_while_called(config: dict[str, Any]) -> None:
    config["config"]["layers"][2]["inbound_nodes"][0][0][3] = {"training": True}


def end_twice(config: dict[str, Any]) -> None:
    config["config"]["output_layers"] *= 2


def lose_a_layer(config: dict[str, Any]) -> None:
    del config["config"]["layers"][3]


def forget_its_layers(config: dict[str, Any]) -> None:
    del config["config"]["layers"]


LAMBDA = {"function": ["4wEAAAAAAAAA", None, None], "function_type": "lambda", "module": "__main__"}
REFUSED = [
    (replace_relu("Lambda", **LAMBDA), "code from a file is never run"),
    (replace_relu("TFOpLambda", function="math.truediv"), "code from a file is never run"),
    (replace_relu("MyAttention", units=3), "is a MyAttention, which an import does not know"),
    (change("Activation", activation="swish_of_mine"), "activation 'swish_of_mine'"),
    (change("Activation", activation={"class_name": "os.system", "config": "true"}), "no plain value"),
    (change("Conv2D", data_format="channels_first"), "data_format='channels_first'"),
    (change("Conv2D", padding="sideways"), "cannot be made from its settings"),
    (change("Conv2D", kernel_size=[40, 40]), "does not fit the layers before it"),
    (change("Conv2D", filters=7), "do not fit"),
    (change("BatchNormalization", renorm=True), "renorm=True"),
    (change("BatchNormalization", surprise=1), "the setting surprise"),
    (change("InputLayer", batch_input_shape=[None, 32, 32, 4]), "images of 4 channels"),
    (change("InputLayer", batch_input_shape=[None, 100]), "not one image in"),
    (use_twice, "used 2 times"),
    (train_while_called, "called in a way"),
    (end_twice, "more than one input or output"),
    (lose_a_layer, "do not hang together"),
    (forget_its_layers, "not one image in"),
    (lambda config: config.update(class_name="Estimator"), "is a Estimator"),
]


@pytest.mark.parametrize(("spoil", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_is_not_known_is_refused_with_a_sentence(
    spoil: Callable[[dict[str, Any]], None], sentence: str, tmp_path: Path
) -> None:
    config = flat([2], "softmax")
    spoil(config)
    with pytest.raises(ImportRefused, match=sentence):
        rebuilt(stored_flat(weights(), config), tmp_path)


def test_weights_of_unknown_layers_are_refused(tmp_path: Path) -> None:
    stored = stored_flat(weights([3, 2]), flat([2], "softmax"))
    with pytest.raises(ImportRefused, match="layers that its architecture lacks: dense_2"):
        rebuilt(stored, tmp_path)


def test_a_real_architecture_answers_as_before(tmp_path: Path) -> None:
    """ResNet50 with random weights as Keras 2 nested it: 53 convolutions, additions, normalisations."""
    original = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 64, 3))
    random = np.random.default_rng(0)
    for variable in original.weights:
        if variable.name in ("beta", "moving_mean", "bias"):
            variable.assign(random.normal(0, 0.1, variable.shape))
    groups = [
        (f"{each.name}/{variable.name}:0", np.asarray(variable))
        for each in original.layers
        for variable in each.weights
    ]
    kernel = random.normal(0, 0.02, (2 * 2 * 2048, 2)).astype(np.float32)
    head = [("dense_1/kernel:0", kernel), ("dense_1/bias:0", np.zeros(2, np.float32))]
    layers = [as_keras_2(original), *head_layers([2], "softmax")]
    stored = Stored(
        {"class_name": "Sequential", "config": {"name": "all", "layers": layers}}, {"resnet50": groups, "dense_1": head}
    )
    pixels = random.random((2, 64, 64, 3), dtype=np.float32)
    logits = np.asarray(original(pixels)).reshape(2, -1) @ kernel
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    network = rebuilt(stored, tmp_path)
    assert said(network, pixels) == pytest.approx(expected, abs=1e-4)
    assert network.size == (64, 64)


KERAS_3_ONLY = ("batch_shape", "renorm_clipping", "renorm_momentum")


def as_keras_2(model: keras.Model) -> dict[str, Any]:
    """A functional network of Keras 3 in the words of Keras 2."""
    layers = []
    for each in model.get_config()["layers"]:
        settings = {key: value for key, value in each["config"].items() if key not in KERAS_3_ONLY}
        settings["dtype"] = "float32"
        if each["class_name"] == "InputLayer":
            settings["batch_input_shape"] = list(each["config"]["batch_shape"])
        nodes = [[[name, 0, 0, {}] for name in sources(node)] for node in each["inbound_nodes"]]
        layers.append(
            {"class_name": each["class_name"], "config": settings, "name": each["name"], "inbound_nodes": nodes}
        )
    name, first, last = model.name, layers[0]["name"], layers[-1]["name"]
    ends = {"input_layers": [[first, 0, 0]], "output_layers": [[last, 0, 0]]}
    return {"class_name": "Functional", "config": {"name": name, "layers": layers, **ends}}


def sources(node: Any) -> list[str]:
    """The layers whose outputs a call of Keras 3 takes."""
    if isinstance(node, dict):
        history = node.get("keras_history")
        return [history[0]] if history else [name for value in node.values() for name in sources(value)]
    return [name for value in node for name in sources(value)] if isinstance(node, list | tuple) else []
