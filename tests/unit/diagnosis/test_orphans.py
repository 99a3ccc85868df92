"""Files without a row are swept; files with one never are, and no original is ever deleted."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.withdrawal import take_back
from diagnosis.models import Patient, Scan
from diagnosis.models.scan import Modality
from diagnosis.scans import orphans, rendition
from tests.factories import finish
from tests.images import xray_png

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
STRANGER = uuid.UUID(int=0xABC)


def age(root: Path) -> None:
    old = time.time() - 2 * orphans.SAFE_AGE.total_seconds()
    for file in root.rglob("*"):
        if file.is_file():
            os.utime(file, (old, old))


def files(root: Path) -> set[str]:
    return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}


def leave(root: Path, folder: str, name: str) -> str:
    place = root / folder / name[:2] / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"left behind")
    return str(place.relative_to(root))


@pytest.fixture
def root(settings: Any) -> Iterator[Path]:
    """The folder of originals, empty: what earlier tests left in it has lost its rows, and comes back afterwards."""
    folder = Path(settings.PRIVATE_ROOT)
    earlier = folder.with_name("earlier")
    folder.mkdir(parents=True, exist_ok=True)
    folder.rename(earlier)
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)
    earlier.rename(folder)


def test_what_no_row_names_is_put_away_and_nothing_else(
    root: Path, patient: Patient, radiographer: User, capsys: pytest.CaptureFixture[str]
) -> None:
    right = upload_scan(by=radiographer, patient=patient, data=xray_png(1), name="a.png", modality=Modality.CXR).scan
    finish(right, 0.4)
    wrong = upload_scan(by=radiographer, patient=patient, data=xray_png(7), name="b.png", modality=Modality.CXR).scan
    rendition.rendition(wrong, rendition.THUMBNAIL)
    take_back(by=radiographer, study=wrong.study)
    assert not Scan.objects.filter(pk=wrong.pk).exists()  # hidden, and yet not without a row
    kept = files(root)
    assert {name.split("/")[0] for name in kept} >= {"originals", "attention", "seen", "renditions"}
    left = {
        folder: leave(root, folder, f"{STRANGER.hex}{ending}")
        for folder, ending in (("originals", ""), ("attention", ".png"), ("seen", ".png"), ("drawn", ".png"))
    }
    left["renditions"] = leave(root, "renditions", f"{STRANGER.hex}-2048-2.png")
    left["draft"] = leave(root, "renditions", "tmp4f3k2")
    age(root)
    call_command("sweep_orphans", dry_run=True)
    assert set(capsys.readouterr().out.split()) == {str(root / name) for name in left.values()}
    call_command("sweep_orphans")
    assert files(root) == kept | {f"set_aside/{left['originals']}"}
    assert orphans.sweep(root) == 0


def test_a_file_that_may_be_waiting_for_its_row_is_left_alone(root: Path) -> None:
    young = leave(root, "originals", STRANGER.hex)
    assert orphans.sweep(root) == 0
    assert young in files(root)
    assert orphans.sweep(root, older_than=timedelta(seconds=-1)) == 1
