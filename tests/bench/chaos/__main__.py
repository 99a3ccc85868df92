"""Never lost, never twice, from the modality to the archive: `make chaos-hospital`, or `python -m tests.bench.chaos`.

Starts PostgreSQL, broker, web server, worker, beat, listener and Debian's Orthanc in a folder of their own, and lets
modalities send studies to the listener, and a program to the web server. Meanwhile one part after the other is killed
by SIGKILL and started again, in an order that follows from a seed. Results go to Orthanc by the outbox. When nothing is
left to do, what was acknowledged, what the portal has and what Orthanc has is compared by UID.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.chaos import counting, looking, studies
from tests.bench.chaos.parts import ARCHIVE, Archive, Database, Hospital, Programs
from tests.bench.chaos.schedule import Kill, kills
from tests.bench.chaos.senders import CALLED, TITLE, Orders
from tests.bench.flow import say
from tests.ports import own_port

ROOT = Path(__file__).resolve().parents[3]
# One that answers for itself, so that studies cost little: the others take the same way.
CLASSIFIER = "densenet121-cxr"
# The storm goes on until so many of a seed's studies have their result in the archive.
SHARE = 0.9
QUIET_SECONDS = 20
NEWS_SECONDS = 20


@dataclass
class Ports:
    dicom: int = field(default_factory=own_port)
    web: int = field(default_factory=own_port)
    database: int = field(default_factory=own_port)
    archive: int = field(default_factory=own_port)
    archive_web: int = field(default_factory=own_port)


@dataclass
class Place:
    """Where the hospital stands, and what runs there."""

    folder: Path
    ports: Ports
    hospital: Hospital
    archive: Archive
    token: str = ""
    killed: int = 0
    acknowledged: dict[str, str] = field(default_factory=dict)


def main() -> None:
    chosen = _chosen()
    with _folder(chosen.folder) as folder, _opened(folder) as place:
        for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
            _weather(place, seed, chosen)
            found = looking.everything(place.acknowledged, place.archive)
            lost, twice = counting.lost(found), counting.duplicated(found)
            say(f"up to seed {seed}: lost {len(lost)}, duplicated {len(twice)}")
        say("; ".join(f"{what}: {number}" for what, number in {**looking.met(), **counting.numbers(found)}.items()))
    _report(chosen, place, lost, twice)


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--number", type=int, default=300, help="studies of each seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two studies")
    parser.add_argument("--pause", type=float, default=10.0, help="seconds between two kills, and the longest absence")
    parser.add_argument("--patience", type=float, default=1800, help="seconds within which a seed comes to its end")
    parser.add_argument("--folder", type=Path, help="an empty folder that is left as it is at the end")
    return parser.parse_args()


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    if chosen:
        chosen.mkdir(parents=True, exist_ok=True)
        yield chosen.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="portal-chaos-") as made:
        Path(made).chmod(0o755)  # PostgreSQL may run as another account
        yield Path(made)


# --- the hospital ------------------------------------------------------------------------------------------


@contextmanager
def _opened(folder: Path) -> Iterator[Place]:
    ports = Ports()
    database = Database(folder, ports.database)
    archive = Archive(folder, ports.archive, ports.archive_web)
    _set_up(folder, ports, database)
    hospital = Hospital(_parts(folder, ports, database, archive), say)
    place = Place(folder, ports, hospital, archive)
    try:
        _open(place)
        yield place
    finally:
        from django.db import connections

        connections.close_all()
        hospital.stop()


def _set_up(folder: Path, ports: Ports, database: Database) -> None:
    from ml.serving import catalogue

    os.environ.update(
        DJANGO_SETTINGS_MODULE="portal.settings",
        PORTAL_VAR=str(folder / "var"),
        DATABASE_URL=database.url,
        DICOM_PORT=str(ports.dicom),
        DICOMWEB_STORE="1",
        INACTIVE_CLASSIFIERS=",".join(one.name for one in catalogue(ROOT / "ml" / "weights") if one.name != CLASSIFIER),
    )
    for name in ("REDIS_URL", "PRIVATE_ROOT", "STATIC_ROOT", "HTTPS", "DEBUG"):
        os.environ.pop(name, None)
    import django

    django.setup()


def _parts(folder: Path, ports: Ports, database: Database, archive: Archive) -> dict[str, Database | Programs]:
    from portal.embedded import broker, listener, web, worker
    from portal.embedded.socket_path import socket_path

    var, log = folder / "var", folder / "log"
    socket, data = socket_path(var), var / "broker" / "data"
    broker.prepare(socket=socket, data=data)
    at = {"root": ROOT}
    return {
        "database": database,
        "broker": Programs(
            broker.broker_process(broker.server_binary(), socket=socket, data=data, log=log / "broker.log")
        ),
        "Orthanc": Programs(archive.process),
        "worker": Programs(
            *worker.worker_processes(**at, logs=log),
            worker.beat_process(**at, log=log / "beat.log", schedule=var / "beat" / "schedule"),
        ),
        "listener": Programs(listener.listener_process(**at, log=log / "listener.log")),
        "web": Programs(web.web_process(host="127.0.0.1", port=ports.web, **at, log=log / "web.log")),
    }


def _open(place: Place) -> None:
    from django.core.management import call_command

    from portal.embedded import static_files, web

    place.hospital.start("database", "broker", "Orthanc")
    if not place.hospital.run(60, until=_answers):
        sys.exit("The database does not answer.")
    call_command("migrate", interactive=False, verbosity=0)
    static_files.collect_when_stale()
    place.token = _clinic(place.ports)
    place.hospital.start("worker", "listener", "web")
    if not web.wait_until_ready("127.0.0.1", place.ports.web, meanwhile=lambda: None):
        sys.exit(f"The web server does not answer: {place.folder / 'log' / 'web.log'} has the reason.")


def _answers() -> bool:
    from django.db import OperationalError, connection

    try:
        connection.ensure_connection()
    except OperationalError:
        return False
    return True


def _clinic(ports: Ports) -> str:
    """A clinic with its people, patients, modality and archive. Returns a token that may send over the web."""
    from accounts.models import ApiToken, Membership
    from accounts.roles import Radiographer
    from delivery.models import Content, Destination, Kind
    from diagnosis.actions.patient import register_patient
    from network.models import RemoteEntity
    from portal.demo.staff import ensure_staff, member

    clinic, _ = ensure_staff()
    radiographer = member(clinic, Radiographer)
    for one in studies.people():
        register_patient(
            by=radiographer,
            clinic=clinic,
            medical_record_number=one.number,
            family_name=one.family_name,
            birth_date=one.birth_date,
        )
    RemoteEntity.objects.create(clinic=clinic, title=TITLE, networks="127.0.0.1")
    Destination.objects.create(
        clinic=clinic,
        kind=Kind.DICOM,
        name="Archive",
        host="127.0.0.1",
        port=ports.archive,
        called_title=ARCHIVE,
        calling_title=CALLED,
        contents=[Content.STUDY_RESULT],
    )
    membership = Membership.objects.get(user=radiographer, clinic=clinic)
    return ApiToken.objects.issue(membership=membership, name="chaos")[1]


# --- one seed ----------------------------------------------------------------------------------------------


def _weather(place: Place, seed: int, chosen: argparse.Namespace) -> None:
    """Send the studies of a seed while parts are killed, then wait until nothing is left to do."""
    begun, before = time.monotonic(), place.archive.count
    planned = studies.planned(seed, chosen.number, every=chosen.every)
    acknowledged = place.folder / f"acknowledged-{seed}"
    orders = Orders(seed, chosen.number, chosen.every, place.ports.dicom, place.ports.web, place.token)
    with _senders(orders, acknowledged) as senders:
        enough = before + 2 * SHARE * chosen.number  # a report and one picture each
        for kill in kills(seed, pause=chosen.pause):
            if senders.poll() is not None and place.archive.count >= enough:
                break
            if time.monotonic() > begun + chosen.patience:
                break
            _strike(place, kill)
        if not place.hospital.run(chosen.patience, until=lambda: senders.poll() is not None) or senders.returncode:
            sys.exit("Not all that was sent was ever acknowledged.")
    of_study = {uid: one.uid for one in planned for uid in one.instances}
    place.acknowledged |= {uid: of_study[uid] for uid in acknowledged.read_text().split()}
    say(f"seed {seed}: all sent and {place.killed} killed after {time.monotonic() - begun:.0f} s")
    _wait_for_calm(place, begun + chosen.patience)
    say(f"seed {seed}: nothing left to do after {time.monotonic() - begun:.0f} s")


@contextmanager
def _senders(orders: Orders, acknowledged: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.bench.chaos.senders"]
    with acknowledged.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, cwd=ROOT)
    try:
        assert process.stdin
        process.stdin.write(json.dumps(asdict(orders)).encode())
        process.stdin.close()
        yield process
    finally:
        process.kill()
        process.wait()


def _strike(place: Place, kill: Kill) -> None:
    place.hospital.run(kill.after)
    place.hospital.kill(kill.victim)
    place.killed += 1
    place.hospital.run(kill.away)
    place.hospital.start(kill.victim)


def _wait_for_calm(place: Place, deadline: float) -> None:
    """Until nothing was open for a while, so that what is made of the last thing is seen too."""
    from django.db import connections

    connections.close_all()  # its server was killed since
    if not place.hospital.run(60, until=_answers):
        sys.exit("The database does not answer.")
    calm_since = told = time.monotonic()
    while (now := time.monotonic()) - calm_since < QUIET_SECONDS:
        left = looking.open_jobs()
        if any(left.values()):
            calm_since = now
            if now - told > NEWS_SECONDS:
                told = now
                say(", ".join(f"{name} {number}" for name, number in left.items()))
        if now > deadline:
            say(f"The patience has ended: {left}")
            return
        place.hospital.run(1)


# --- the report --------------------------------------------------------------------------------------------


def _report(chosen: argparse.Namespace, place: Place, lost: list[str], twice: list[str]) -> None:
    for line in lost:
        say(f"lost: {line}")
    for line in twice:
        say(f"duplicated: {line}")
    say(
        f"chaos-hospital: studies {chosen.number}, seeds {chosen.seeds}, kills {place.killed}, "
        f"acknowledged {len(place.acknowledged)}, lost {len(lost)}, duplicated {len(twice)}"
    )
    if lost or twice:
        sys.exit(1)


if __name__ == "__main__":
    main()
