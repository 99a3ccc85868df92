"""The process of a worker, with every bundle loaded: says in one line of JSON what it takes."""

from __future__ import annotations

import json
import os
import resource
import statistics
import tempfile
import time
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
    from diagnosis import classifiers
    from diagnosis.models.scan import Modality
    from ml import serving
    from ml.imaging import phantom

    classifiers.warm()
    loaded = {modality: classifiers.loaded(modality) for modality in Modality}
    pixels = phantom.chest_xray(HEIGHT, WIDTH, seed=1)
    serving.classify_all(loaded[Modality.CXR], pixels)
    process = psutil.Process()
    first = time.time() - process.create_time()
    panels = {m.value: _median(lambda m=m: serving.classify_all(loaded[m], pixels)) for m in Modality}
    return {
        "classifiers": sum(map(len, loaded.values())),
        "first": first,
        "panels": panels,
        "resident": process.memory_info().rss / MEGABYTE,
        "most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE,
    }


def _median(work: Any) -> float:
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


if __name__ == "__main__":
    main()
