"""The process of a worker, with every bundle loaded: says in one line of JSON what it takes."""

from __future__ import annotations

import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import psutil

HEIGHT, WIDTH, REPEATS = 1024, 832, 10
MEGABYTE = 1e6


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as var:
        print(json.dumps(_measure(var)), flush=True)


def _measure(var: str) -> dict[str, Any]:
    os.environ.update(DJANGO_SETTINGS_MODULE="portal.settings", PORTAL_VAR=var)
    import django

    django.setup()
    from diagnosis.analyses import classifiers
    from diagnosis.models.scan import Modality
    from ml import serving
    from ml.imaging import phantom

    classifiers.warm()
    process = psutil.Process()
    ready = time.time() - process.create_time()
    loaded = {modality: classifiers.loaded(modality) for modality in Modality}
    pixels = phantom.chest_xray(HEIGHT, WIDTH, seed=1)
    answered = _seconds(lambda: serving.predict_all(loaded[Modality.CXR], pixels))
    panels = {m.value: _panel(loaded[m], pixels) for m in Modality}
    return {
        "classifiers": sum(map(len, loaded.values())),
        "first": ready + answered,
        "panels": panels,
        "resident": process.memory_info().rss / MEGABYTE,
        "most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE,
    }


def _panel(classifiers: Any, pixels: Any) -> float:
    """Milliseconds of all classifiers of a modality for one image, the median of several turns."""
    from ml import serving

    return 1000 * statistics.median(_seconds(lambda: serving.predict_all(classifiers, pixels)) for _ in range(REPEATS))


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
