"""How far each question is answered without a network that was taught it: numbers to read every AUC against.

A control sees what tells a place, a view or a film from another: the rim of the image, a thumbnail, whether the film
was taken from behind, or whatever a network of random weights lets through. What is learnt from lungs must be above all
of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ml import architectures
from ml.preprocessing import Pixels
from ml.serving.lungs import crop
from ml.spec import Modality
from ml.training.data.datasets import read_pixels, read_prepared
from ml.training.data.manifest import Row
from ml.training.data.questions import Domain, domain_of, domain_of_row, known_domains, split_for_questions
from ml.training.data.split import Part
from ml.training.data.views import ANTERIOR, POSTERIOR, read_views
from ml.training.measure import questions
from ml.training.measure.bootstrap import estimates
from ml.training.measure.controls import THUMBNAIL, border_features, outer_ring
from ml.training.measure.left_out import paired_difference
from ml.training.measure.report import at_domains, plain
from ml.training.metrics import area_under_curve, positive_area
from ml.training.scored_images import ScoredImages

# Those of the networks: a control that sees more than they do, such as the frame around the lungs, is nothing to read
# them against. Only `border_pixels` sees the rim of the whole image as it was published.
RECIPES = {Modality.CXR: crop.RECIPE, Modality.CT: "ct-1"}
# How much a regression is held back; the validation part chooses.
PENALTIES = (0.001, 0.01, 0.1, 1.0)
# The network of random weights, as wide as those that ship, at an input between theirs.
UNTRAINED, UNTRAINED_WIDTH, UNTRAINED_SIDE, SEED = "resnet50", 4, 128, 1
BATCH = 64
Features = NDArray[np.float64]


@dataclass(frozen=True)
class Control:
    """`describe` gives the features float64 (n, k) of rows, NaN where they are not known of a row."""

    name: str
    describe: Callable[[Path, Sequence[Row]], Features]


def measure_controls(
    data: Path, modality: Modality = Modality.CXR, answers: Mapping[str, ScoredImages] | None = None
) -> dict[str, Any]:
    """For each control and domain the AUC on the test part, as plain values for JSON.

    `within` is fitted in the training part of the domain itself, `elsewhere` in that of all other domains of the same
    question; absent where there is nothing to fit or to measure. `answers` are what networks said of the test part, by
    their names: under `above` stand the AUC of each on the same images of each domain, and how much higher it is than
    that of each control fitted `within`, paired.
    """
    parts = split_for_questions(data, modality)
    rows = {part: [row for row in members if domain_of(row.source)] for part, members in parts.items()}
    said = {control.name: _answer(control, data, rows) for control in controls_of(modality)}
    areas = {
        name: {
            domain: {how: plain(estimates(scored, positive_area))["auc"] for how, scored in found.items()}
            for domain, found in domains.items()
        }
        for name, domains in said.items()
    }
    within = {name: {domain: found.get("within") for domain, found in each.items()} for name, each in said.items()}
    return areas | {"above": {name: measure_above(each, within) for name, each in (answers or {}).items()}}


def measure_above(
    answered: ScoredImages, controls: Mapping[str, Mapping[str, ScoredImages | None]]
) -> dict[str, dict[str, Any]]:
    """By domain: `auc` of the answer to its question, and `differences` from the AUC of each control, paired.

    `controls` are what they said, by their names and by domain. An image counts where both said something of it.
    """
    found: dict[str, dict[str, Any]] = {}
    for domain in known_domains():
        if not set(domain.question.among) <= set(answered.names):
            continue
        asked = at_domains(questions.ask(answered, domain.question), [domain.name])
        for name, scored in ((name, each.get(domain.name)) for name, each in controls.items()):
            both = _side_by_side(asked, scored) if scored is not None else None
            if both is not None:
                here = found.setdefault(domain.name, {**plain(estimates(asked, positive_area)), "differences": {}})
                here["differences"][name] = plain({"difference": paired_difference(both)})["difference"]
    return found


def _side_by_side(ours: ScoredImages, control: ScoredImages) -> ScoredImages | None:
    """Both scores of the images that both are about, as its probabilities; None where these are all on one side."""
    where = {path: index for index, path in enumerate(control.paths.tolist())}
    shared = ours.take(np.array([path in where for path in ours.paths.tolist()], dtype=np.bool_))
    if len(set(shared.labels.tolist())) < 2:
        return None
    theirs = control.score[[where[path] for path in shared.paths.tolist()]]
    return shared.saying(np.stack([shared.score, theirs], axis=1))


def _answer(control: Control, data: Path, rows: dict[Part, list[Row]]) -> dict[str, dict[str, ScoredImages]]:
    """What a control says of the test part of each domain, by how it was fitted."""
    sets = {part: Described(control.describe(data, members), members).known for part, members in rows.items()}
    found: dict[str, dict[str, ScoredImages]] = {}
    for domain in known_domains():
        others = [other for other in known_domains() if other.question is domain.question and other is not domain]
        for how, taught in (("within", [domain]), ("elsewhere", others)):
            if (scored := _fitted(sets, taught, domain)) is not None:
                found.setdefault(domain.name, {})[how] = scored
    return found


@dataclass(frozen=True)
class Described:
    """Rows with their features float64 (n, k)."""

    features: Features
    rows: Sequence[Row]

    def of(self, domains: Sequence[Domain]) -> "Described":
        """Those of some domains."""
        return self._where(np.array([domain_of(row.source) in domains for row in self.rows], dtype=np.bool_))

    @property
    def known(self) -> "Described":
        """Those with all their features."""
        return self._where(np.asarray(np.isfinite(self.features).all(axis=1)))

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Which are on the positive side of their domain's question."""
        return np.array([row.label in domain_of_row(row).question.positive for row in self.rows], dtype=np.bool_)

    @property
    def is_mixed(self) -> bool:
        """Whether both sides are there."""
        return len(set(self.positive.tolist())) == 2

    def _where(self, kept: NDArray[np.bool_]) -> "Described":
        return Described(self.features[kept], [row for row, is_kept in zip(self.rows, kept, strict=True) if is_kept])


