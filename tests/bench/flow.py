"""From upload to result, measured from outside: `make bench-flow N=20`.

Starts broker, web server and worker as `make demo` starts them, on a data folder of their own, uploads synthetic X-rays
of two megapixels through the API one after the other, and asks for each result until it is there.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.client import Client

if TYPE_CHECKING:
    from diagnosis.models import Analysis

HEIGHT, WIDTH = 1632, 1280  # 2.09 megapixels
ASK_SECONDS = 0.02
PATIENCE_SECONDS = 120
FINISHED = {"succeeded", "failed", "cancelled"}


@dataclass(frozen=True)
class Passage:
    """One scan's way, in milliseconds."""

    total: float  # from the first byte sent to the answer that says "finished"
    upload: float  # the upload's request
    queue: float  # from the request's row to a worker's claim
    worker: float  # from the claim to the stored result
    classifier: float  # inside the classifiers

    @property
    def rest(self) -> float:
        return self.total - self.classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=20, help="how many scans")
    count = parser.parse_args().n
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as var:
        set_up(var)
        passages = _measure(count)
    _report(passages)


def set_up(var: str) -> None:
    os.environ.update(DJANGO_SETTINGS_MODULE="portal.settings", PORTAL_VAR=var)
    for name in ("DATABASE_URL", "REDIS_URL", "PRIVATE_ROOT", "STATIC_ROOT"):
        os.environ.pop(name, None)
    import django

    django.setup()


def _measure(count: int) -> list[Passage]:
    from portal.embedded.launcher import Launcher

    images = _images(count + 1)
    launcher = Launcher(host="127.0.0.1", port=free_port(), say=say)
    with launcher.running():
        client, patient = _clinic(launcher.port)
        first = _pass(client, patient, next(images), launcher.step)
        say(f"first scan after the start (not counted): {first.total / 1000:.2f} s")
        return [_pass(client, patient, image, launcher.step) for image in images]


def _images(count: int) -> Iterator[bytes]:
    from ml.imaging import render_png
    from ml.imaging.phantom import chest_xray

    say(f"drawing {count} images of {HEIGHT * WIDTH / 1e6:.1f} megapixels …")
    drawn = [render_png(chest_xray(HEIGHT, WIDTH, seed=seed, opacities=seed % 5)) for seed in range(count)]
    say(f"median file {statistics.median(map(len, drawn)) / 1e6:.1f} MB")
    return iter(drawn)


def _clinic(port: int) -> tuple[Client, str]:
    """A signed-in radiographer and one of the clinic's patients."""
    from accounts.roles import Radiographer
    from portal.demo.patients import ensure_patients
    from portal.demo.staff import ensure_staff, member

    clinic, logins = ensure_staff()
    ensure_patients(clinic, by=member(clinic, Radiographer))
    login = next(login for login in logins if login.who == str(Radiographer.name))
    client = Client("127.0.0.1", port)
    client.sign_in(login.email, login.password)
    return client, client.patients()[0]["id"]


def _pass(client: Client, patient: str, image: bytes, watch: Callable[[], bool]) -> Passage:
    from diagnosis.models import Analysis

    begun = time.perf_counter()
    answer = client.upload(patient=patient, modality="cxr", name="bench.png", data=image)
    uploaded = time.perf_counter()
    pk = answer["analysis"]["id"]
    status = "queued"
    while status not in FINISHED:
        time.sleep(ASK_SECONDS)
        status = client.analysis(pk)["status"]
        if time.perf_counter() - begun > PATIENCE_SECONDS:
            sys.exit(f"The analysis is still {status} after {PATIENCE_SECONDS} s.")
    ended = time.perf_counter()
    analysis = Analysis.objects.prefetch_related("predictions").get(pk=pk)
    if status != "succeeded":
        sys.exit(f"The analysis {status}: {analysis.failure_reason}")
    watch()
    return _passage(analysis, total=ended - begun, upload=uploaded - begun)


def _passage(analysis: Analysis, *, total: float, upload: float) -> Passage:
    assert analysis.started_at and analysis.finished_at
    return Passage(
        total=total * 1000,
        upload=upload * 1000,
        queue=(analysis.started_at - analysis.requested_at).total_seconds() * 1000,
        worker=(analysis.finished_at - analysis.started_at).total_seconds() * 1000,
        classifier=sum(prediction.milliseconds for prediction in analysis.predictions.all()),
    )


def _report(passages: Sequence[Passage]) -> None:
    rows = {
        "upload request": [p.upload for p in passages],
        "queue wait": [p.queue for p in passages],
        "worker": [p.worker for p in passages],
        "  of it classifier": [p.classifier for p in passages],
        "upload to result": [p.total for p in passages],
        "  without classifier": [p.rest for p in passages],
    }
    say(f"\n{'milliseconds':<22}{'p50':>8}{'p95':>8}")
    for name, values in rows.items():
        say(f"{name:<22}{percentile(values, 50):>8.0f}{percentile(values, 95):>8.0f}")
    total, classifier = rows["upload to result"], rows["  of it classifier"]
    say(
        f"upload to result: p50 {percentile(total, 50) / 1000:.2f} s p95 {percentile(total, 95) / 1000:.2f} s "
        f"over {len(passages)} scans; classifier {percentile(classifier, 50):.0f} ms"
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """By linear interpolation between the two nearest values."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
