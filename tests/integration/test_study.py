"""One study, from its first image to one result: what comes together, what comes late, and what is lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.models import User
from diagnosis import messages, tasks
from diagnosis.actions.analysis import rerun_analysis
from diagnosis.actions.scan import upload_scan
from diagnosis.analyses import ahead, predict, runner
from diagnosis.models import Analysis, Notification, Patient, Review, Scan, Study
from diagnosis.states import AnalysisStatus as S
from ml.gate import Gate, GateRefusal
from ml.preprocessing import Prepared
from ml.serving import Classifier
from ml.serving.lungs import crop
from ml.study.inference import Panel
from tests.images import ct_dicom, xray_dicom

pytestmark = pytest.mark.django_db
STUDY = {"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1"}
SCOUT = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.2"}
Send = Callable[[bytes], Scan]


@pytest.fixture
def send(radiographer: User, patient: Patient) -> Send:
    return lambda data: upload_scan(by=radiographer, patient=patient, data=data, name="a.dcm").scan


def slice_of(number: int, **header: Any) -> bytes:
    return ct_dicom(seed=number, instance_number=number, **header)


def run(study: Study) -> Analysis:
    analysis = study.analyses.get(status=S.QUEUED)
    assert runner.run(analysis.pk, worker="worker test")
    analysis.refresh_from_db()
    return analysis


def test_a_lateral_view_lies_beside_the_frontal_one_and_is_not_classified(send: Send) -> None:
    frontal = send(xray_dicom(seed=1, overrides={**STUDY, "ViewPosition": "PA"}))
    lateral = send(xray_dicom(seed=2, overrides={**STUDY, "ViewPosition": "LL"}))
    assert frontal.study == lateral.study == Study.objects.get()
    assert lateral.not_classified.startswith("Not classified: this is a lateral view")
    analysis = run(frontal.study)
    assert analysis.status == S.SUCCEEDED
    assert [one.image for one in analysis.image_results.all()] == [frontal]
    assert (Review.objects.count(), Analysis.objects.count(), Notification.objects.count()) == (1, 1, 1)
    assert Study.objects.get().representative == frontal


@pytest.mark.parametrize("views", [("PA",), ("PA", "AP")])
def test_an_xray_in_which_no_lungs_are_found_gets_no_probability(
    views: tuple[str, ...], send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone in its study, as nearly all are, or beside another."""
    monkeypatch.setattr(crop, "lungs_within", lambda *_: np.zeros(crop.LUNGS, dtype=np.float32))
    sent = [send(xray_dicom(seed=n, overrides={**STUDY, "ViewPosition": view})) for n, view in enumerate(views)]
    analysis = run(sent[0].study)
    assert len(set(sent)) == len(views)
    assert (analysis.failure_code, analysis.failure_retryable) == ("without_lungs", False)
    assert analysis.failure_reason.startswith("Hardly any lung was found in this chest X-ray")
    assert not analysis.predictions.exists()


def test_a_study_of_which_nothing_may_be_classified_says_so_and_can_be_read(send: Send) -> None:
    lateral = send(xray_dicom(overrides={"ViewPosition": "LL"}))
    analysis = run(lateral.study)
    assert (analysis.status, analysis.failure_retryable) == (S.FAILED, False)
    assert analysis.failure_reason == lateral.not_classified
    assert lateral.reviews.get().status == "waiting"


def test_the_frontal_view_that_comes_after_its_lateral_stands_for_the_study(send: Send) -> None:
    send(xray_dicom(seed=2, overrides={**STUDY, "ViewPosition": "LL"}))
    frontal = send(xray_dicom(seed=1, overrides={**STUDY, "ViewPosition": "PA"}))
    assert Study.objects.get().representative == frontal
    assert run(frontal.study).status == S.SUCCEEDED


