"""How every X-ray classifier orders the images of a place that its last layer was not taught on."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.spec import Modality
from ml.training.publish.asking import newest
from ml.training.publish.combine import WEIGHTS_ROOT
from ml.training.publish.earlier import earlier_versions
from ml.training.publish.markdown import interval
from ml.training.publish.protocols import RESULTS

if TYPE_CHECKING:
    from ml.training.data.manifest import Row

LEFT_OUT = "left-out-cxr.json"
# What tells a place or a view, and no lung. The view is known at one place alone, which asks another question.
CONTROLS = ("border_pixels", "border_pixels_equalised", "thumbnail", "untrained_network")
Features = NDArray[np.float64]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `python -m ml left-out`."""
    parser = commands.add_parser("left-out", help="ask last layers about places that they were not taught on")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest_v2.csv and the images")
    parser.add_argument("--root", type=Path, default=WEIGHTS_ROOT, help="folder of all bundles and ensembles")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored answers")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    measured = measure(options.data, options.root)
    (options.results / LEFT_OUT).write_text(json.dumps(measured, indent=2) + "\n")
    sys.stdout.write(f"{options.results / LEFT_OUT}\n")


def tell_left_out(results: Path, control_titles: Mapping[str, str]) -> dict[str, Any] | None:
    """What `measure` gave, as the document tells it; None where nothing is stored."""
    path = results / LEFT_OUT
    if not path.is_file():
        return None
    measured = json.loads(path.read_text())
    subjects, controls = measured["subjects"], measured["controls"]
    together = subjects[measured["ensemble"]]
    return {
        "places": list(together),
        "knew": measured["knew"],
        "rows": [
            *(
                _row(f"members of {name}, all counting alike" if name == measured["ensemble"] else name, found)
                for name, found in subjects.items()
            ),
            *(_row(f"control: {control_titles[name]}", found) for name, found in controls.items()),
        ],
        "calibration": ", ".join(
            f"{interval(found['calibration_error'])} at {place}" for place, found in together.items()
        ),
        "not_above": _tell_not_above(measured["above"], control_titles),
    }


def _tell_calibration(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{interval(each['calibration_error'])} at {place}" for place, each in found.items())


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


def measure(data: Path, root: Path) -> dict[str, Any]:
    """What the members of the newest X-ray ensemble, and the controls, reach at each place that is left out.

    On the training and validation part: the test part stays as it is. Raises ValueError without an ensemble.
    """
    from ml.serving.bundle import read_bundle
    from ml.training.measure.left_out import answer_left_out, combine_left_out, measure_above, measure_left_out
    from ml.training.measure.question_controls import CONTROLS as DESCRIBED

    ensemble, rows = newest(root, Modality.CXR), _rows(data)

    def answered(features: Features) -> Any:
        return answer_left_out(features, rows, ensemble.labels)

    members = {name: answered(pooled_features(root / name, data, rows)) for name in ensemble.members}
    asked = {ensemble.identity: combine_left_out(list(members.values())), **members}
    controls = {each.name: answered(each.describe(data, rows)) for each in DESCRIBED if each.name in CONTROLS}
    return {
        "ensemble": ensemble.identity,
        # What went on from released networks had learnt from some of these places
        "knew": [name for name in ensemble.members if earlier_versions([read_bundle(root / name).spec])],
        "subjects": {name: measure_left_out(each) for name, each in asked.items()},
        "controls": {name: measure_left_out(each) for name, each in controls.items()},
        "above": {name: measure_above(each, controls) for name, each in asked.items()},
    }


def pooled_features(bundle: Path, data: Path, rows: Sequence["Row"]) -> Features:
    """What the network of a bundle hands to its last layer, float64 (n, channels), one image at a time."""
    from tqdm import tqdm

    from ml.serving.bundle import read_bundle
    from ml.training.data.datasets import read_prepared

    read = read_bundle(bundle)
    pooled, spec = _before_the_last_layer(*read.verified_weights()), read.spec
    images = tqdm(rows, desc=spec.identity, unit="image")
    seen = (read_prepared(data / row.path, spec.input_size, spec.preprocessing).values for row in images)
    return np.stack([pooled(values) for values in seen])


def _before_the_last_layer(network: bytes, weights: bytes) -> Callable[[Any], Features]:
    """Runs a network up to what its last product of matrices, which gives the logits, is made of."""
    from ml.serving.engine import SETTINGS, import_openvino

    openvino = import_openvino()
    core = openvino.Core()
    model = core.read_model(model=network, weights=weights)
    node = model.output("logits").get_node()
    while node.get_type_name() != "MatMul":
        node = node.input_value(0).get_node()
    cut = openvino.Model([node.input_value(0)], model.get_parameters(), "before the last layer")
    request = core.compile_model(cut, "CPU", dict(SETTINGS)).create_infer_request()
    return lambda values: np.array(next(iter(request.infer([values[np.newaxis]]).values())), dtype=np.float64)[0]


def _rows(data: Path) -> tuple["Row", ...]:
    from ml.training.data.questions import split_for_questions
    from ml.training.data.split import Part

    parts = split_for_questions(data, goes_on=True)
    return (*parts[Part.TRAIN], *parts[Part.VALIDATION])
