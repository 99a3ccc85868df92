from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="TensorFlow gives the gradients to compare with")
import keras
import tensorflow as tf

from ml.importing.head import Head
from ml.importing.refusal import ImportRefused
from ml.importing.statements import SCALINGS, Labels, read_labels
from ml.keras2.head import take_apart
from ml.keras2.importer import serving_model
from ml.keras2.network import Rebuilt, rebuild
from ml.probability import softmax
from tests.unit.ml.keras2.files import (
    answers,
    backbone_layers,
    chain,
    colours,
    dense,
    entrance,
    flat,
    head_layers,
    layer,
    read_here,
    stored_flat,
    weights,
)

pytestmark = pytest.mark.filterwarnings("ignore")
LABELS = ("covid", "pneumonia", "normal")


@dataclass
class Served:
    """A network, its head and the model made to serve."""

    network: Rebuilt
    head: Head
    model: keras.Model

    def outputs(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        said = self.model(pixels[..., :1])
        return np.asarray(said["logits"]), np.asarray(said["maps"])


def network_of(head: Sequence[dict[str, Any]], made: dict[str, Any], folder: Path) -> Rebuilt:
    config = chain([entrance(), *backbone_layers(), *head])
    return rebuild(read_here(stored_flat(made, config).write(folder / "network.h5")))


def served(network: Rebuilt, labels: Labels) -> Served:
    head = take_apart(network)
    return Served(network, head, serving_model(network, head, labels, SCALINGS["unit"]))


def labelled(network: Rebuilt, labels: Sequence[str], positive: str, one_means: str | None) -> Labels:
    head = take_apart(network)
    return read_labels(head.ending, head.outputs, labels, positive, one_means)


def batch_norm(name: str, width: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    random = np.random.default_rng(5)
    keys = {"gamma": (0.5, 1.5), "beta": (-0.3, 0.3), "moving_mean": (-0.3, 0.3), "moving_variance": (0.5, 2.0)}
    values = {key: random.uniform(*bounds, width).astype(np.float32) for key, bounds in keys.items()}
    return layer("BatchNormalization", name, axis=[1], epsilon=0.001, momentum=0.9, center=True, scale=True), values


def heads() -> dict[str, tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Heads of three classes, each with the weights of its network."""
    pool = layer("GlobalAveragePooling2D", "pool", data_format="channels_last")
    blocks = layer("AveragePooling2D", "blocks", pool_size=[3, 3], strides=[3, 3], padding="valid")
    flatten = layer("Flatten", "flatten")
    before, before_values = batch_norm("before", 8)
    after, after_values = batch_norm("after", 5)
    normalised = weights([5, 3], places=1) | {"before": before_values, "after": after_values}
    return {
        "flatten": (head_layers([3], "softmax"), weights([3])),
        "hidden": (head_layers([6, 3], "softmax"), weights([6, 3])),
        "deep": (head_layers([6, 5, 3], "softmax"), weights([6, 5, 3])),
        "pool": ([pool, dense("dense_1", 3, "softmax")], weights([3], places=1)),
        "blocks": ([blocks, *head_layers([4, 3], "softmax")], weights([4, 3], places=4)),
        "normalised": (
            [
                pool,
                before,
                dense("dense_1", 5, "linear"),
                after,
                layer("ReLU", "on", max_value=None, negative_slope=0.0, threshold=0.0),
                dense("dense_2", 3, "linear"),
                layer("Activation", "ending", activation="softmax"),
            ],
            normalised,
        ),
        "two dense without a ReLU": (
            [flatten, dense("dense_1", 4, "linear"), dense("dense_2", 3, "softmax")],
            weights([4, 3]),
        ),
    }


@pytest.mark.parametrize("name", heads())
def test_logits_are_those_of_the_file(name: str, tmp_path: Path) -> None:
    network = network_of(*heads()[name], tmp_path)
    logits, _ = served(network, Labels(LABELS, "covid")).outputs(colours())
    assert softmax(logits) == pytest.approx(np.asarray(network.model(colours())), abs=1e-5)


@pytest.mark.parametrize("name", heads())
def test_maps_are_what_each_place_adds_by_the_gradient_of_the_file_network(name: str, tmp_path: Path) -> None:
    """For a head that is linear in pieces, features times gradient is the share of each place, and nothing is left out.

    The differences of logits are those of the logarithms of what the untouched network says.
    """
    network = network_of(*heads()[name], tmp_path)
    one = served(network, Labels(LABELS, "covid"))
    _, maps = one.outputs(colours())
    features = keras.Model(network.model.input, one.head.features)(colours())
    rest = keras.Model(one.head.features, network.model.output)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        said = tf.math.log(rest(features))
        difference = said[:, 0] - said[:, 2]
    shares = tf.reduce_sum(features * tape.gradient(difference, features), axis=-1).numpy()
    places = shares.shape[1] * shares.shape[2]
    assert maps.shape[1:3] == shares.shape[1:3] == (7, 7)
    assert maps[..., 0] - maps[..., 2] == pytest.approx(shares * places, abs=1e-3)
    assert np.ptp(maps[..., 0] - maps[..., 2]) > 0.01


def test_without_hidden_layers_the_shares_and_the_bias_are_the_logit(tmp_path: Path) -> None:
    head, made = heads()["flatten"]
    logits, maps = served(network_of(head, made, tmp_path), Labels(LABELS, "covid")).outputs(colours())
    assert maps.mean(axis=(1, 2)) + made["dense_1"]["bias"] == pytest.approx(logits, abs=1e-4)


def test_a_sigmoid_becomes_two_labels_without_loss(tmp_path: Path) -> None:
    made = weights([1])
    network = network_of(head_layers([1], "sigmoid"), made, tmp_path)
    labels = labelled(network, ("covid", "normal"), "covid", "normal")
    assert labels.served == ("covid", "normal")
    logits, maps = served(network, labels).outputs(colours())
    one = answers(made, colours(), ending="sigmoid")[:, 0]
    assert softmax(logits) == pytest.approx(np.stack([1 - one, one], axis=1), abs=1e-6)
    assert not logits[:, 0].any()
    assert not maps[..., 0].any()


def test_the_positive_label_is_served_first(tmp_path: Path) -> None:
    made = weights([3])
    network = network_of(head_layers([3], "softmax"), made, tmp_path)
    labels = labelled(network, LABELS, "pneumonia", None)
    assert labels.served == ("pneumonia", *(label for label in LABELS if label != "pneumonia"))
    logits, _ = served(network, labels).outputs(colours())
    assert softmax(logits) == pytest.approx(answers(made, colours())[:, [1, 0, 2]], abs=1e-6)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_each_scaling_reaches_the_network(scaling: str, tmp_path: Path) -> None:
    """`unit` and the others as keras.applications prepares pixels of 0 to 255."""
    network = network_of(*heads()["flatten"], tmp_path)
    model = serving_model(network, take_apart(network), Labels(LABELS, "covid"), SCALINGS[scaling])
    byte = colours() * 255.0
    known = {"unit": byte / 255.0, "byte": byte}
    scaled = known.get(scaling)
    if scaled is None:
        scaled = keras.applications.imagenet_utils.preprocess_input(byte.copy(), mode=scaling)
    logits = np.asarray(model(colours()[..., :1])["logits"])
    assert softmax(logits) == pytest.approx(np.asarray(network.model(scaled)), abs=1e-4)


REFUSED_HEADS = {
    "tanh": (
        [layer("Flatten", "flatten"), dense("dense_1", 4, "tanh"), dense("dense_2", 3, "softmax")],
        "has a tanh",
    ),
    "no ending": (head_layers([3], "linear"), "does not end with a dense layer and a sigmoid or softmax"),
    "after the ending": ([*head_layers([3], "softmax"), layer("Dropout", "late", rate=0.1)], "comes after the softmax"),
    "no head": ([], "answers with a feature map"),
    "one place": (
        [
            layer("AveragePooling2D", "a", pool_size=[7, 7], strides=[1, 1], padding="valid"),
            *head_layers([3], "softmax"),
        ],
        "whole image as one place",
    ),
}


@pytest.mark.parametrize("name", REFUSED_HEADS)
def test_a_head_without_an_exact_map_is_refused(name: str, tmp_path: Path) -> None:
    head, sentence = REFUSED_HEADS[name]
    sizes = [each["config"]["units"] for each in head if each["class_name"] == "Dense"]
    made = weights(sizes, places=1 if name == "one place" else 49)
    with pytest.raises(ImportRefused, match=sentence):
        take_apart(network_of(head, made, tmp_path))


REFUSED_LABELS = [
    ([3], "softmax", ("covid", "normal"), "covid", None, "3 outputs, but there are 2 labels"),
    ([2], "softmax", ("covid", "normal"), "covid", "covid", "is for a sigmoid"),
    ([2], "softmax", ("covid", "normal"), "flu", None, "is none of the labels"),
    ([3], "softmax", LABELS, "normal", None, "the class that is looked for: covid or pneumonia"),
    ([2], "softmax", ("covid", "non-covid"), "non-covid", None, "--positive non-covid is the class of images without"),
    ([2], "softmax", ("covid", "covid"), "covid", None, "stands twice"),
    ([2], "softmax", ("COVID 19", "normal"), "normal", None, "is no label"),
    ([1], "sigmoid", ("covid", "normal"), "covid", None, "Say with --one-means"),
    ([1], "sigmoid", LABELS, "covid", "covid", "tells two labels apart"),
    ([3], "sigmoid", LABELS, "covid", None, "3 independent sigmoids"),
]


@pytest.mark.parametrize("case", REFUSED_LABELS, ids=[case[-1] for case in REFUSED_LABELS])
def test_labels_that_do_not_fit_the_network_are_refused(case: tuple[Any, ...], tmp_path: Path) -> None:
    units, ending, labels, positive, one_means, sentence = case
    config = flat(units, ending)
    network = rebuild(read_here(stored_flat(weights(units), config).write(tmp_path / "network.h5")))
    with pytest.raises(ImportRefused, match=sentence):
        labelled(network, labels, positive, one_means)
