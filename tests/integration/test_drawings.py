"""Attention maps of any image of a study: asked for, drawn once by the real classifiers, shown, hidden, deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from diagnosis.actions.attention import request_attention
from diagnosis.actions.scan import upload_scan
from diagnosis.analyses import drawing as drawings
from diagnosis.analyses import runner
from diagnosis.errors import NotAllowedNow, TooManyTries
from diagnosis.models import AttentionMap, Drawing, Patient, ReadingPolicy, Scan
from diagnosis.models.attention import DrawingStatus
from diagnosis.models.reading_policy import ReadFirst
from tests.concurrency import together
from tests.factories import finish_study
from tests.images import xray_dicom

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
UID = {"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1"}


@pytest.fixture
def pair(patient: Patient, radiographer: User) -> list[Scan]:
    """Two frontal images of one study; the classifiers' maps are of the first."""
    views = [xray_dicom(seed=seed, overrides=UID) for seed in (1, 2)]
    made = [upload_scan(by=radiographer, patient=patient, data=view, name="a.dcm").scan for view in views]
    finish_study({made[0]: 0.9, made[1]: 0.2})
    return made


@pytest.fixture
def read_by_the_worker(patient: Patient, radiographer: User) -> Scan:
    """An image of a study that the real classifiers answered for, but not the one that their maps are of."""
    views = [xray_dicom(seed=seed, overrides=UID) for seed in (1, 2)]
    made = [upload_scan(by=radiographer, patient=patient, data=view, name="a.dcm").scan for view in views]
    analysis = made[0].study.analyses.get()
    runner.run(analysis.pk, worker="test")
    of_maps = analysis.predictions.values_list("image", flat=True)[0]
    return next(one for one in made if one.pk != of_maps)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def drawn_files() -> list[Path]:
    return [path for path in (Path(project.PRIVATE_ROOT) / "drawn").rglob("*.png") if path.is_file()]


def test_the_maps_of_another_image_are_drawn_once_and_shown(read_by_the_worker: Scan, radiographer: User) -> None:
    image, client = read_by_the_worker, signed_in(radiographer)
    page = f"{reverse('diagnosis:study-detail', args=[image.study_id])}?image={image.pk}"
    ask = reverse("diagnosis:scan-attention", args=[image.pk])
    assert ask in client.get(page).content.decode()
    assert client.post(ask).headers["Location"] == page
    waiting = client.get(page).content.decode()
    assert "The attention maps of this image are being drawn." in waiting
    assert "data-poll" in waiting
    made = Drawing.objects.get()
    assert drawings.draw(made.pk)
    assert not drawings.draw(made.pk)
    predictions = list(image.latest_analysis.predictions.all())  # type: ignore[union-attr]
    assert {one.prediction for one in AttentionMap.objects.all()} == set(predictions)
    shown = client.get(page).content.decode()
    own = reverse("diagnosis:prediction-attention", args=[predictions[0].pk])
    assert f"{own}?image={image.pk}" in shown
    assert ask not in shown
    pictures = [client.get(f"{own}{query}") for query in ("", f"?image={image.pk}")]
    assert [one.status_code for one in pictures] == [200, 200]
    assert pictures[0].content != pictures[1].content
    told = client.get(reverse("diagnosis:scan-viewer", args=[image.pk])).json()
    assert f"image={image.pk}" in told["attention"][str(image.pk)][0]["url"]
    assert request_attention(by=radiographer, image=image) == made
    assert Drawing.objects.get().status == DrawingStatus.DRAWN


def test_who_may_not_see_the_result_may_not_have_it_drawn(pair: list[Scan], radiologist: User, clinic: Clinic) -> None:
    ReadingPolicy.objects.update_or_create(clinic=clinic, defaults={"read_first": ReadFirst.ALWAYS})
    with pytest.raises(PermissionDenied):
        request_attention(by=radiologist, image=pair[1])
    client = signed_in(radiologist)
    assert client.post(reverse("diagnosis:scan-attention", args=[pair[1].pk])).status_code == 403
    page = client.get(f"{reverse('diagnosis:study-detail', args=[pair[1].study_id])}?image={pair[1].pk}")
    assert reverse("diagnosis:scan-attention", args=[pair[1].pk]) not in page.content.decode()
    assert not Drawing.objects.exists()


def test_another_clinic_finds_nothing(pair: list[Scan], radiographer: User, stranger: User) -> None:
    made = request_attention(by=radiographer, image=pair[1])
    prediction = made.analysis.predictions.get()
    AttentionMap.objects.create(drawing=made, prediction=prediction, label="covid")
    client = signed_in(stranger)
    assert client.post(reverse("diagnosis:scan-attention", args=[pair[1].pk])).status_code == 404
    address = reverse("diagnosis:prediction-attention", args=[prediction.pk])
    assert client.get(address, {"image": pair[1].pk}).status_code == 404


@pytest.mark.parametrize("image", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_an_image_without_a_map_is_not_found(pair: list[Scan], radiographer: User, image: str) -> None:
    prediction = pair[0].latest_analysis.predictions.get()  # type: ignore[union-attr]
    address = reverse("diagnosis:prediction-attention", args=[prediction.pk])
    assert signed_in(radiographer).get(address, {"image": image}).status_code == 404


def test_what_was_not_classified_is_refused(scan: Scan, radiographer: User) -> None:
    with pytest.raises(NotAllowedNow, match="did not answer"):
        request_attention(by=radiographer, image=scan)


def test_classifiers_that_changed_since_are_not_asked(pair: list[Scan], radiographer: User) -> None:
    # The factory's classifier is not installed.
    made = request_attention(by=radiographer, image=pair[1])
    assert drawings.draw(made.pk)
    made.refresh_from_db()
    assert (made.status, made.failure_code) == (DrawingStatus.FAILED, "classifiers_changed")
    again = request_attention(by=radiographer, image=pair[1])
    assert (again.pk, again.status, again.failure_code) == (made.pk, DrawingStatus.QUEUED, "")


def test_what_kills_its_workers_ends(pair: list[Scan], radiographer: User, settings: Any) -> None:
    made = request_attention(by=radiographer, image=pair[1])
    Drawing.objects.filter(pk=made.pk).update(attempts=settings.ANALYSIS_ATTEMPTS)
    assert drawings.draw(made.pk)
    made.refresh_from_db()
    assert (made.status, made.failure_code) == (DrawingStatus.FAILED, "workers_lost")


def test_a_clinic_cannot_fill_the_queue(pair: list[Scan], radiographer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnosis.actions.attention.MOST_OPEN", 0)
    with pytest.raises(TooManyTries):
        request_attention(by=radiographer, image=pair[1])


def test_the_oldest_are_deleted_with_their_files(read_by_the_worker: Scan, radiographer: User) -> None:
    before = len(drawn_files())
    made = request_attention(by=radiographer, image=read_by_the_worker)
    drawings.draw(made.pk)
    count = made.maps.count()
    assert len(drawn_files()) == before + count > before
    assert drawings.delete_oldest(most=1) == 0
    assert drawings.delete_oldest(most=0) == 1
    assert len(drawn_files()) == before
    assert not Drawing.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_get_one_drawing(pair: list[Scan], member: Callable[..., User]) -> None:
    people = [member("radiographer"), member("clinician")]
    made = together(2, lambda number: request_attention(by=people[number], image=pair[1]).pk)
    assert made[0] == made[1]
    assert sorted(map(bool, together(2, lambda _: Drawing.objects.claim(made[0])))) == [False, True]
