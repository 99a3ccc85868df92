"""A page while connections hang half-open: `python -m tests.bench.doors`.

Starts the web server as it ships, without a proxy, and times one page, first alone and then beside connections of
strangers: a quarter each have sent nothing, half a head, half a form and half an upload, and send a byte every five
seconds. The last line names the ratio of the 95th percentiles of the page's time.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import create_connection, socket

from tests.bench.reading import _server, set_up, throw_away_database

PAGE = "/accounts/sign-in/"
BYTE_EVERY_SECONDS = 5
STARTS = (
    b"",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-a: b",
    b"POST /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\na=b",
    b"POST /api/v1/scans/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\na",
)


def main() -> None:
    chosen = _chosen()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as var, throw_away_database("bench_doors"):
        set_up(var)
        _migrate()
        with _server(Path(var)) as port, ExitStack() as stack:
            _times(port, 20)  # the first pages compile their templates
            alone = _times(port, chosen.pages)
            half = [stack.enter_context(create_connection(("127.0.0.1", port))) for _ in range(chosen.connections)]
            for number, each in enumerate(half):
                each.sendall(STARTS[number % len(STARTS)])
            stopped = threading.Event()
            stack.callback(stopped.set)
            threading.Thread(target=_go_on, args=(half, stopped), daemon=True).start()
            beside = _times(port, chosen.pages)
    _report(chosen.connections, alone, beside)


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--connections", type=int, default=200)
    parser.add_argument("--pages", type=int, default=200)
    return parser.parse_args()


def _migrate() -> None:
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", interactive=False, verbosity=0)
    connections.close_all()


def _go_on(half: list[socket], stopped: threading.Event) -> None:
    while not stopped.wait(BYTE_EVERY_SECONDS):
        for each in half:
            with suppress(OSError):  # the server has given it up
                each.sendall(b"x")


def _times(port: int, pages: int) -> list[float]:
    """Seconds of each."""
    return [_time(port) for _ in range(pages)]


def _time(port: int) -> float:
    begun = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", PAGE, headers={"Host": "localhost"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise SystemExit(f"The page answered {answer.status}.")
    return time.perf_counter() - begun


def _report(connections: int, alone: list[float], beside: list[float]) -> None:
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, times in (("alone", alone), (f"beside {connections} half-open", beside)):
        print(f"{name}: median {1000 * statistics.median(times):.0f} ms, p95 {1000 * _p95(times):.0f} ms")
    print(f"half-open connections {connections}, page p95 ratio {_p95(beside) / _p95(alone):.2f}")


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    main()
