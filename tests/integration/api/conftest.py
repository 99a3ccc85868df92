from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

if TYPE_CHECKING:
    from accounts.models import Clinic, User
    from diagnosis.models import Patient, Scan

Api = Callable[..., APIClient]


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    """Attempts of earlier tests do not count."""
    cache.clear()


@pytest.fixture
def api() -> Api:
    """`api(user)`: a client with a token of that person, in their only clinic unless one is named."""
    from accounts.models import ApiToken

    def make(user: User, *, at: Clinic | None = None) -> APIClient:
        memberships = user.memberships.all()
        membership = memberships.get(clinic=at) if at else memberships.get()
        _, secret = ApiToken.objects.issue(membership=membership, name="test")
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return make


@pytest.fixture
def scan(patient: Patient, radiographer: User) -> Scan:
    from diagnosis.actions.scan import upload_scan
    from diagnosis.models.scan import Modality
    from tests.images import xray_png

    return upload_scan(by=radiographer, patient=patient, data=xray_png(), name="a.png", modality=Modality.CXR).scan