def test_no_classifier_reads_one_of_several_frontal_views_twice(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key image needs maps; they are drawn from what it was answered with."""
    first = send(xray_dicom(seed=1, overrides={**STUDY, "ViewPosition": "PA"}))
    second = send(xray_dicom(seed=2, overrides={**STUDY, "ViewPosition": "AP"}))
    read: list[str] = []
    answer = Classifier.answer

    def listening(classifier: Classifier, prepared: Prepared) -> Any:
        read.append(classifier.spec.name)
        return answer(classifier, prepared)

    monkeypatch.setattr(Classifier, "answer", listening)
    analysis = run(first.study)
    assert {one.image for one in analysis.image_results.all()} == {first, second}
    predictions = list(analysis.predictions.all())
    assert sorted(read) == sorted(2 * [one.classifier for one in predictions])
    assert {str(one.image_id) for one in predictions} == set(analysis.aggregation["key_images"])
    assert all(one.attention and one.seen for one in predictions)


def test_a_ct_series_has_one_result_and_one_of_each_slice(send: Send) -> None:
    slices = [send(slice_of(number)) for number in (3, 1, 2, 4)]
    scout = send(ct_dicom(seed=9, overrides=SCOUT))
    study = slices[0].study
    assert scout.study == study
    analysis = run(study)
    results = {one.image: one for one in analysis.image_results.all()}
    assert set(results) == set(slices)
    each = [one.probability for one in results.values() if one.probability is not None]
    ensemble = analysis.ensemble
    assert ensemble
    assert min(each) <= ensemble.probability <= max(each)
    assert analysis.aggregation["method"] == "lung-top-third"
    predictions = list(analysis.predictions.all())
    assert len({one.classifier for one in predictions}) == len(predictions) == len(ensemble.members)
    (key,) = {one.image for one in predictions}
    assert str(key.pk) in analysis.aggregation["key_images"]
    study.refresh_from_db()
    assert study.representative == slices[0]  # number 3 of 4: the middle, whatever the classifiers found


def test_a_slice_that_is_refused_among_others_is_not_told_to_be_uploaded_again(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = [send(slice_of(number)).study for number in (1, 2, 3, 4)][-1]
    refusals = iter([GateRefusal("without_lungs")])
    monkeypatch.setattr(Gate, "refusal", lambda *_: next(refusals, None))
    said = sorted(one.not_classified for one in run(study).image_results.all())
    assert said == [
        *("", "", ""),
        "Not part of the result: hardly any lung can be seen in this slice, as at the neck or in the abdomen.",
    ]


@pytest.mark.parametrize("before", range(3))
def test_where_every_slice_is_refused_the_study_says_what_is_wrong_with_most_of_them(
    before: int, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = [send(slice_of(number)).study for number in (1, 2, 3)][-1]
    most, other = GateRefusal("without_lungs", {"variant": "ct"}), GateRefusal("blurred")
    refusals = iter([*[most] * before, other])
    monkeypatch.setattr(Gate, "refusal", lambda *_: next(refusals, most))
    assert run(study).failure_reason == (
        "No slice of this study was classified. The reason for 2 of 3: hardly any lung can be seen, as at the neck or "
        "in the abdomen; upload a series through the lungs."
    )


def test_a_slice_that_is_alone_in_its_study_is_spoken_of_as_one(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate, "refusal", lambda *_: GateRefusal("without_lungs"))
    assert run(send(slice_of(1)).study).failure_reason.startswith("Hardly any lung can be seen in this CT slice")


def test_of_slices_a_millimetre_apart_one_in_every_five_is_asked_about(send: Send, asked: list[UUID]) -> None:
    places = {number: {"ImagePositionPatient": [0, 0, -1.0 * number]} for number in range(12)}
    slices = [send(slice_of(number, overrides=place)) for number, place in places.items()]
    analysis = run(slices[0].study)
    results = {
        one.image.instance_number: one
        for one in analysis.image_results.select_related("image").order_by("image__instance_number")
    }
    assert [number for number, one in results.items() if one.probability is not None] == [0, 3, 8, 11]
    assert len(results) == 12
    assert [slices[number].pk for number in (0, 3, 8, 11)] == sorted(asked, key=[one.pk for one in slices].index)
    assert results[4].was_left_to_a_neighbour
    assert results[4].not_classified.startswith("Not asked: another slice within 5 mm of it was")
    said = [messages.sentence(note["code"], note["params"]) for note in analysis.aggregation["notes"]]
    assert any("one slice in every 5 mm was classified: 4 of 12." in one for one in said)


def test_slices_wait_for_each_other_and_start_one_analysis(send: Send, settings: Any) -> None:
    settings.ANALYSIS_QUIET = timedelta(seconds=30)
    first = send(slice_of(1))
    analysis = first.study.analyses.get()
    begun = analysis.not_before
    send(slice_of(2))
    analysis = first.study.analyses.get()
    assert analysis.not_before > begun > timezone.now()
    assert not runner.run(analysis.pk, worker="too early")
    Analysis.objects.update(not_before=timezone.now())
    assert run(first.study).image_results.count() == 2


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The images that the classifiers are asked about, in batches of two; nothing is kept from another test."""
    seen: list[UUID] = []
    answer = Panel.answer

    def listening(panel: Panel, images: Iterable[tuple[Any, Any]]) -> Iterator[Any]:
        for source, answers in answer(panel, images):
            seen.append(source.key)
            yield source, answers

    cache.clear()
    monkeypatch.setattr(Panel, "answer", listening)
    monkeypatch.setattr(predict, "BATCH", 2)
    return seen


def outcomes(analysis: Analysis) -> dict[UUID, tuple[Any, ...]]:
    return {one.image_id: (one.probabilities, one.probability, one.zone) for one in analysis.image_results.all()}


def test_slices_are_answered_while_further_ones_arrive(
    send: Send, settings: Any, asked: list[UUID], radiographer: User
) -> None:
    settings.ANALYSIS_QUIET = timedelta(seconds=30)
    slices = [send(slice_of(number)) for number in (1, 2, 3, 4, 5)]
    study = slices[0].study
    assert runner.run_ahead(study.pk) is True
    assert len(asked) == 2
    assert runner.run_ahead(study.pk) is False  # one is left between the first and the last: no whole batch
    Analysis.objects.update(not_before=timezone.now())
    assert runner.run_ahead(study.pk) is None  # the analysis will do the rest
    quick = run(study)
    assert sorted(asked) == sorted(one.pk for one in slices)
    cache.clear()
    rerun_analysis(by=radiographer, study=study)
    anew = run(study)
    assert outcomes(quick) == outcomes(anew)
    assert quick.aggregation == anew.aggregation


def test_what_was_answered_by_other_classifiers_is_asked_again(send: Send, settings: Any, asked: list[UUID]) -> None:
    settings.ANALYSIS_QUIET = timedelta(seconds=30)
    study = [send(slice_of(number)).study for number in (1, 2, 3, 4)][-1]
    assert runner.run_ahead(study.pk)
    settings.INACTIVE_CLASSIFIERS = frozenset({"vgg16-ct"})
    Analysis.objects.update(not_before=timezone.now())
    assert "vgg16-ct" not in {one.classifier for one in run(study).predictions.all()}
    assert len(asked) == 2 + 4


def test_an_analysis_does_without_what_the_cache_lost(
    send: Send, settings: Any, asked: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ANALYSIS_QUIET = timedelta(seconds=30)
    study = [send(slice_of(number)).study for number in (1, 2, 3, 4)][-1]
    assert runner.run_ahead(study.pk)

    def away(*_: Any) -> dict[str, Any]:
        raise ConnectionError

    monkeypatch.setattr(ahead.cache, "get_many", away)
    Analysis.objects.update(not_before=timezone.now())
    assert run(study).status == S.SUCCEEDED
    assert len(asked) == 2 + 4


def test_a_message_that_comes_too_early_is_sent_again(
    send: Send, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ANALYSIS_QUIET = timedelta(seconds=30)
    analysis = send(slice_of(1)).study.analyses.get()
    sent: list[Any] = []
    monkeypatch.setattr(tasks, "enqueue", lambda pk, *, at=None: sent.append((pk, at)))
    tasks.run_analysis.apply((str(analysis.pk),))
    assert sent == [(analysis.pk, analysis.not_before)]


def test_a_frontal_view_does_not_wait_for_the_message_of_its_lateral(
    send: Send, settings: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    settings.ANALYSIS_QUIET = timedelta(seconds=30)
    sent: list[Any] = []
    monkeypatch.setattr(tasks, "enqueue", lambda pk, *, at=None: sent.append((pk, at)))
    with django_capture_on_commit_callbacks(execute=True):
        lateral = send(xray_dicom(seed=2, overrides={**STUDY, "ViewPosition": "LL"}))
    analysis = lateral.study.analyses.get()
    assert sent == [(analysis.pk, analysis.not_before)]
    with django_capture_on_commit_callbacks(execute=True):
        send(xray_dicom(seed=1, overrides={**STUDY, "ViewPosition": "PA"}))
        send(xray_dicom(seed=3, overrides={**STUDY, "ViewPosition": "AP"}))
    assert sent[1:] == [(analysis.pk, None)]  # once: the third one finds it on its way


def test_an_analysis_of_many_images_may_take_longer(send: Send, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ANALYSIS_SECONDS = 100
    slices = [send(slice_of(number)) for number in range(1, 5)]
    send(xray_dicom())  # of another study
    sent: list[Any] = []
    monkeypatch.setattr(tasks.run_analysis, "apply_async", lambda *_, **said: sent.append(said))
    assert tasks.enqueue(slices[0].study.analyses.get().pk)
    assert sent == [{"eta": None, "time_limit": 103, "soft_time_limit": 93}]


def test_slices_that_come_while_it_runs_start_one_more(send: Send, settings: Any) -> None:
    study = send(slice_of(1)).study
    running = study.analyses.get()
    assert Analysis.objects.claim(running.pk, worker="worker test")
    settings.ANALYSIS_QUIET = timedelta(seconds=30)
    for number in (2, 3, 4):
        send(slice_of(number))
    second = study.analyses.exclude(pk=running.pk).get()
    assert second.not_before > timezone.now() + timedelta(seconds=45)  # twice as long as the first
    Analysis.objects.filter(pk=second.pk).update(not_before=None)
    assert run(study).image_results.count() == 4


def test_what_lost_its_worker_gives_way_to_the_newer_one(send: Send) -> None:
    study = send(slice_of(1)).study
    running = study.analyses.get()
    assert Analysis.objects.claim(running.pk, worker="worker test")
    send(slice_of(2))
    Analysis.objects.filter(pk=running.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert runner.release_lost(by="sweep") == 1
    running.refresh_from_db()
    assert running.status == S.CANCELLED
    assert running.transitions.last().note_text == "A newer analysis of the study waits already"
    assert study.analyses.get(status=S.QUEUED).number == 2


def test_an_image_that_is_damaged_costs_the_others_nothing(send: Send) -> None:
    slices = [send(slice_of(number)) for number in (1, 2, 3)]
    blank = Analysis.objects.get()
    monkey = slices[1]
    with monkey.original.open("rb") as file:
        broken = file.read()[:-4000]
    import hashlib

    monkey.original.storage.delete(monkey.original.name)
    from django.core.files.base import ContentFile

    monkey.original.save("original", ContentFile(broken), save=False)
    Scan.objects.filter(pk=monkey.pk).update(sha256=hashlib.sha256(broken).hexdigest(), original=monkey.original.name)
    analysis = run(slices[0].study)
    assert (analysis.pk, analysis.status) == (blank.pk, S.SUCCEEDED)
    told = {one.image: one.not_classified for one in analysis.image_results.all()}
    assert told[monkey]
    assert not told[slices[0]]
