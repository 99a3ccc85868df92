from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from accounts.models import Membership, User
from diagnosis.models import Prediction, Scan
from diagnosis.results import colour
from diagnosis.scans import rendition
from tests.images import xray_png
from tests.unit.diagnosis.views.conftest import As


@pytest.fixture
def client(as_: As, clinician: User) -> Client:
    return as_(clinician)


def address(view: str, thing: Any) -> str:
    return reverse(f"diagnosis:{view}", args=[thing.pk])


def opened(response: Any) -> Image.Image:
    assert response["Content-Type"] == "image/png"
    return Image.open(BytesIO(response.content))


def test_a_picture_is_derived_and_never_the_file_itself(client: Client, scan: Scan) -> None:
    response = client.get(address("scan-image", scan))
    picture, source = opened(response), Image.open(BytesIO(xray_png()))
    assert (picture.mode, picture.size) == ("L", source.size)
    assert np.abs(np.asarray(picture, float) - np.asarray(source, float)).max() <= 1
    assert response["Cache-Control"] == "private, no-cache"


def test_a_thumbnail_fits_its_side(client: Client, scan: Scan) -> None:
    assert max(opened(client.get(address("scan-thumbnail", scan))).size) <= rendition.THUMBNAIL


@pytest.mark.parametrize("side", ["100000", "0", "-1", "x", "", "300"])
def test_only_listed_sizes_are_made(client: Client, scan: Scan, side: str) -> None:
    assert client.get(address("scan-image", scan), {"side": side}).status_code == 404


def test_a_known_picture_is_not_sent_again_but_asked_about(client: Client, scan: Scan, clinician: User) -> None:
    tag = client.get(address("scan-image", scan))["ETag"]
    again = client.get(address("scan-image", scan), headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    # Who has left gets nothing for knowing the tag.
    Membership.objects.filter(user=clinician).update(is_active=False)
    assert client.get(address("scan-image", scan), headers={"If-None-Match": tag}).status_code == 404


def test_a_picture_that_was_lost_is_made_again(client: Client, scan: Scan) -> None:
    first = client.get(address("scan-thumbnail", scan)).content
    for side in rendition.SIDES:
        rendition._path(scan, side).unlink(missing_ok=True)
    assert client.get(address("scan-thumbnail", scan)).content == first


def test_the_original_comes_back_unaltered_to_be_saved(client: Client, scan: Scan) -> None:
    response = client.get(address("scan-original", scan))
    assert b"".join(response) == xray_png()
    assert response["Content-Disposition"] == 'attachment; filename="a.png"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, no-store"


def test_a_scan_whose_file_is_gone_says_404(client: Client, scan: Scan) -> None:
    scan.original.storage.delete(scan.original.name)
    for view in ("scan-original", "scan-image", "scan-thumbnail"):
        assert client.get(address(view, scan)).status_code == 404


def test_an_attention_map_is_coloured_by_its_strength(client: Client, prediction: Prediction) -> None:
    picture = opened(client.get(address("prediction-attention", prediction)))
    with prediction.attention.open("rb") as file:
        grey = np.asarray(Image.open(file))
    assert picture.mode == "RGBA"
    assert (np.asarray(picture) == colour.ramp()[grey]).all()


def test_the_colours_rise_in_lightness_step_by_step() -> None:
    """CIE lightness of sRGB, so that the order holds in grey print and without colour vision."""
    rgb = colour.ramp()[:, :3] / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lightness = 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16
    assert (np.diff(lightness[::8]) > 0).all()
    assert lightness[-1] - lightness[0] > 60
    alpha = colour.ramp()[:, 3].astype(int)
    assert (alpha[0], alpha[-1]) == (0, 255)
    assert (np.diff(alpha) >= 0).all()