def _fitted(sets: dict[Part, Described], taught: Sequence[Domain], domain: Domain) -> ScoredImages | None:
    """What a regression that was taught in the training part of some domains says of the test part of one."""
    train, chosen_by, test = sets[Part.TRAIN].of(taught), sets[Part.VALIDATION].of(taught), sets[Part.TEST].of([domain])
    if not (train.is_mixed and chosen_by.is_mixed and test.is_mixed):
        return None
    fitted = [_fit(train, penalty) for penalty in PENALTIES]
    best = max(fitted, key=lambda model: area_under_curve(chosen_by.positive, _scores(model, chosen_by)))
    return _scored(test, _scores(best, test))


def _fit(train: Described, penalty: float) -> Pipeline:
    regression = LogisticRegression(C=penalty, max_iter=2000, class_weight="balanced")
    return make_pipeline(StandardScaler(), regression).fit(train.features, train.positive)


def _scores(model: Pipeline, described: Described) -> NDArray[np.float64]:
    return np.asarray(model.predict_proba(described.features)[:, 1])


def _scored(test: Described, scores: NDArray[np.float64]) -> ScoredImages:
    return ScoredImages(
        ("positive", "negative"),
        np.stack([scores, 1.0 - scores], axis=1),
        (~test.positive).astype(np.int64),
        np.array([row.source for row in test.rows]),
        np.array([row.group for row in test.rows]),
        np.array([row.path for row in test.rows]),
    )


def _of_each(describe: Callable[[Path], Pixels]) -> Callable[[Path, Sequence[Row]], Features]:
    """Features of one image, for all of them."""
    return lambda data, rows: np.stack([describe(data / row.path) for row in rows]).astype(np.float64)


def _border(path: Path) -> Pixels:
    """The rim of the whole image in its own greys, float32 (124,)."""
    return border_features(read_pixels(path))


def _thumbnail(path: Path, modality: Modality) -> Pixels:
    """A thumbnail of the crop in the greys of the recipe, float32 (1024,)."""
    return read_prepared(path, (THUMBNAIL, THUMBNAIL), RECIPES[modality]).values.ravel()


def _rim(path: Path, modality: Modality) -> Pixels:
    """The outermost pixels of that thumbnail, float32 (124,)."""
    return outer_ring(_thumbnail(path, modality).reshape(THUMBNAIL, THUMBNAIL))


def _view(data: Path, rows: Sequence[Row]) -> Features:
    """1 where the film was taken from behind (PA), 0 from the front (AP), NaN where nobody says."""
    views = read_views(data)
    values = {POSTERIOR: 1.0, ANTERIOR: 0.0}
    return np.array([[values.get(views.get(row.path, ""), np.nan)] for row in rows])


def _untrained(data: Path, rows: Sequence[Row], modality: Modality) -> Features:
    """What a network of random weights hands to its last layer, (n, channels)."""
    keras.utils.set_random_seed(SEED)
    model = architectures.build(UNTRAINED, 1, size=(UNTRAINED_SIDE, UNTRAINED_SIDE), width=UNTRAINED_WIDTH)
    trunk = keras.Model(model.input, model.get_layer("pool").output)
    size, recipe = (UNTRAINED_SIDE, UNTRAINED_SIDE), RECIPES[modality]
    batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    found = [
        trunk.predict_on_batch(np.stack([read_prepared(data / row.path, size, recipe).values for row in batch]))
        for batch in batches
    ]
    return np.concatenate(found).astype(np.float64)


def controls_of(modality: Modality) -> tuple[Control, ...]:
    """What the networks of a modality are read against; the greys of slices are not equalised, and have no view."""
    border, thumbnail, untrained = (
        Control("border_pixels", _of_each(_border)),
        Control("thumbnail", _of_each(partial(_thumbnail, modality=modality))),
        Control("untrained_network", partial(_untrained, modality=modality)),
    )
    if modality is not Modality.CXR:
        return border, thumbnail, untrained
    rim = Control("border_pixels_equalised", _of_each(partial(_rim, modality=modality)))
    return border, rim, thumbnail, Control("view", _view), untrained
