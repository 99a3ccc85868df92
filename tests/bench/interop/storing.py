"""One study into each peer, by C-STORE and by STOW-RS."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.interop.peers import PORTAL, TITLE, Peer
from tests.bench.stow import multipart

PDU = "131072"  # dcmtk's largest
# What Orthanc as a client puts into one request, unless it is told otherwise.
INSTANCES_A_REQUEST = 10
Send = Callable[[Peer, Sequence[Path]], None]


def timed(send: Send, peer: Peer, files: Sequence[Path]) -> float:
    """Seconds until the sender has its last answer; ends the benchmark unless all are in the index then."""
    before = peer.indexed()
    begun = time.monotonic()
    send(peer, files)
    took = time.monotonic() - begun
    found = peer.indexed() - before
    if found != len(files):
        sys.exit(f"{peer.name} has {found} of {len(files)} instances in its index.")
    return took


def c_store(peer: Peer, files: Sequence[Path]) -> None:
    """In one association of dcmtk's storescu."""
    command = ["storescu", "-pdu", PDU, "-aet", TITLE, "-aec", PORTAL, "127.0.0.1", str(peer.dicom)]
    subprocess.run([*command, "+sd", str(files[0].parent)], check=True, stdout=subprocess.DEVNULL)


def stow(peer: Peer, files: Sequence[Path]) -> None:
    """Request after request on one connection, as Orthanc sends to another server."""
    address = urlsplit(peer.stow)
    authorisation = {"Authorization": f"Bearer {peer.token}"} if peer.token else {}
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=600)
    for begin in range(0, len(files), INSTANCES_A_REQUEST):
        body, headers = multipart(path.read_bytes() for path in files[begin : begin + INSTANCES_A_REQUEST])
        connection.request("POST", address.path, body, headers | authorisation)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            sys.exit(f"{peer.name} answers {answer.status}: {said[:500].decode(errors='replace')}")
    connection.close()
