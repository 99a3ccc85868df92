"""What a browser may keep of signed-in pages."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from diagnosis.models import Patient

pytestmark = pytest.mark.django_db


def test_a_signed_in_page_is_not_kept(client: Client, radiographer: User, patient: Patient) -> None:
    client.force_login(radiographer)
    for address in (reverse("diagnosis:home"), reverse("diagnosis:patient-detail", args=[patient.pk])):
        assert "no-store" in client.get(address).headers["Cache-Control"]


def test_a_public_page_may_be_kept(client: Client) -> None:
    assert "no-store" not in client.get(reverse("portal:about")).headers.get("Cache-Control", "")
