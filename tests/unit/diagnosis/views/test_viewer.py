from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, User
from accounts.permissions import Permission
from accounts.roles import ROLES
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Patient, ReadingPreference, Scan
from diagnosis.models.review import Category
from diagnosis.scans import greyscale
from diagnosis.templatetags.viewer import PARTS
from ml.imaging.greyscale import greyscale as measured
from tests.factories import finish_study
from tests.greyscale import unpacked
from tests.images import NAMELESS, ct_dicom, xray_dicom
from tests.unit.diagnosis.views.conftest import As

GZIP = {"Accept-Encoding": "gzip, deflate, br"}
NAMES = {"patient_name": "Berg^Alma", "patient_id": "MRN-0001", "birth_date": dt.date(1958, 3, 14)}


def address(view: str, scan: Scan) -> str:
    return reverse(f"diagnosis:{view}", args=[scan.pk])


@pytest.fixture
def client(as_: As, radiologist: User) -> Client:
    return as_(radiologist)


@pytest.fixture
def dicom_scan(radiographer: User, patient: Patient) -> Scan:
    return upload_scan(by=radiographer, patient=patient, data=xray_dicom(**NAMES), name="a.dcm").scan


@pytest.fixture
def series(radiographer: User, patient: Patient) -> list[Scan]:
    """Three slices, uploaded out of order."""
    made = {n: upload_scan(by=radiographer, patient=patient, data=slice_of(n), name="a").scan for n in (2, 3, 1)}
    return [made[n] for n in (1, 2, 3)]


def slice_of(number: int, year: int = 2024) -> bytes:
    return ct_dicom(seed=number, instance_number=number, acquired_at=dt.datetime(year, 5, 1))  # noqa: DTZ001


# --- values ------------------------------------------------------------------------------------------------
def test_the_values_arrive_bit_for_bit(client: Client, dicom_scan: Scan) -> None:
    response = client.get(address("scan-greyscale", dicom_scan), headers=GZIP)
    with dicom_scan.original.open("rb") as file:
        expected = measured(file.read())
    _, raw = unpacked(response.content)
    assert np.array_equal(raw, expected.raw)
    assert response["Content-Encoding"] == "gzip"
    assert response["Cache-Control"] == "private, no-cache"


def test_nothing_of_the_file_but_its_pixels(client: Client, dicom_scan: Scan) -> None:
    body = client.get(address("scan-greyscale", dicom_scan)).content
    for secret in (b"Berg", b"MRN-0001", b"1958", dicom_scan.study_instance_uid.encode()):
        assert secret not in body


