"""Many readers at one full queue, measured from outside: `make bench-reading`.

Fills a PostgreSQL of its own with 10,000 waiting cases, starts the web server as `make run` starts it, and lets 20
readers work at once. Each is a process that signs in by the form, looks at the queue, takes the next case, opens its
page and its image, and decides or gives back. Whether two ever held one case is counted twice: from the rows that each
move of a case leaves in the database, and from what the readers themselves were given.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import ports, servers
from tests.bench.reader import Log, Person, Shift

if TYPE_CHECKING:
    from accounts.models import User

ROOT = Path(__file__).resolve().parents[2]
ALONE_SECONDS = 5
QUEUE = ("queue page", "next case", "decide, next case")
CASES_A_SECOND = 80 / (8 * 3600)  # of one reader, over a day
OTHERS = ("decide", "give back", "case page", "neighbours")


def main() -> None:
    chosen = _chosen()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as var, throw_away_database("bench_reading"):
        set_up(var)
        password = secrets.token_urlsafe(12)
        people = _fill(chosen.readers, chosen.cases, password)
        with _server(Path(var)) as port, _readers(people, password, port) as readers:
            _say(f"load before the readers began: {_load()}")
            alone = _shift(readers[:1], Shift(ALONE_SECONDS, 0, 0))
            logs = _shift(readers, Shift(chosen.seconds, chosen.think_from, chosen.think_to))
            _say(f"load after: {_load()}")
            rush = _shift(readers, Shift(chosen.rush_seconds, 0, 0)) if chosen.rush_seconds else []
        _report(chosen, alone, logs, rush)
        _close()


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60, help="how long the readers work with pauses")
    parser.add_argument("--think-from", type=float, default=5, help="shortest pause before a button, in seconds")
    parser.add_argument("--think-to", type=float, default=10, help="longest pause, in seconds")
    parser.add_argument("--rush-seconds", type=float, default=10, help="how long they work without any pause; 0: not")
    return parser.parse_args()


# --- the portal --------------------------------------------------------------------------------------------


@contextmanager
def throw_away_database(name: str, *, copy_of: str = "template1") -> Iterator[str]:
    """An empty database, or a copy of one, on a throw-away server (or on TEST_DATABASE_URL's); gone afterwards.

    Gives its name. Nobody may be connected to the one that is copied.
    """
    server, name = servers.database_url(), f"{name}_{os.getpid()}"
    with closing(_connect(server)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {copy_of}")
        # The test server answers a commit before it is written; here it has to write.
        cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
        os.environ["DATABASE_URL"] = f"{server.rpartition('/')[0]}/{name}"
        try:
            yield name
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _connect(server: str) -> Any:
    """A server that was just started listens before it lets anybody in."""
    import psycopg2  # type: ignore[import-untyped]

    deadline = time.monotonic() + ports.READY_SECONDS
    while True:
        try:
            return psycopg2.connect(server)
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def set_up(var: str) -> None:
    os.environ.update(DJANGO_SETTINGS_MODULE="portal.settings", PORTAL_VAR=var, REDIS_URL=servers.redis_url())
    for name in ("PRIVATE_ROOT", "STATIC_ROOT", "HTTPS", "DEBUG"):
        os.environ.pop(name, None)
    import django

    django.setup()


def _fill(readers: int, cases: int, password: str) -> list[User]:
    from django.core.management import call_command

    from tests.bench import waiting

    begun = time.monotonic()
    call_command("migrate", interactive=False, verbosity=0)
    clinic, people = waiting.make_readers(readers, password)
    waiting.make_cases(clinic, people[0], cases)
    _say(f"{cases:,} waiting cases made in {time.monotonic() - begun:.0f} s")
    return people


@contextmanager
def _server(var: Path) -> Iterator[int]:
    """The web server alone, with its own settings: no job is queued here that a worker would take."""
    from django.db import connections

    from portal import web_server
    from portal.embedded import static_files, web

    static_files.collect_when_stale()
    connections.close_all()
    port = _free_port()
    process = web.web_process(host="127.0.0.1", port=port, root=ROOT, log=var / "web.log")
    process.start()
    try:
        if not web.wait_until_ready("127.0.0.1", port, meanwhile=lambda: None):
            sys.exit(f"The web server does not answer:\n{process.log.read_text()}")
        _say(f"{web_server.workers} processes of {web_server.threads} threads; {os.cpu_count()} cores")
        yield port
    finally:
        process.stop()


def _close() -> None:
    from django.db import connections

    connections.close_all()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- the readers -------------------------------------------------------------------------------------------


@contextmanager
def _readers(people: Sequence[User], password: str, port: int) -> Iterator[list[subprocess.Popen[str]]]:
    """One process each, signed in."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "tests.bench.reader"]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in people
    ]
    try:
        for number, (process, user) in enumerate(zip(started, people, strict=True)):
            _tell(process, asdict(Person("127.0.0.1", port, user.email, password, seed=number)))
        for process in started:
            _answer(process)
        _say(f"{len(started)} readers signed in within {time.monotonic() - begun:.0f} s")
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def _shift(readers: Iterable[subprocess.Popen[str]], shift: Shift) -> list[Log]:
    readers = list(readers)
    for process in readers:
        _tell(process, asdict(shift))
    return [Log(**_answer(process)) for process in readers]


def _tell(process: subprocess.Popen[str], what: Mapping[str, object]) -> None:
    assert process.stdin
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        sys.exit("A reader stopped; its own words stand above.")
    answer: dict[str, Any] = json.loads(line)
    return answer


