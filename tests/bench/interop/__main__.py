"""Studies into the portal and into Debian's Orthanc, and results between them: `make bench-interop N=300`.

The same files go to both by C-STORE and by STOW-RS, in turn, so that whatever else the machine does meets both. A send
is over when the sender has the answer to its last file; then all must be in the index of the receiver. Each turn begins
with neither having seen the study. Then the whole portal starts, takes one study by C-STORE, and sends its result to an
Orthanc; and the searches that a record makes over FHIR are timed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench.flow import free_port, percentile, say
from tests.bench.interop import peers, results, slices, storing
from tests.bench.interop.peers import Peer
from tests.bench.reading import set_up, throw_away_database
from tests.ports import own_port

WAYS = {"C-STORE": storing.c_store, "STOW": storing.stow}
Times = dict[tuple[str, str], list[float]]
# The one person that both the portal and the files know.
PERSON = {"PatientID": "BENCH-1", "PatientName": "Berg^Alma", "PatientBirthDate": "19580314"}


def main() -> None:
    chosen = _chosen()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as var, throw_away_database("bench_interop"):
        os.environ.update(DICOMWEB_STORE="1", DICOM_INSTANCES_PER_MINUTE="1000000", DICOM_PORT=str(own_port()))
        set_up(var)
        times = _store(Path(var), chosen)
        _empty()
        whole, after, searches = _answer(Path(var), chosen.number)
    _report(chosen.number, times, whole, after, searches)


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--number", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _store(folder: Path, chosen: argparse.Namespace) -> Times:
    files = slices.make_series(folder / "series", chosen.number)
    times: Times = {}
    with ExitStack() as stack:
        both = (
            stack.enter_context(peers.portal(folder)),
            stack.enter_context(peers.archive(folder / "orthanc")),
        )
        for turn in range(chosen.rounds):
            for way, send in WAYS.items():
                slices.rename(files)
                for peer in both:
                    took = storing.timed(send, peer, files)
                    times.setdefault((way, peer.name), []).append(took)
                    say(f"turn {turn + 1}: {way}, {peer.name} {took:.1f} s")
    return times


def _empty() -> None:
    """What waits would be sorted while the next thing is measured."""
    from django.db import connections

    from network.models import ReceivedInstance

    ReceivedInstance.objects.all().delete()
    connections.close_all()


def _answer(folder: Path, number: int) -> tuple[float, float, list[float]]:
    from portal.embedded.launcher import Launcher

    files = slices.make_series(folder / "study", number, **PERSON)
    with peers.archive(folder / "archive", title=results.ARCHIVE) as archive:
        patient = _prepare(archive)
        launcher = Launcher(host="127.0.0.1", port=free_port(), say=say)
        with launcher.running():
            results.wait_for_workers(launcher.logs, launcher.step)
            ours = Peer("ours", int(os.environ["DICOM_PORT"]), "", "", lambda: 0)
            whole, after = results.way_of_a_result(files, lambda: storing.c_store(ours, files), archive, launcher.step)
            return whole, after, results.fhir_searches(launcher.port, _reader(), patient)


def _prepare(archive: Peer) -> str:
    """The person and the archive, as the portal knows them. Returns the person's key."""
    from datetime import date

    from accounts.models import Clinic
    from accounts.roles import Radiographer
    from delivery.models import Content, Destination, Kind
    from diagnosis.actions.patient import register_patient
    from diagnosis.models import ReadingPolicy
    from portal.demo.staff import member

    clinic = Clinic.objects.get()
    # Without it no result for CT leaves.
    ReadingPolicy.objects.update_or_create(clinic=clinic, defaults={"show_research_only": True})
    Destination.objects.create(
        clinic=clinic,
        kind=Kind.DICOM,
        name="Archive",
        host="127.0.0.1",
        port=archive.dicom,
        called_title=results.ARCHIVE,
        calling_title=peers.PORTAL,
        contents=[Content.STUDY_RESULT],
    )
    patient = register_patient(
        by=member(clinic, Radiographer),
        clinic=clinic,
        medical_record_number=PERSON["PatientID"],
        family_name="Berg",
        given_name="Alma",
        birth_date=date(1958, 3, 14),
    )
    return str(patient.pk)


def _reader() -> str:
    from accounts.models import ApiToken, Clinic, Membership
    from accounts.roles import Radiologist
    from portal.demo.staff import member

    clinic = Clinic.objects.get()
    membership = Membership.objects.get(user=member(clinic, Radiologist), clinic=clinic)
    return ApiToken.objects.issue(membership=membership, name="record")[1]


def _report(number: int, times: Times, whole: float, after: float, searches: list[float]) -> None:
    middle: dict[Any, float] = {of: statistics.median(taken) for of, taken in times.items()}
    stored = middle["C-STORE", "ours"] / middle["C-STORE", "Orthanc"]
    say(f"study of {number} slices to SR in Orthanc: {whole:.1f} s after the first slice was sent")
    say(
        f"C-STORE of {number} slices, stored and indexed: ours {middle['C-STORE', 'ours']:.1f} s, "
        f"Orthanc {middle['C-STORE', 'Orthanc']:.1f} s, ratio {stored:.2f}; "
        f"STOW ours {middle['STOW', 'ours']:.1f} s, Orthanc {middle['STOW', 'Orthanc']:.1f} s; "
        f"study to SR in Orthanc {after:.1f} s after the last slice; FHIR search p95 {percentile(searches, 95):.0f} ms"
    )


if __name__ == "__main__":
    main()