def test_without_gzip_it_comes_plain(client: Client, dicom_scan: Scan) -> None:
    response = client.get(address("scan-greyscale", dicom_scan), headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in response
    assert response.content.startswith(greyscale.MAGIC)


def test_it_is_decoded_once_and_not_sent_twice(client: Client, dicom_scan: Scan, radiologist: User) -> None:
    first = client.get(address("scan-greyscale", dicom_scan), headers=GZIP)
    dicom_scan.original.delete(save=False)
    assert client.get(address("scan-greyscale", dicom_scan), headers=GZIP).content == first.content
    known = GZIP | {"If-None-Match": first["ETag"]}
    again = client.get(address("scan-greyscale", dicom_scan), headers=known)
    assert (again.status_code, again.content) == (304, b"")
    # Who has left gets nothing for knowing the tag.
    Membership.objects.filter(user=radiologist).update(is_active=False)
    assert client.get(address("scan-greyscale", dicom_scan), headers=known).status_code == 404


def test_a_lost_original_is_not_found(client: Client, dicom_scan: Scan) -> None:
    dicom_scan.original.delete(save=False)
    assert client.get(address("scan-greyscale", dicom_scan), headers=GZIP).status_code == 404


# --- doors -------------------------------------------------------------------------------------------------
VIEWS = {
    "scan-view": Permission.VIEW_PATIENT,
    "scan-viewer": Permission.VIEW_PATIENT,
    "scan-greyscale": Permission.VIEW_PATIENT,
    "scan-slices": Permission.VIEW_PATIENT,
    "scan-slice-scores": Permission.VIEW_RESULT,
}


@pytest.mark.parametrize("view", VIEWS)
def test_strangers_find_nothing(as_: As, stranger: User, dicom_scan: Scan, view: str) -> None:
    assert as_(stranger).get(address(view, dicom_scan)).status_code == 404
    assert Client().get(address(view, dicom_scan)).status_code == 302


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_it_may(as_: As, member: Any, dicom_scan: Scan, view: str, role: str) -> None:
    person = member(role)
    held = person.permissions_in(dicom_scan.clinic)
    if Permission.VIEW_PATIENT not in held:
        expected = 404
    else:
        expected = 200 if VIEWS[view] in held else 403
    assert as_(person).get(address(view, dicom_scan)).status_code == expected


# --- series ------------------------------------------------------------------------------------------------
def test_slices_come_in_the_order_of_their_numbers(client: Client, series: list[Scan]) -> None:
    told = client.get(address("scan-slices", series[1])).json()["slices"]
    assert [one["id"] for one in told] == [str(scan.pk) for scan in series]


def test_scores_come_apart_from_the_slices(client: Client, series: list[Scan]) -> None:
    finish_study({series[0]: 0.8, series[1]: 0.15})
    plain = client.get(address("scan-slices", series[0])).content
    assert not re.search(rb"(?<![0-9])0\.9", plain)  # after a digit it may be a moment
    scores = client.get(address("scan-slice-scores", series[0])).json()["scores"]
    assert set(scores) == {str(series[0].pk), str(series[1].pk)}
    first = scores[str(series[0].pk)]
    assert (first["probability"], first["above"], first["total"]) == (pytest.approx(0.8), 1, 1)
    assert len(first["attention"]) == 1
    assert scores[str(series[1].pk)]["attention"] == []


def test_the_page_names_every_module_that_the_first_picture_needs() -> None:
    root = Path(settings.BASE_DIR, "static/js")
    needed = imported(root / "viewer/viewer.js")
    assert set(PARTS) == {path.relative_to(root).with_suffix("").as_posix() for path in needed}
    there = set((root / "viewer").glob("*.js"))
    # The dialogue is fetched when it is asked for; the worker is no part of the page.
    apart = ("viewer/viewer.js", "viewer/dialog.js", "viewer/unpacking_worker.js")
    assert there - needed == {root / name for name in apart}


def imported(module: Path) -> set[Path]:
    """All modules that come with it, however far away; not those of an `import()`."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        here = waiting.pop()
        names = re.findall(r'^import (?:[^;]*? from )?"(.+?)";', here.read_text(), re.MULTILINE)
        new = {(here.parent / name).resolve() for name in names} - found
        found |= new
        waiting.extend(new)
    return found


# --- what a page is told -----------------------------------------------------------------------------------
def told_by(client: Client, scan: Scan) -> dict[str, Any]:
    """The settings in the page itself."""
    html = client.get(address("scan-view", scan)).content.decode()
    start = html.index('type="application/json">') + len('type="application/json">')
    return dict(json.loads(html[start : html.index("</script>", start)]))


def test_the_page_and_the_address_tell_the_same(client: Client, series: list[Scan]) -> None:
    finish_study({series[0]: 0.9, series[1]: 0.2})
    told = told_by(client, series[0])
    assert told == client.get(address("scan-viewer", series[0])).json()
    assert told["attention"][str(series[0].pk)][0]["name"] == "classifier-0 1.2.3"
    assert told["scores"] == address("scan-slice-scores", series[0])


def test_read_first_leaves_no_way_to_the_result_in_the_page(
    client: Client, radiologist: User, series: list[Scan]
) -> None:
    from diagnosis.actions.review import claim_review, commit_first_impression

    finish_study({series[0]: 0.9, series[1]: 0.4})
    ReadingPreference.objects.create(user=radiologist, read_first=True)
    hidden = told_by(client, series[0])
    assert not {"attention", "scores", "legend"} & set(hidden)
    assert client.get(address("scan-slice-scores", series[0])).json() == {
        "scores": {},
        "key_images": [],
        "unasked": [],
    }
    review = claim_review(by=radiologist, review=series[0].reviews.get())
    commit_first_impression(by=radiologist, review=review, category=Category.TYPICAL)
    assert "attention" in client.get(hidden["self"]).json()
    scores = client.get(address("scan-slice-scores", series[0])).json()["scores"]
    assert set(scores) == {str(series[0].pk), str(series[1].pk)}


def test_the_study_before_is_offered_and_no_later_or_foreign_one(
    client: Client, radiographer: User, patient: Patient, series: list[Scan]
) -> None:
    def put(number: int, year: int) -> Scan:
        return upload_scan(by=radiographer, patient=patient, data=slice_of(number, year), name="a").scan

    earlier = [put(number, 2023) for number in (1, 2, 3)]
    put(1, 2025)
    upload_scan(by=radiographer, patient=patient, data=xray_dicom(**NAMELESS), name="a")
    told = told_by(client, series[0])
    assert [one["id"] for one in told["prior"]] == [str(earlier[0].pk)]