# --- claims ------------------------------------------------------------------------------------------------


def _claims() -> tuple[int, int]:
    """All claims in the database, and how many were of a case that somebody held."""
    from diagnosis.models import ReviewTransition
    from diagnosis.states import ReviewStatus

    # By key: the rows of one case are written one after the other, under the lock of its row.
    moves = ReviewTransition.objects.order_by("id").values_list("review_id", "target")
    state: dict[object, str] = {}
    claims = double = 0
    for review, target in moves.iterator():
        if target == ReviewStatus.CLAIMED:
            claims += 1
            double += state.get(review) != ReviewStatus.WAITING
        state[review] = target
    return claims, double


def _shared(logs: Iterable[Log]) -> int:
    """How often a reader was given a case that another one had in hand, by the readers' own clocks."""
    held: dict[str, list[tuple[float, float]]] = {}
    for log in logs:
        for case, given, until in log.held:
            held.setdefault(case, []).append((given, until))
    return sum(_overlaps(sorted(spans)) for spans in held.values())


def _overlaps(spans: Sequence[tuple[float, float]]) -> int:
    return sum(later[0] < earlier[1] for earlier, later in pairwise(spans))


# --- the report --------------------------------------------------------------------------------------------


def _report(chosen: argparse.Namespace, alone: Sequence[Log], logs: Sequence[Log], rush: Sequence[Log]) -> None:
    took = _took(logs)
    queue = _queue(took)
    images = _images(logs)
    pressed = [image.since for image in images]
    pace = sum(len(log.held) for log in logs) / chosen.seconds / (chosen.readers * CASES_A_SECOND)
    _say(
        f"\n{chosen.readers} readers, {chosen.seconds:g} s, pauses of {chosen.think_from:g} to {chosen.think_to:g} s "
        f"before each button: {pace:.0f} times the pace of a day of 80 cases"
    )
    _table({kind: took.get(kind, []) for kind in (*QUEUE, *OTHERS)} | _image_rows(images))
    _say(f"one reader alone, without any pause: queue {_middle(_queue(_took(alone)))}: what the machine gives today")
    if rush:
        _report_rush(chosen.rush_seconds, rush)
    claims, double = _claims()
    shared = _shared([*alone, *logs, *rush])
    _say(f"claims of a case that another held: {double} by the database's rows, {shared} by what the readers saw")
    _say("“first image”: from pressing the button to the last byte of the image; drawing it is the browser's part")
    _say(
        f"queue: {_middle(queue)}; "
        f"claims {claims}, double claims {max(double, shared)}; first image p50 {_percentile(pressed, 50):.0f} ms"
    )


def _took(logs: Iterable[Log]) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {}
    for log in logs:
        for kind, values in log.took.items():
            took.setdefault(kind, []).extend(values)
    return took


@dataclass(frozen=True)
class Image:
    """A case's image on the reader's screen, milliseconds."""

    state: str
    request: float
    since: float  # from the button that led to the case


def _queue(took: Mapping[str, Sequence[float]]) -> list[float]:
    return [value for kind in QUEUE for value in took.get(kind, [])]


def _middle(values: Sequence[float]) -> str:
    return f"p50 {_percentile(values, 50):.0f} ms p95 {_percentile(values, 95):.0f} ms"


def _images(logs: Sequence[Log]) -> list[Image]:
    first = _first_asked(logs)
    return [image for log in logs for image in _images_of(log, first)]


def _first_asked(logs: Iterable[Log]) -> dict[str, float]:
    """When each image was first there for anybody."""
    first: dict[str, float] = {}
    for log in logs:
        for address, moment in [*((address, moment) for address, moment, *_ in log.images), *log.ahead]:
            first[address] = min(moment, first.get(address, moment))
    return first


def _images_of(log: Log, first: Mapping[str, float]) -> Iterator[Image]:
    ahead = dict(log.ahead)
    for address, moment, request, since in log.images:
        if ahead.get(address, moment) < moment:
            state = "fetched ahead"
        else:
            state = "asked for before" if first[address] < moment else "never asked for"
        yield Image(state, request, since)


def _image_rows(images: Sequence[Image]) -> dict[str, list[float]]:
    states = ("fetched ahead", "asked for before", "never asked for")
    rows = {f"image, {state}": [image.request for image in images if image.state == state] for state in states}
    return rows | {"button to image": [image.since for image in images]}


def _report_rush(seconds: float, rush: Sequence[Log]) -> None:
    took = _took(rush)
    requests = sum(map(len, took.values())) + sum(len(log.images) + len(log.ahead) for log in rush)
    cases = sum(len(log.held) for log in rush)
    _say(
        f"without any pause, {seconds:g} s: {requests / seconds:.0f} requests/s, {cases / seconds:.1f} cases/s; "
        f"queue {_middle(_queue(took))}, most of it waiting for one of {os.cpu_count()} cores"
    )


def _table(rows: Mapping[str, Sequence[float]]) -> None:
    _say(f"{'milliseconds':<26}{'number':>8}{'p50':>8}{'p95':>8}{'max':>8}")
    for name, values in rows.items():
        if values:
            _say(
                f"{name:<26}{len(values):>8}{_percentile(values, 50):>8.0f}{_percentile(values, 95):>8.0f}"
                f"{max(values):>8.0f}"
            )


def _percentile(values: Sequence[float], percent: int) -> float:
    """By linear interpolation between the two nearest values."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _load() -> str:
    """The average of the last minute: 2 on 2 cores means that they were busy with nothing waiting."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
