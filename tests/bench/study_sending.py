"""One study at a time, sent to a running portal and followed until it has a result."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import study_files
from tests.bench.browsing import Browsing
from tests.bench.client import Client
from tests.bench.flow import FINISHED, say
from tests.bench.study_files import File

if TYPE_CHECKING:
    from diagnosis.models import Analysis, Study

ASK_SECONDS = 0.02
PATIENCE_SECONDS = 600
_GREYSCALE = re.compile(r'"greyscale": "([^"]+)"')


@dataclass(frozen=True)
class Sent:
    """What became of a study. Seconds, and bytes."""

    name: str
    images: int
    upload: float
    result: float  # after the last image was there
    worker: float  # of the last analysis, from a worker's claim to the stored result
    originals: int
    disk: int
    analyses: int
    readings: int  # rows in the queue
    load: float  # average of the last minute, at the end

    @property
    def total(self) -> float:
        return self.upload + self.result


@dataclass(frozen=True)
class Site:
    """The running portal, and one of its patients."""

    client: Client
    browsing: Browsing
    patient: str
    watch: Callable[[], bool]

    def send(self, name: str, files: Sequence[File], *, as_archive: bool = False) -> Sent:
        """Send `files`, which are one study, and wait until all of them are in its result."""
        packed, before = study_files.archive(files) if as_archive else b"", disk()
        begun = time.perf_counter()
        if as_archive:
            self.client.upload_archive(patient=self.patient, name="study.zip", data=packed)
        else:
            self._send_each(files)
        uploaded = time.perf_counter()
        study = newest()
        self._wait(study, deadline=uploaded + PATIENCE_SECONDS)
        times = {"upload": uploaded - begun, "result": time.perf_counter() - uploaded}
        sent = _sent(name, study, files, disk() - before, times)
        say(f"{name}: upload {sent.upload:.1f} s, result {sent.result:.1f} s later (load average {sent.load:.0f})")
        self.watch()
        return sent

    def _send_each(self, files: Sequence[File]) -> None:
        for file in files:
            modality = "cxr" if file.name in study_files.VIEWS else "ct"
            self.client.upload(patient=self.patient, modality=modality, name=file.name, data=file.data)

    def _wait(self, study: Study, *, deadline: float) -> None:
        """As a program does that has been told of the analysis: by asking for it."""
        pk = str(study.analyses.latest("number").pk)
        while (said := self.client.analysis(pk))["status"] not in FINISHED:
            time.sleep(ASK_SECONDS)
            if time.perf_counter() > deadline:
                sys.exit(f"The analysis is still {said['status']} after {PATIENCE_SECONDS} s.")
        if said["status"] != "succeeded":
            sys.exit(f"The analysis {said['status']}: {study.analyses.latest('number').failure_reason}")

    def view(self, image: str) -> tuple[float, float]:
        """Open the viewer at an image. Returns milliseconds: for the page, and for the values that it shows first."""
        begun = time.perf_counter()
        page = self.browsing.get(f"/scans/{image}/view/").text
        there = time.perf_counter()
        found = _GREYSCALE.search(page)
        assert found, "the viewer's page names no image"
        self.browsing.image(found[1])
        return 1000 * (there - begun), 1000 * (time.perf_counter() - there)


def disk() -> int:
    """Bytes of everything that the portal keeps beside its rows."""
    from django.conf import settings

    return sum(path.stat().st_size for path in Path(settings.PRIVATE_ROOT).rglob("*") if path.is_file())


def newest() -> Study:
    from diagnosis.models import Study

    return Study.objects.latest("received_at")


def _sent(name: str, study: Study, files: Sequence[File], grown: int, times: dict[str, float]) -> Sent:
    from diagnosis.models.review import OPEN

    last = study.analyses.latest("number")
    _require_whole(study, last, len(files))
    assert last.started_at and last.finished_at
    return Sent(
        name=name,
        images=len(files),
        worker=(last.finished_at - last.started_at).total_seconds(),
        originals=study_files.total(files),
        disk=grown,
        analyses=study.analyses.count(),
        readings=study.reviews.filter(status__in=OPEN).count(),
        load=os.getloadavg()[0],
        **times,
    )


def _require_whole(study: Study, analysis: Analysis, count: int) -> None:
    """A result that leaves an image out would be quick, and wrong."""
    from diagnosis.models import Scan

    images = Scan.objects.filter(series__study=study)
    classified = images.filter(not_classified_code="").count()
    assert images.count() == count, f"{images.count()} of {count} images are in the study"
    seen = analysis.image_results.count()
    assert seen == classified, f"the result has {seen} of {classified} images"
