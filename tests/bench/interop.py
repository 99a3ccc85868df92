"""C-STORE of one CT study into the portal's listener and into Debian's Orthanc: `python -m tests.bench.interop`.

One `storescu` sends the same files to both, in turn, so that whatever else the machine does meets both. A send is over
when the sender has the answer to its last file; then all must be in the index of the receiver. Each turn begins with
neither having seen the study. The last line has the medians and their ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_connection, socket

from tests.bench.reading import set_up, throw_away_database

ROOT = Path(__file__).resolve().parents[2]
TITLE = "BENCH"
ORTHANC = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
START_SECONDS = 60
PDU = "131072"  # dcmtk's largest
SIDE = 512


def main() -> None:
    chosen = _chosen()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as var, throw_away_database("bench_interop"):
        folder = Path(var)
        set_up(var)
        files = _series(folder / "series", chosen.number)
        with ExitStack() as stack:
            ours, ours_indexed = stack.enter_context(_listener())
            theirs, theirs_indexed = stack.enter_context(_orthanc(folder))
            times: dict[str, list[float]] = {"ours": [], "Orthanc": []}
            for turn in range(chosen.rounds):
                study = _renamed(files, turn)
                for name, port, indexed in (("ours", ours, ours_indexed), ("Orthanc", theirs, theirs_indexed)):
                    before = indexed()
                    times[name].append(_send(port, study))
                    found = indexed() - before
                    if found != chosen.number:
                        sys.exit(f"{name} has {found} of {chosen.number} instances in its index.")
                    print(f"turn {turn + 1}: {name} {times[name][-1]:.1f} s", flush=True)
    _report(chosen.number, times)


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--number", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _series(folder: Path, number: int) -> list[Path]:
    """Uncompressed slices of 512 by 512: a few phantoms, each with a UID of its own."""
    from pydicom.uid import generate_uid

    from ml.imaging.phantom import phantom_dicom

    folder.mkdir()
    study, series = generate_uid(), generate_uid()
    drawn = [phantom_dicom("CT", side=SIDE, seed=seed) for seed in range(4)]
    files = []
    for index in range(number):
        path = folder / f"{index:04}.dcm"
        values = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "InstanceNumber": index}
        path.write_bytes(_with(drawn[index % 4], **values))
        files.append(path)
    return files


def _with(data: bytes, **values: object) -> bytes:
    from io import BytesIO

    import pydicom
    from pydicom.uid import generate_uid

    dataset = pydicom.dcmread(BytesIO(data))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for name, value in values.items():
        setattr(dataset, name, value)
    written = BytesIO()
    dataset.save_as(written)
    return written.getvalue()


def _renamed(files: list[Path], turn: int) -> list[Path]:
    """The same slices as another examination, for every turn but the first."""
    if turn:
        from pydicom.uid import generate_uid

        study, series = generate_uid(), generate_uid()
        for path in files:
            path.write_bytes(_with(path.read_bytes(), StudyInstanceUID=study, SeriesInstanceUID=series))
    return files


def _send(port: int, files: list[Path]) -> float:
    """Seconds of one association, from the sender's start to its end."""
    command = ["storescu", "-pdu", PDU, "-aet", TITLE, "-aec", "PORTAL", "127.0.0.1", str(port)]
    begun = time.monotonic()
    subprocess.run([*command, "+sd", str(files[0].parent)], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


Counting = Callable[[], int]


@contextmanager
def _listener() -> Iterator[tuple[int, Counting]]:
    """The portal's listener as it ships; what it has is counted in its table."""
    from django.core.management import call_command

    from accounts.models import Clinic
    from network.models import ReceivedInstance, RemoteEntity

    call_command("migrate", verbosity=0)
    clinic = Clinic.objects.create(name="Bench")
    RemoteEntity.objects.create(clinic=clinic, title=TITLE, networks="127.0.0.1")
    port = _free_port()
    command = [sys.executable, "manage.py", "listen_dicom", "--port", str(port)]
    environment = {**os.environ, "DICOM_INSTANCES_PER_MINUTE": "1000000"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield port, ReceivedInstance.objects.count
        finally:
            process.terminate()


@contextmanager
def _orthanc(folder: Path) -> Iterator[tuple[int, Counting]]:
    """Debian's Orthanc with its own storage and index (SQLite), as its package sets it up."""
    port, web = _free_port(), _free_port()
    configuration = {
        "Name": "bench",
        "DicomAet": "PORTAL",
        "DicomPort": port,
        "HttpPort": web,
        "StorageDirectory": str(folder / "orthanc"),
        "IndexDirectory": str(folder / "orthanc"),
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [],
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(configuration))
    with subprocess.Popen([ORTHANC, str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            _wait_for(web, process)
            yield port, lambda: int(_asked(web)["CountInstances"])
        finally:
            process.terminate()


def _asked(web: int) -> dict[str, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{web}/statistics", timeout=30) as answer:
        found: dict[str, str] = json.load(answer)
    return found


def _free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"{process.args!r} does not answer on port {port}.")


def _report(number: int, times: dict[str, list[float]]) -> None:
    ours, theirs = (statistics.median(times[name]) for name in ("ours", "Orthanc"))
    print(
        f"C-STORE of {number} slices, stored and indexed: ours {ours:.1f} s, Orthanc {theirs:.1f} s, "
        f"ratio {ours / theirs:.2f}"
    )


if __name__ == "__main__":
    main()
