"""What pages say beside their data: where a button leads, whom a number counts, what a mark stands for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, User
from diagnosis import notifications
from diagnosis.models import Patient, Scan
from diagnosis.results.waiting import queue_place
from tests.factories import finish
from tests.images import xray_png
from tests.unit.diagnosis.views.conftest import As


@pytest.fixture
def client(as_: As, radiographer: User) -> Client:
    return as_(radiographer)


def text(response: Any) -> str:
    return str(response.content.decode())


def address(name: str, patient: Patient) -> str:
    return reverse(f"diagnosis:patient-{name}", args=[patient.pk])


@pytest.mark.parametrize(
    ("ahead", "sentence"),
    [
        (None, ""),
        (0, "It is next in the queue."),
        (1, "1 analysis is ahead of it in the queue."),
        (2, "2 analyses are ahead of it in the queue."),
    ],
)
def test_the_place_in_the_queue_is_a_sentence(ahead: int | None, sentence: str) -> None:
    assert queue_place(ahead) == sentence


def test_cancel_leads_back_to_the_record(client: Client, patient: Patient) -> None:
    quiet = re.compile(r'<a class="button button-quiet" href="([^"]*)">')
    assert address("detail", patient) in quiet.findall(text(client.get(address("edit", patient))))
    assert reverse("diagnosis:patient-list") in quiet.findall(text(client.get(reverse("diagnosis:patient-create"))))


def test_an_upload_without_a_script_leads_back_to_the_timeline(client: Client, patient: Patient) -> None:
    body = {"files": SimpleUploadedFile("a.png", xray_png()), "modality": "cxr"}
    shown = client.post(reverse("diagnosis:scan-upload", args=[patient.pk]), body)
    (back,) = re.findall(r'<a class="button button-primary" href="([^"]*)">', text(shown))
    assert back == address("detail", patient)


def test_one_row_alone_has_its_map_over_the_image(client: Client, scan: Scan) -> None:
    finish(scan, 0.9, 0.1)
    shown = client.get(reverse("diagnosis:scan-detail", args=[scan.pk]))
    rows = re.findall(r"<summary data-map=[^>]*>", text(shown))
    assert [("data-looked" in row) for row in rows] == [True, False]


def test_the_trend_fills_the_points_at_or_above_the_threshold(client: Client, patient: Patient, upload: Any) -> None:
    for number, probability in enumerate((0.9, 0.1, 0.2)):
        scan = upload(number)
        finish(scan, probability)
        Scan.objects.filter(pk=scan.pk).update(uploaded_at=timezone.now() - timedelta(days=number))
    page = text(client.get(address("detail", patient)))
    (drawing,) = re.findall(r"<svg viewBox=.*?</svg>", page, re.DOTALL)
    marks = re.findall(r'<circle class="trend-(\w+)"', drawing)
    assert sorted(marks) == ["above", "below", "below"]
    assert drawing.count('class="trend-threshold"') == 1
    assert "threshold 43.2" in page  # in the key


def test_the_bell_counts_what_its_owner_may_still_see(client: Client, scan: Scan, radiographer: User) -> None:
    finish(scan, 0.9)
    assert notifications.unread_count(radiographer).number == 1
    assert 'aria-label="Notices, 1 new"' in text(client.get(reverse("diagnosis:notifications")))
    Membership.objects.filter(user=radiographer).update(is_active=False)
    assert notifications.unread_count(radiographer).number == 0
