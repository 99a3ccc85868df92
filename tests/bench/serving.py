"""One image through every classifier, by Keras and by what serves, in turn: `make bench-serving`.

For each bundle the architecture is built in Keras at the bundle's width and input size. Its weights are random: how
long a network takes does not depend on their values. Then the same prepared images go, one by one and in turn, through
Keras' `predict`, through the network as a compiled `tf.function`, and through the classifier that serves; each has to
give probabilities, ours the attention map and the picture for the page too. A worker of its own, with every bundle
loaded, says how much memory it takes and how long it waits for its first answer.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml
from ml.imaging import phantom
from ml.preprocessing import Pixels, Prepared
from ml.probability import softmax
from ml.serving.bundle import Bundle
from ml.serving.catalogue import bundles
from ml.serving.classifier import Classifier
from ml.serving.lungs.crop import prepare
from tests.bench import serving_limit

ROOT = Path(ml.__file__).parent / "weights"
HEIGHT, WIDTH = 1024, 832
WARM_UP = 3
# What the way before left running, TensorFlow's waiting threads above all, must not cost the next one.
PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class Timed:
    """One classifier: median milliseconds for one image by each way, and how much it computes."""

    identity: str
    precision: str
    predict: float
    function: float
    served: float
    operations: float  # thousand million of multiplications and additions

    @property
    def over_predict(self) -> float:
        return self.predict / self.served

    @property
    def over_function(self) -> float:
        return self.function / self.served


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="how often each way has its turn with each classifier")
    parser.add_argument("--only", help="classifiers whose name contains this")
    chosen = parser.parse_args()
    found = [bundle for bundle in bundles(ROOT) if (chosen.only or "") in bundle.spec.name]
    _say(f"load before: {_load()}")
    worker = _worker()
    timed = [_time(bundle, chosen.rounds) for bundle in found]
    _report(timed, serving_limit.peaks())
    _report_worker(worker)
    _say(f"load after: {_load()}")
    _close(timed, worker)


# --- three ways --------------------------------------------------------------------------------------------


def _time(bundle: Bundle, rounds: int) -> Timed:
    classifier = Classifier.from_bundle(bundle)
    images = [_prepared(bundle, seed) for seed in range(3)]
    ways = {**_keras(bundle), "served": _served(classifier)}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(WARM_UP + rounds):
        for name, way in ways.items():
            time.sleep(PAUSE_SECONDS)
            began = time.perf_counter()
            way(images[turn % len(images)])
            taken[name].append(1000 * (time.perf_counter() - began))
    medians = {name: statistics.median(values[WARM_UP:]) for name, values in taken.items()}
    _forget_keras()
    spec = bundle.spec
    timed = Timed(spec.identity, spec.precision, **medians, operations=serving_limit.operations(bundle))
    _say(f"{timed.identity}: {timed.predict:.1f}, {timed.function:.1f} and {timed.served:.1f} ms")
    return timed


def _prepared(bundle: Bundle, seed: int) -> Prepared:
    pixels: Pixels = phantom.chest_xray(HEIGHT, WIDTH, seed=seed, opacities=seed)
    return prepare(pixels, bundle.spec.input_size, bundle.spec.preprocessing)


def _served(classifier: Classifier) -> Callable[[Prepared], Any]:
    return lambda prepared: classifier.predict_prepared(prepared, (HEIGHT, WIDTH))


def _keras(bundle: Bundle) -> dict[str, Callable[[Prepared], Any]]:
    import tensorflow as tf

    from ml import architectures

    spec = bundle.spec
    told = json.loads((bundle.folder / "metrics.json").read_text())["training"]
    model = architectures.build(
        spec.architecture,
        len(spec.labels),
        size=spec.input_size,
        width=spec.width,
        two_levels=told.get("two_levels", False),
        ranks=told.get("ranks"),
    )
    compiled = tf.function(lambda values: model(values, training=False))
    return {
        "predict": lambda prepared: softmax(model.predict(prepared.values[None], verbose=0), spec.temperature),
        "function": lambda prepared: softmax(compiled(prepared.values[None]).numpy(), spec.temperature),
    }


def _forget_keras() -> None:
    import keras

    keras.backend.clear_session()
    gc.collect()


# --- a worker ----------------------------------------------------------------------------------------------


def _worker() -> Mapping[str, Any]:
    """What a process of its own says about itself; see tests/bench/serving_worker.py."""
    answer = subprocess.run(
        [sys.executable, "-m", "tests.bench.serving_worker"], capture_output=True, text=True, check=True
    )
    return json.loads(answer.stdout.splitlines()[-1])


def _report_worker(worker: Mapping[str, Any]) -> None:
    _say(
        f"a worker with {worker['classifiers']} classifiers: {worker['resident']:.0f} MB resident "
        f"(at most {worker['most']:.0f} MB while loading), first answer {worker['first']:.1f} s after its start"
    )
    for modality, milliseconds in worker["panels"].items():
        _say(f"all {modality} classifiers on one decoded image: {milliseconds:.0f} ms")


# --- words -------------------------------------------------------------------------------------------------


def _report(timed: Sequence[Timed], peaks: Mapping[str, float]) -> None:
    _say(
        f"{'milliseconds':<26}{'precision':<14}{'predict':>9}{'function':>10}{'served':>8}{'GFLOP':>8}{'of limit':>10}"
    )
    for one in timed:
        _say(
            f"{one.identity:<26}{one.precision:<14}{one.predict:>9.1f}{one.function:>10.1f}{one.served:>8.1f}"
            f"{one.operations:>8.2f}{_share(one, peaks):>10.0%}"
        )
    _say("limit: " + ", ".join(f"{name} {peak:.0f} GFLOP/s" for name, peak in peaks.items()))


def _share(one: Timed, peaks: Mapping[str, float]) -> float:
    """How much of what OpenVINO's own convolution reaches on this processor the classifier reaches."""
    peak = peaks["int8" if one.precision == "int8" else "f32"]
    return one.operations / (one.served / 1000) / peak


def _close(timed: Sequence[Timed], worker: Mapping[str, Any]) -> None:
    """The numbers to compare."""
    predict, function = [one.over_predict for one in timed], [one.over_function for one in timed]
    _say(
        f"serving speed-up over keras predict: min {min(predict):.1f}× median {statistics.median(predict):.1f}×; "
        f"over tf.function: min {min(function):.1f}× median {statistics.median(function):.1f}×; "
        f"worker {worker['resident']:.0f} MB"
    )


def _load() -> str:
    """The average of the last minute: 2 on 2 cores means that they were busy with nothing waiting."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
