"""How every classifier orders the images of a place that its last layer was not taught on."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.ensemble import ENSEMBLE, EnsembleSpec
from ml.pooling import pool_features
from ml.preprocessing import RECIPES
from ml.spec import Modality
from ml.training.publish.asking import newest
from ml.training.publish.combine import WEIGHTS_ROOT
from ml.training.publish.earlier import reads_a_trunk
from ml.training.publish.markdown import interval
from ml.training.publish.protocols import RESULTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml.training.data.manifest import Row
    from ml.training.measure.left_out import Described

# What an ensemble keeps of a place
KEPT = ("sensitivity", "specificity", "positive_zone", "abnormal", "normal")
# The place that shows both kinds of slices of the same people
SAME_PEOPLE = "medseg9"
# Known at one place alone, which asks another question
NOT_ASKED = "view"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml left-out`."""
    parser = commands.add_parser("left-out", help="ask last layers about places that they were not taught on")
    parser.add_argument("--modality", type=Modality, choices=list(Modality), default=Modality.CXR)
    parser.add_argument("--data", type=Path, required=True, help="folder with the manifest and the images")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored answers")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    measured = measure(options.data, options.root, options.modality)
    path = options.results / file_of(options.modality)
    path.write_text(json.dumps(measured, indent=2) + "\n")
    sys.stdout.write(f"{path}\n")
    if measured["as_it_ships"]:
        # The cards say part of what was measured here
        from ml.training.publish.failures import write_failures

        keep_new_places(options.root, measured["ensemble"], measured["as_it_ships"])
        for folder in write_failures(options.root, options.results):
            sys.stdout.write(f"{folder}\n")


def keep_new_places(root: Path, identity: str, found: Mapping[str, Any]) -> None:
    """Write into an ensemble what its bounds are worth at places that had no part in them; no answer changes by it."""
    path = root / identity / ENSEMBLE
    ensemble = EnsembleSpec.from_json(path.read_text(encoding="utf-8"))
    if ensemble.abnormality is None:
        raise ValueError(f"{identity} is not asked whether a lung is abnormal.")
    kept = {place: {name: each[name] for name in KEPT} for place, each in found.items()}
    point = replace(ensemble.abnormality, new_places=kept)
    path.write_text(replace(ensemble, abnormality=point).to_json(), encoding="utf-8")


def file_of(modality: Modality) -> str:
    """The name of the file of stored numbers."""
    return f"left-out-{modality.value}.json"


def tell_left_out(
    results: Path, control_titles: Mapping[str, str], modality: Modality = Modality.CXR
) -> dict[str, Any] | None:
    """What `measure` gave, as the document tells it; None where nothing is stored."""
    path = results / file_of(modality)
    if not path.is_file():
        return None
    measured = json.loads(path.read_text())
    subjects, controls = measured["subjects"], measured["controls"]
    ensemble = measured["ensemble"]
    together = subjects[ensemble]
    titles = {ensemble: f"members of {ensemble}, all counting alike"}
    titles |= {name: f"control: {control_titles[name]}" for name in controls}
    return {
        "places": list(together),
        "knew": measured["knew"],
        "lungs_count": measured.get("lungs_count", False),
        "rows": [_row(titles.get(name, name), found) for name, found in (subjects | controls).items()],
        "calibration": ", ".join(
            f"{interval(found['calibration_error'])} at {place}" for place, found in together.items()
        ),
        "ensemble": ensemble,
        "as_it_ships": tell_new_places(measured.get("as_it_ships", {})),
        "not_above": _tell_not_above(measured["above"], control_titles),
        "same_people": {
            titles.get(name, name): found for name, found in measured.get("same_people", {}).items() if found
        },
    }


