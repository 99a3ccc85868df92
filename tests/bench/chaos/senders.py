"""The modalities and one program: each sends its study again and again until all of it was answered with Success.

A process of its own, `python -m tests.bench.chaos.senders`: who kills the others must not share its threads. It is told
what to send on standard input, and writes each UID that was acknowledged as a line on standard output.
"""

from __future__ import annotations

import http.client
import json
import logging
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock
from typing import Any

import pydicom
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian
from pynetdicom import AE

from tests.bench.chaos.studies import Study, files, planned
from tests.bench.stow import multipart

TITLE, CALLED = "MODALITY", "PORTAL"
SECONDS = 15.0  # without an answer: then the sender hangs up and tries again
PAUSE_SECONDS = 0.5
SENDERS = 4
SUCCESS = 0
STORED, INSTANCE = "00081199", "00081155"  # of the answer to STOW-RS


@dataclass(frozen=True)
class Orders:
    """What the process is told."""

    seed: int
    count: int
    every: float
    dicom_port: int
    web_port: int
    token: str = field(repr=False)


class Acknowledged:
    """The UIDs that were answered with Success, each told once."""

    def __init__(self) -> None:
        self._uids: set[str] = set()
        self._lock = Lock()

    def add(self, uid: str) -> None:
        with self._lock:
            if uid not in self._uids:
                self._uids.add(uid)
                print(uid, flush=True)

    def without(self, all_files: Mapping[str, bytes]) -> dict[str, bytes]:
        return {uid: data for uid, data in all_files.items() if uid not in self._uids}


def main() -> None:
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    orders = Orders(**json.load(sys.stdin))
    begun, told = time.monotonic(), Acknowledged()
    with ThreadPoolExecutor(SENDERS) as pool:
        studies = planned(orders.seed, orders.count, every=orders.every)
        for done in [pool.submit(_send, study, orders, told, begun) for study in studies]:
            done.result()


def _send(study: Study, orders: Orders, told: Acknowledged, begun: float) -> None:
    time.sleep(max(0.0, begun + study.at - time.monotonic()))
    everything = files(study)
    while left := told.without(everything):
        with suppress(OSError, http.client.HTTPException, RuntimeError, ValueError):
            (_post if study.over_the_web else _store)(left, orders, told)
        if told.without(everything):
            time.sleep(PAUSE_SECONDS)


def _store(left: Mapping[str, bytes], orders: Orders, told: Acknowledged) -> None:
    """One association. Whatever ends it, the next one sends what was not acknowledged."""
    modality = AE(TITLE)
    modality.acse_timeout = modality.dimse_timeout = modality.network_timeout = modality.connection_timeout = SECONDS
    modality.add_requested_context(DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian)
    link = modality.associate("127.0.0.1", orders.dicom_port, ae_title=CALLED)
    try:
        for uid, data in left.items():
            if not link.is_established:
                return
            if getattr(link.send_c_store(pydicom.dcmread(BytesIO(data))), "Status", None) == SUCCESS:
                told.add(uid)
    finally:
        if link.is_established:
            link.release()


def _post(left: Mapping[str, bytes], orders: Orders, told: Acknowledged) -> None:
    """STOW-RS. What the answer does not name as stored is sent again."""
    body, headers = multipart(left.values())
    headers["Authorization"] = f"Bearer {orders.token}"
    link = http.client.HTTPConnection("127.0.0.1", orders.web_port, timeout=SECONDS)
    try:
        link.request("POST", "/api/dicom-web/studies", body, headers)
        answer = link.getresponse()
        said: dict[str, Any] = json.loads(answer.read())
    finally:
        link.close()
    for item in said.get(STORED, {}).get("Value", []):
        told.add(item[INSTANCE]["Value"][0])


if __name__ == "__main__":
    main()
