"""From the last slice to the result in Orthanc, and how long programs wait for what FHIR says of it."""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.flow import percentile, say
from tests.bench.interop.peers import Peer

ARCHIVE = "ARCHIVE"
PATIENCE_SECONDS = 600
ASK_SECONDS = 0.1
SEARCHES = 50


def wait_for_workers(logs: Path, watch: Callable[[], bool]) -> None:
    """Until both take jobs, as on every morning after the first."""
    begun = time.monotonic()
    while not all(" ready." in log.read_text() for log in (logs / "worker.log", logs / "short.log")):
        watch()
        if time.monotonic() - begun > PATIENCE_SECONDS:
            sys.exit(f"The workers took no jobs after {PATIENCE_SECONDS} s: read {logs}.")


def way_of_a_result(
    files: Sequence[Path], send: Callable[[], None], archive: Peer, watch: Callable[[], bool]
) -> tuple[float, float]:
    """Send a study to the portal. Seconds from the first and from the last slice until its report is in the archive."""
    begun = time.monotonic()
    send()
    sent = time.monotonic()
    # The structured report and the picture of it
    while archive.indexed() < 2:
        watch()
        time.sleep(ASK_SECONDS)
        if time.monotonic() - sent > PATIENCE_SECONDS:
            sys.exit(f"No result of {len(files)} slices was in the archive after {PATIENCE_SECONDS} s.")
    there = time.monotonic()
    return there - begun, there - sent


def fhir_searches(port: int, token: str, patient: str) -> list[float]:
    """Milliseconds of each search that a record makes when it shows a patient, over and over."""
    searches = (
        f"/fhir/ImagingStudy?patient={patient}",
        f"/fhir/DiagnosticReport?patient={patient}",
        f"/fhir/Observation?patient={patient}",
        f"/fhir/ServiceRequest?patient={patient}",
    )
    times: dict[str, list[float]] = {path: [] for path in searches}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for path in searches * (SEARCHES + 1):
        begun = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Connection": "keep-alive"})
        answer = connection.getresponse()
        said = answer.read()
        times[path].append(1000 * (time.perf_counter() - begun))
        if answer.status != 200:
            sys.exit(f"{path} answers {answer.status}: {said[:500].decode(errors='replace')}")
    connection.close()
    for path, of_path in times.items():
        say(
            f"{path.partition('?')[0]}: p50 {percentile(of_path[1:], 50):.0f} ms, "
            f"p95 {percentile(of_path[1:], 95):.0f} ms"
        )
    return [one for of_path in times.values() for one in of_path[1:]]