def tell_new_places(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What an ensemble's bounds are worth at places without a part in them, as documents tell it; empty: not measured.

    `lower` and `upper` are rates by place as the table of sources takes them; `sensitivity` and `specificity` are the
    least and the greatest at the threshold.
    """
    if not found:
        return {}
    told = {name: sorted(each[name]["value"] for each in found.values()) for name in ("sensitivity", "specificity")}
    return {
        "lower": found,
        "upper": {place: each["positive_zone"] for place, each in found.items()},
        **{name: (values[0], values[-1]) for name, values in told.items()},
    }


def _row(title: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {"title": title, "areas": {place: each["auc"] for place, each in found.items()}}


def _tell_not_above(above: Mapping[str, Any], control_titles: Mapping[str, str]) -> str:
    """Who is not surely above which control, by place."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, places in above.items():
        for place, differences in places.items():
            for control, difference in differences.items():
                if difference["low"] <= 0:
                    found.setdefault((name, control_titles[control]), []).append(place)
    return "; ".join(f"{name}, {control}, at {' and '.join(places)}" for (name, control), places in found.items())


def measure(data: Path, root: Path, modality: Modality) -> dict[str, Any]:
    """What the members of the newest ensemble, and the controls, reach at each place that is left out.

    On the training and validation part: the test part stays as it is. For an ensemble that is asked whether a lung is
    abnormal also what its zones are worth when all of it is made without the place. For slices also what they reach
    within a person who is left out, of a place that shows both kinds of slices of the same people. Raises ValueError
    without an ensemble.
    """
    from ml.serving.bundle import read_bundle
    from ml.training.measure.left_out import Described, answer_left_out, measure_above, measure_left_out
    from ml.training.measure.new_place import measure_new_places
    from ml.training.measure.question_controls import controls_of

    ensemble, (rows, choosing) = newest(root, modality), _rows(data, modality)
    specs = {name: read_bundle(root / name).spec for name in ensemble.members}

    def answered(described: Described) -> Any:
        return answer_left_out(described, rows, ensemble.labels)

    members = {name: describe(root / name, data, rows) for name in ensemble.members}
    asked = _with_ensemble(ensemble, {name: answered(found) for name, found in members.items()})
    others = [each for each in controls_of(modality) if each.name != NOT_ASKED]
    described = {each.name: Described(each.describe(data, rows)) for each in others}
    controls = {name: answered(found) for name, found in described.items()}
    same_people = _same_people(ensemble, rows, members, described) if modality is Modality.CT else {}
    is_asked = ensemble.abnormality is not None and bool(ensemble.weights)
    return {
        "ensemble": ensemble.identity,
        # The layers before the last one learnt from some of these places, unless they are a trunk's
        "knew": [name for name, spec in specs.items() if not reads_a_trunk(spec)],
        # The network that finds them learnt from masks, which say nothing of disease
        "lungs_count": any(RECIPES[spec.preprocessing].weighs_lungs for spec in specs.values()),
        "subjects": {name: measure_left_out(each) for name, each in asked.items()},
        "controls": {name: measure_left_out(each) for name, each in controls.items()},
        "above": {name: measure_above(each, controls) for name, each in asked.items()},
        "as_it_ships": measure_new_places(list(members.values()), rows, choosing, ensemble.labels) if is_asked else {},
        **same_people,
    }


def _same_people(
    ensemble: EnsembleSpec,
    rows: Sequence["Row"],
    members: Mapping[str, "Described"],
    controls: Mapping[str, "Described"],
) -> dict[str, Any]:
    """What members and controls reach within people of SAME_PEOPLE of whom no slice taught the layer."""
    from ml.training.measure.left_out import Described, answer_about_strangers, measure_within_people

    def answered(described: Described) -> Any:
        return answer_about_strangers(described, rows, ensemble.labels, SAME_PEOPLE)

    asked = _with_ensemble(ensemble, {name: answered(found) for name, found in members.items()})
    asked |= {name: answered(found) for name, found in controls.items()}
    return {"same_people": {name: measure_within_people(each) for name, each in asked.items()}}


def _with_ensemble(ensemble: EnsembleSpec, members: Mapping[str, Any]) -> dict[str, Any]:
    """What members said, after what they say together."""
    from ml.training.measure.left_out import combine_left_out

    return {ensemble.identity: combine_left_out(list(members.values())), **members}


def describe(bundle: Path, data: Path, rows: Sequence["Row"]) -> "Described":
    """What the network of a bundle hands to its last layer of images and of their mirror images, one at a time."""
    from tqdm import tqdm

    from ml.serving.bundle import read_bundle
    from ml.training.data.datasets import mirror_view, read_prepared
    from ml.training.measure.left_out import Described

    read = read_bundle(bundle)
    places, spec = _before_the_mean(*read.verified_weights()), read.spec
    features, mirrored = [], []
    for row in tqdm(rows, desc=spec.identity, unit="image"):
        seen = read_prepared(data / row.path, spec.input_size, spec.preprocessing)
        features.append(pool_features(places(seen.values), seen.view))
        mirror_image = np.ascontiguousarray(seen.values[:, ::-1])
        mirrored.append(pool_features(places(mirror_image), mirror_view(seen.view)))
    return Described(np.stack(features).astype(np.float64), np.stack(mirrored).astype(np.float64))


def _before_the_mean(network: bytes, weights: bytes) -> Callable[[Any], Any]:
    """Runs a network up to what it takes the mean of before the last layer: float32 (h', w', channels) of an image."""
    from ml.serving.engine import SETTINGS, import_openvino

    openvino = import_openvino()
    core = openvino.Core()
    model = core.read_model(model=network, weights=weights)
    node = model.output("maps").get_node()
    while node.get_type_name() != "MatMul":
        node = node.input_value(0).get_node()
    cut = openvino.Model([node.input_value(0)], model.get_parameters(), "before the mean")
    request = core.compile_model(cut, "CPU", dict(SETTINGS)).create_infer_request()
    return lambda values: np.array(next(iter(request.infer([values[np.newaxis]]).values())))[0]


def _rows(data: Path, modality: Modality) -> tuple[tuple["Row", ...], "NDArray[np.bool_]"]:
    """The images of the training and of the validation part, and which of them are of the latter."""
    from ml.training.data.questions import split_for_questions
    from ml.training.data.split import Part

    parts = split_for_questions(data, modality, goes_on=True)
    teaching, choosing = parts[Part.TRAIN], parts[Part.VALIDATION]
    return (*teaching, *choosing), np.arange(len(teaching) + len(choosing)) >= len(teaching)
