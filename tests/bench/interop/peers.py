"""Who stores: the portal's listener and its web server, and Debian's Orthanc."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests import orthanc
from tests.ports import is_served, own_port

ROOT = Path(__file__).resolve().parents[3]
TITLE = "BENCH"  # of the sender
PORTAL = "PORTAL"


@dataclass(frozen=True)
class Peer:
    """`dicom`: its port for C-STORE. `stow`: where instances are posted, with `token` where it asks for one."""

    name: str
    dicom: int
    stow: str
    token: str
    indexed: Callable[[], int]


@contextmanager
def portal(folder: Path) -> Iterator[Peer]:
    """Listener and web server as they ship, without a worker: what is stored waits in a table and is counted there."""
    from django.core.management import call_command
    from django.db import connections

    from network.models import ReceivedInstance
    from portal.embedded import listener, static_files, web

    call_command("migrate", verbosity=0)
    token = make_sender()
    static_files.collect_when_stale()
    connections.close_all()
    dicom, http = int(os.environ["DICOM_PORT"]), own_port()
    processes = (
        listener.listener_process(root=ROOT, log=folder / "listener.log"),
        web.web_process(host="127.0.0.1", port=http, root=ROOT, log=folder / "web.log"),
    )
    with ExitStack() as stack:
        for process in processes:
            process.start()
            stack.callback(process.stop)
        if not is_served(dicom, alive=lambda: processes[0].running):
            sys.exit(f"The listener does not answer: {folder / 'listener.log'} has the reason.")
        if not web.wait_until_ready("127.0.0.1", http, meanwhile=lambda: None):
            sys.exit(f"The web server does not answer: {folder / 'web.log'} has the reason.")
        stow = f"http://127.0.0.1:{http}/api/dicom-web/studies"
        yield Peer("ours", dicom, stow, token, ReceivedInstance.objects.count)


def make_sender() -> str:
    """A clinic that takes what BENCH sends. Returns the secret of a token that may store over the web."""
    from accounts.models import ApiToken, Membership
    from accounts.roles import Radiographer
    from network.models import RemoteEntity
    from portal.demo.staff import ensure_staff, member

    clinic, _ = ensure_staff()
    RemoteEntity.objects.create(clinic=clinic, title=TITLE, networks="127.0.0.1")
    membership = Membership.objects.get(user=member(clinic, Radiographer), clinic=clinic)
    return ApiToken.objects.issue(membership=membership, name="bench")[1]


@contextmanager
def archive(folder: Path, *, title: str = PORTAL) -> Iterator[Peer]:
    """With its own storage and index (SQLite) and its plug-in for DICOMweb, as its packages set it up."""
    port, web = own_port(), own_port()
    with orthanc.running(folder, dicom=port, web=web, title=title, plugins=(orthanc.DICOMWEB,)):
        yield Peer("Orthanc", port, f"http://127.0.0.1:{web}/dicom-web/studies", "", partial(orthanc.count, web))
