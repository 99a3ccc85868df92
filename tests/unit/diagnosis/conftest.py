from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from accounts.models import User
    from diagnosis.models import Analysis, Patient, Scan


@pytest.fixture
def upload(patient: Patient, radiographer: User) -> Callable[..., Scan]:
    """`upload(seed=2)`: another synthetic X-ray of `patient`, through the action that people use."""
    from diagnosis.actions.scan import upload_scan
    from diagnosis.models.scan import Modality
    from tests.images import xray_png

    def make(seed: int = 0, *, name: str = "a.png", of: Patient = patient, by: User = radiographer) -> Scan:
        return upload_scan(by=by, patient=of, data=xray_png(seed), name=name, modality=Modality.CXR).scan

    return make


@pytest.fixture
def scan(upload: Callable[..., Scan]) -> Scan:
    return upload()


@pytest.fixture
def analysis(scan: Scan) -> Analysis:
    """Queued, of `scan`."""
    return scan.analyses.get()
