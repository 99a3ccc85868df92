"""Faults that earlier systems of this kind had, each made impossible or at least loud.

Others are held where their subject is tested: weights of another network (test_runner), networks loaded in the web
process (test_imports, test_worker), names taken for paths (test_upload_scan), text that crashes it (api/test_scan).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from diagnosis.actions.scan import upload_scan
from diagnosis.analyses import classifiers, runner
from diagnosis.models import Patient, Prediction, Scan
from diagnosis.models.scan import Modality
from ml import imaging
from tests.images import xray_dicom, xray_jpeg, xray_png

# --- every upload overwrites one file in a public folder ---------------------------------------------------


def test_two_files_of_one_name_are_two_private_files(upload: Callable[..., Scan]) -> None:
    first, second = upload(1, name="scan.png"), upload(2, name="scan.png")
    paths = [Path(each.original.path) for each in (first, second)]
    assert [path.read_bytes() for path in paths] == [xray_png(1), xray_png(2)]
    public = [Path(settings.STATIC_ROOT), *map(Path, settings.STATICFILES_DIRS)]
    assert not any(path.is_relative_to(folder) for path in paths for folder in public)
    assert settings.MEDIA_URL in ("", "/")
    assert not settings.MEDIA_ROOT


# --- no login ----------------------------------------------------------------------------------------------

PUBLIC = {
    *("portal:home", "portal:about", "portal:questions", "portal:contact", "portal:contact_thanks"),
    *("healthz", "readyz", "script_catalogue"),
    *("account_login", "account_logout", "account_signup", "account_inactive"),
    *("account_reset_password", "account_reset_password_done", "account_reset_password_from_key"),
    "account_reset_password_from_key_done",
    *("accounts:alive", "accounts:invitation", "accounts:invitation_link"),
    "predecessor:upload",  # only leads to the page of uploads, which is closed
    "fhir:metadata",  # what the FHIR interface can do, as R4 asks; nothing of anybody
}
SAMPLES = {"uuid": uuid.UUID(int=7), "int": 7, "str": "x", "slug": "x", "path": "x"}


def addresses(resolver: URLResolver, prefix: str = "/", spaces: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Name and a sample address of every route that is written with converters (Django's own admin is tested there)."""
    inside = (*spaces, resolver.namespace) if resolver.namespace else spaces
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver) and each.app_name != "admin":
            yield from addresses(each, prefix + sample(each), inside)
        elif isinstance(each, URLPattern) and hasattr(each.pattern, "_route"):
            yield ":".join([*inside, each.name or "?"]), prefix + sample(each)


def sample(part: URLPattern | URLResolver) -> str:
    route = str(part.pattern)
    for name, converter in part.pattern.converters.items():
        kind = type(converter).__name__.removesuffix("Converter").lower()
        route = route.replace(f"<{kind}:{name}>", str(SAMPLES.get(kind, "x"))).replace(f"<{name}>", "x")
    return route


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "address"), list(addresses(get_resolver())))
def test_nothing_is_shown_to_strangers_but_what_is_listed(name: str, address: str, client: Client) -> None:
    """A new page is closed until it is named here."""
    answer = client.get(address)
    if name not in PUBLIC:
        assert answer.status_code in (302, 401, 403, 404, 405), name
        if answer.status_code == 302:
            assert answer["Location"].startswith("/accounts/sign-"), name


# --- one scaling by 255 for every kind of file -------------------------------------------------------------


def probabilities(by: User, patient: Patient, data: bytes) -> dict[str, float]:
    scan = upload_scan(by=by, patient=patient, data=data, name="a", modality=Modality.CXR).scan
    runner.run(scan.analyses.get().pk, worker="test")
    prediction = Prediction.objects.filter(image=scan).first()
    assert prediction
    return prediction.probabilities  # type: ignore[no-any-return]


def test_the_depth_of_a_file_does_not_change_the_answer(patient: Patient, radiographer: User) -> None:
    """The same thorax in 12, 16 and 8 bits; without scaling by depth the deeper ones would be white, or black."""
    from PIL import Image

    deep = xray_dicom()
    pixels = imaging.decode(deep).pixels
    wide = BytesIO()
    Image.fromarray((pixels * 65535).round().astype("uint16")).save(wide, "PNG")
    answers = [
        probabilities(radiographer, patient, data) for data in (deep, wide.getvalue(), imaging.render_png(pixels))
    ]
    assert answers[1] == pytest.approx(answers[0], abs=0.03)
    assert answers[2] == pytest.approx(answers[0], abs=0.03)


def test_a_jpeg_and_a_png_of_one_image_agree(patient: Patient, radiographer: User) -> None:
    jpeg = probabilities(radiographer, patient, xray_jpeg())
    assert jpeg == pytest.approx(probabilities(radiographer, patient, xray_png()), abs=0.05)


# --- a fixed threshold of 0.5, and whichever class came first ----------------------------------------------


def test_a_verdict_follows_the_operating_point_of_the_very_version(patient: Patient, radiographer: User) -> None:
    probabilities(radiographer, patient, xray_png(3))
    points = {(spec.name, spec.version): spec.operating_point for spec in classifiers.active_specs()}
    for prediction in Prediction.objects.all():
        point = points[prediction.classifier, prediction.version]
        assert prediction.operating_point["threshold"] == point.threshold
        assert prediction.operating_point["positive_label"] == point.positive_label
        reached = prediction.probabilities[point.positive_label] >= point.threshold
        assert prediction.at_or_above_threshold is reached


def test_the_label_is_the_most_probable_and_not_the_first(upload: Callable[..., Scan]) -> None:
    for seed in range(4):
        runner.run(upload(seed).analyses.get().pk, worker="test")
    for prediction in Prediction.objects.all():
        assert prediction.label == max(prediction.probabilities, key=lambda label: prediction.probabilities[label])
