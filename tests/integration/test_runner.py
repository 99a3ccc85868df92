"""One analysis by the real classifiers, in this process."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.test import Client
from PIL import Image

from accounts.models import Clinic, User
from diagnosis.actions import acceptance as acceptance_actions
from diagnosis.actions.analysis import cancel_analysis, rerun_analysis
from diagnosis.actions.classifiers import decide_on_classifier
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.thresholds import adopt_thresholds
from diagnosis.analyses import classifiers, runner, shadow
from diagnosis.models import (
    AcceptanceSet,
    Analysis,
    Notification,
    Patient,
    Prediction,
    ReadingPolicy,
    Scan,
    ShadowPrediction,
    Transition,
)
from diagnosis.models.classifier_rule import ClassifierState
from diagnosis.models.scan import Modality
from diagnosis.oversight import acceptance
from diagnosis.oversight.acceptance_figures import Scored, figures
from diagnosis.results.presentation import present
from diagnosis.states import AnalysisStatus as S
from ml.ensemble import EnsembleSpec
from ml.imaging.phantom import phantom_dicom
from ml.serving.lungs import crop
from ml.spec import ClassifierSpec
from tests.images import NAMELESS, ct_dicom, xray_png
from tests.slow import Pipe, reaches
from tests.unit.ml.specs import ABNORMALITY

KEPT = [Path(settings.PRIVATE_ROOT) / kind for kind in ("attention", "seen")]


def maps() -> set[Path]:
    """All files that results have left."""
    return {path for folder in KEPT for path in folder.rglob("*") if path.is_file()}


def run(analysis: Analysis) -> Analysis:
    runner.run(analysis.pk, worker="worker test")
    analysis.refresh_from_db()
    return analysis


def test_every_active_classifier_of_the_modality_answers(analysis: Analysis) -> None:
    assert run(analysis).status == S.SUCCEEDED
    specs = {spec.name: spec for spec in classifiers.active_specs() if spec.modality == "cxr"}
    predictions = {each.classifier: each for each in analysis.predictions.all()}
    assert specs
    assert set(predictions) == set(specs)
    for name, prediction in predictions.items():
        point = specs[name].operating_point
        assert prediction.weights_sha256 == specs[name].weights_sha256
        assert prediction.probability == prediction.probabilities[point.positive_label]
        assert prediction.at_or_above_threshold == (prediction.probability >= point.threshold)
        assert prediction.probabilities[prediction.label] == max(prediction.probabilities.values())
        assert prediction.zone == point.zone(prediction.probability)
        assert prediction.attention_outside is None, "nobody could show that it tells anything"
        assert prediction.card["intended_use"] == specs[name].intended_use
        for kept in (prediction.attention, prediction.seen):
            with kept.open("rb") as file:
                assert Image.open(file).mode == "L"


def test_the_transitions_tell_the_story(analysis: Analysis) -> None:
    run(analysis)
    told = Transition.objects.filter(analysis=analysis).values_list("source", "target", "by")
    assert [(source, target) for source, target, _ in told] == [
        ("", "queued"),
        ("queued", "running"),
        ("running", "succeeded"),
    ]
    assert told[1][2] == told[2][2] == "worker test"


def test_a_second_message_does_nothing(analysis: Analysis) -> None:
    first = list(run(analysis).predictions.all())
    again = run(analysis)
    assert list(again.predictions.all()) == first
    assert again.attempts == 1


def test_a_rerun_adds_and_overwrites_nothing(analysis: Analysis, scan: Scan, radiographer: User) -> None:
    run(analysis)
    before = list(Prediction.objects.order_by("classifier").values())
    kept = maps()
    second = run(rerun_analysis(by=radiographer, study=scan.study))
    assert second.status == S.SUCCEEDED
    assert list(Prediction.objects.filter(analysis=analysis).order_by("classifier").values()) == before
    assert kept < maps()
    # The same file, the same classifier: the same answer.
    for one, earlier in zip(second.predictions.all(), before, strict=True):
        assert one.probabilities == pytest.approx(earlier["probabilities"])


def test_an_altered_original_is_never_classified(analysis: Analysis, scan: Scan) -> None:
    Path(scan.original.path).write_bytes(xray_png(9))
    run(analysis)
    assert (analysis.status, analysis.failure_code) == (S.FAILED, "original_altered")
    assert not analysis.predictions.exists()


def test_a_restored_original_can_be_retried(analysis: Analysis, scan: Scan, radiographer: User) -> None:
    path = Path(scan.original.path)
    data = path.read_bytes()
    path.unlink()
    run(analysis)
    assert (analysis.failure_code, analysis.failure_retryable) == ("original_unreadable", True)
    path.write_bytes(data)
    assert run(rerun_analysis(by=radiographer, study=scan.study)).status == S.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_the_result_of_a_job_cancelled_in_the_middle_is_dropped(
    analysis: Analysis, scan: Scan, radiographer: User
) -> None:
    before, pipe = maps(), Pipe(scan)

    def work() -> None:
        runner.run(analysis.pk, worker="worker test")
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    reaches(analysis, S.RUNNING)
    cancel_analysis(by=radiographer, analysis=analysis)
    pipe.send()
    worker.join()
    analysis.refresh_from_db()
    assert analysis.status == S.CANCELLED
    assert not analysis.predictions.exists()
    assert maps() == before


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_was_thought_lost_and_comes_back_overwrites_nothing(
    analysis: Analysis, scan: Scan, settings: Any
) -> None:
    """Its job was given to another one meanwhile."""
    pipe = Pipe(scan)

    def work() -> None:
        runner.run(analysis.pk, worker="worker slow")
        connection.close()

    slow = threading.Thread(target=work)
    slow.start()
    reaches(analysis, S.RUNNING)
    Analysis.objects.filter(pk=analysis.pk).update(lease_expires_at=analysis.started_at)
    assert runner.release_lost(by="sweep") == 1
    second = Analysis.objects.claim(analysis.pk, worker="worker quick")
    pipe.send()
    slow.join()
    analysis.refresh_from_db()
    assert (analysis.status, analysis.claim, analysis.worker) == (S.RUNNING, second, "worker quick")
    assert not analysis.predictions.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", [nullcontext, transaction.atomic], ids=["between two statements", "in a transaction"])
def test_a_database_that_goes_away_in_the_middle_fails_no_analysis(
    place: Callable[[], AbstractContextManager[None]], analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server is back when the worker notices: the analysis waits, and this is no attempt of it."""

    def lose(_: Any) -> None:
        with place(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(runner, "_predict", lose)
    assert (run(analysis).status, analysis.attempts) == (S.QUEUED, 0)
    last = analysis.transitions.order_by("pk").last()
    assert last
    assert last.note == "database_away"


def test_a_database_that_goes_away_each_time_fails_the_analysis_in_the_end(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something cuts idle connections, so that it would be run for ever."""

    def lose(_: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(runner, "_predict", lose)
    monkeypatch.setattr(runner, "MOST_OUTAGES", 2)
    assert [run(analysis).status for _ in range(3)] == [S.QUEUED, S.QUEUED, S.FAILED]
    assert (analysis.failure_code, analysis.failure_retryable, analysis.attempts) == ("unexpected", True, 1)
    assert "the connection is lost" in analysis.failure_detail


def test_no_classifier_for_the_modality_is_said_plainly(patient: Patient, radiographer: User, settings: Any) -> None:
    settings.INACTIVE_CLASSIFIERS = {spec.name for spec in classifiers.active_specs()}
    scan = upload_scan(by=radiographer, patient=patient, data=ct_dicom(), name="a").scan
    analysis = run(scan.analyses.get())
    assert (analysis.failure_code, analysis.failure_retryable) == ("no_classifier", True)
    assert "Chest CT" in analysis.failure_reason


def test_what_the_gate_refuses_gets_no_score_and_is_kept(patient: Patient, radiographer: User) -> None:
    scan = upload_scan(by=radiographer, patient=patient, data=xray_png(), name="a.png", modality=Modality.CT).scan
    analysis = run(scan.analyses.get())
    assert (analysis.status, analysis.failure_code, analysis.failure_retryable) == (S.FAILED, "wrong_modality", False)
    assert "chest X-ray" in analysis.failure_reason
    assert not analysis.predictions.exists()
    assert Path(scan.original.path).exists()
    assert scan.reviews.get().status == "waiting"
    assert Notification.objects.of(radiographer).get().kind == "failure"
    again = upload_scan(by=radiographer, patient=patient, data=xray_png(), name="a.png", modality=Modality.CXR)
    assert again.modality_changed
    assert run(scan.analyses.get(number=2)).status == S.SUCCEEDED


def test_nothing_is_classified_where_there_is_no_gate(weights: Path, analysis: Analysis) -> None:
    shutil.rmtree(weights / "gate")
    run(analysis)
    assert (analysis.failure_code, analysis.failure_retryable) == ("no_gate", True)
    assert "gate" in analysis.failure_detail
    assert not analysis.predictions.exists()


def test_a_damaged_classifier_is_said_plainly(weights: Path, analysis: Analysis) -> None:
    next(weights.glob("vgg16-cxr/*/spec.json")).write_text("{}")
    run(analysis)
    assert (analysis.failure_code, analysis.failure_retryable) == ("classifier_refused", True)
    assert "damaged or incomplete" in analysis.failure_reason


@pytest.fixture
def weights(tmp_path: Path, settings: Any) -> Path:
    """A copy of the weights that a test may spoil."""
    copy = tmp_path / "weights"
    shutil.copytree(settings.ML_WEIGHTS_ROOT, copy)
    settings.ML_WEIGHTS_ROOT = copy
    return copy


def test_an_older_gate_stops_only_the_modality_that_it_does_not_know(
    weights: Path, analysis: Analysis, patient: Patient, radiographer: User
) -> None:
    """A new modality must not stop the classifiers of the others until the gate is trained again."""
    path = next((weights / "gate").glob("*/gate.json"))
    fields = json.loads(path.read_text())
    del fields["thresholds"]["ct"]
    path.write_text(json.dumps(fields))
    assert run(analysis).status == S.SUCCEEDED
    ct = upload_scan(by=radiographer, patient=patient, data=ct_dicom(), name="a").scan
    assert run(ct.analyses.get()).failure_code == "no_gate"


@pytest.fixture
def panel(tmp_path: Path, settings: Any) -> EnsembleSpec:
    """An installation of one shipped chest X-ray classifier, the same under a second name, and a panel of both."""
    shipped = next(spec for spec in classifiers.active_specs() if spec.modality == "cxr")
    source, weights = settings.ML_WEIGHTS_ROOT, tmp_path / "weights"
    twin = replace(shipped, name="twin-cxr")
    for spec in (shipped, twin):
        shutil.copytree(source / shipped.identity, weights / spec.identity)
        (weights / spec.identity / "spec.json").write_text(spec.to_json())
    shutil.copytree(source / "gate", weights / "gate")
    settings.ML_WEIGHTS_ROOT = weights
    point = replace(shipped.operating_point, threshold=0.0, positive_from=1.0)
    members = (shipped.identity, twin.identity)
    found = EnsembleSpec("panel-cxr", "1.0.0", shipped.modality, shipped.labels, members, 1.0, point, shipped.metrics)
    folder = weights / found.identity
    folder.mkdir(parents=True)
    (folder / "panel.json").write_text(found.to_json())
    return found


def test_the_panel_speaks_for_exactly_its_members(
    panel: EnsembleSpec, analysis: Analysis, scan: Scan, radiographer: User, settings: Any
) -> None:
    assert run(analysis).status == S.SUCCEEDED, analysis.failure_detail
    first, second = analysis.predictions.all()
    combination = analysis.ensemble_prediction
    assert combination.members == [first.identity, second.identity]
    # Two who say the same, at a temperature of 1, say it together.
    assert combination.probabilities == pytest.approx(first.probabilities)
    assert combination.zone == "indeterminate"
    assert combination.card["auc"] == panel.metrics["auc/covid/domains"]
    assert combination.abnormality is None
    review = scan.reviews.get()
    # What a case is ordered by, where a clinic wants that, is any finding: all but the class without one.
    assert review.suspicion == pytest.approx(1 - combination.probabilities["normal"])
    assert review.zone == "indeterminate"
    assert "indeterminate" in review.marks

    settings.INACTIVE_CLASSIFIERS = {second.classifier}
    again = run(rerun_analysis(by=radiographer, study=scan.study))
    assert again.ensemble is None
    assert again.without_ensemble.startswith(f"{second.classifier} is switched off")
    assert scan.reviews.get().suspicion == pytest.approx(1 - again.predictions.get().probabilities["normal"])


def test_classifiers_that_crop_to_the_lungs_answer_or_say_that_they_cannot(
    panel: EnsembleSpec, analysis: Analysis, scan: Scan, radiographer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the network that crops, they fail as with damaged weights: until it is restored."""
    for identity in panel.members:
        path = settings.ML_WEIGHTS_ROOT / identity / "spec.json"
        path.write_text(replace(ClassifierSpec.from_json(path.read_text()), preprocessing="cxr-3").to_json())
    with monkeypatch.context() as patched:
        patched.setattr(crop, "VERSION", "9.9.9")
        assert run(analysis).status == S.FAILED
    assert (analysis.failure_code, analysis.failure_retryable) == ("classifier_refused", True)
    assert "9.9.9" in analysis.failure_detail
    assert "Restore the folder from the release" in analysis.failure_detail
    assert not analysis.predictions.exists()

    again = run(rerun_analysis(by=radiographer, study=scan.study))
    assert again.status == S.SUCCEEDED, again.failure_detail
    assert {one.preprocessing for one in again.predictions.all()} == {"cxr-3"}
    assert again.ensemble_prediction


def test_a_worker_has_what_crops_to_the_lungs_before_its_first_image(
    panel: EnsembleSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(crop, "make_ready", asked.append)
    classifiers.warm()
    assert asked == ["cxr-5"] * len(panel.members)


def test_an_ensemble_with_the_point_says_whether_the_lung_is_abnormal(
    panel: EnsembleSpec, analysis: Analysis, settings: Any
) -> None:
    asked = replace(
        panel,
        abnormality=ABNORMALITY,
        sources=ABNORMALITY.sources,
        answers={"covid": {"precision": None}},
        research_only=True,
    )
    (settings.ML_WEIGHTS_ROOT / asked.identity / "panel.json").write_text(asked.to_json())
    assert run(analysis).status == S.SUCCEEDED, analysis.failure_detail
    row = analysis.ensemble_prediction
    expected = ABNORMALITY.probability(row.probabilities)
    assert row.abnormality["probability"] == pytest.approx(expected)
    assert row.abnormality["zone"] == ABNORMALITY.zone(expected).value
    assert row.abnormality["operating_point"] == json.loads(json.dumps(ABNORMALITY.to_fields()))
    point = row.operating_point
    assert (point["sources"], point["answers"]) == (asked.sources, asked.answers)
    assert point["research_only"] is True


def test_a_newcomer_is_on_trial_until_somebody_decides_and_changes_nothing_in_the_ensemble(
    panel: EnsembleSpec, analysis: Analysis, scan: Scan, administrator: User, client: Client, settings: Any
) -> None:
    member = settings.ML_WEIGHTS_ROOT / panel.members[0]
    newcomer = replace(ClassifierSpec.from_json((member / "spec.json").read_text()), name="newcomer-cxr")
    shutil.copytree(member, settings.ML_WEIGHTS_ROOT / newcomer.identity)
    (settings.ML_WEIGHTS_ROOT / newcomer.identity / "spec.json").write_text(newcomer.to_json())

    assert run(analysis).status == S.SUCCEEDED, analysis.failure_detail
    assert (analysis.ensemble_prediction.members, analysis.without_ensemble) == (list(panel.members), "")
    before = maps()
    assert shadow.is_wanted(analysis.pk)
    assert [shadow.run(analysis.pk), shadow.run(analysis.pk)] == [1, 1]
    tried = ShadowPrediction.objects.get()  # asked twice, kept once
    twin = analysis.predictions.first()
    assert twin
    assert (tried.classifier, tried.weights_sha256) == (newcomer.name, newcomer.weights_sha256)
    assert tried.probability == pytest.approx(twin.probability)
    assert tried.positive_label == newcomer.operating_point.positive_label
    assert maps() == before
    assert {shown.prediction.identity for shown in present(analysis).predictions} == set(panel.members)
    assert [len(one.probabilities) for one in analysis.image_results.all()] == [2]
    client.force_login(administrator)
    for address in (f"/scans/{scan.pk}/", f"/api/v1/analyses/{analysis.pk}/", f"/api/v1/studies/{scan.study_id}/"):
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert newcomer.name not in answer.content.decode()

    decide_on_classifier(
        by=administrator,
        clinic=scan.clinic,
        subject=newcomer.name,
        state=ClassifierState.ACTIVE,
        reason="It was compared for a month.",
    )
    again = run(rerun_analysis(by=administrator, study=scan.study))
    assert again.ensemble_prediction.probabilities == analysis.ensemble_prediction.probabilities
    beside = {shown.prediction.identity: shown.beside_ensemble for shown in present(again).predictions}
    assert beside == {newcomer.identity: True, **dict.fromkeys(panel.members, False)}
    assert not shadow.is_wanted(again.pk)


def test_an_imported_network_joins_on_trial_and_the_ensemble_speaks_on(
    panel: EnsembleSpec, analysis: Analysis, clinic: Clinic, tmp_path: Path, settings: Any
) -> None:
    pytest.importorskip("keras", reason="Keras is only needed to train and to import")
    from ml.__main__ import main
    from tests.unit.ml.import_options import NAME, import_options
    from tests.unit.ml.keras2.files import stripes_network
    from tests.unit.ml.onnx.files import flattened
    from tests.unit.ml.training.rows import write_data

    network = flattened(stripes_network(), "Sigmoid").write(tmp_path / "network.onnx")
    assert main(import_options(network, write_data(tmp_path, each=40), settings.ML_WEIGHTS_ROOT)) == 0
    assert classifiers.states_in(clinic.pk)[NAME] == ClassifierState.SHADOW
    assert run(analysis).status == S.SUCCEEDED, analysis.failure_detail
    assert (analysis.ensemble_prediction.members, analysis.without_ensemble) == (list(panel.members), "")
    assert NAME not in {one.classifier for one in analysis.predictions.all()}
    assert shadow.run(analysis.pk) == 1
    assert ShadowPrediction.objects.get().classifier == NAME


def test_a_modality_on_trial_answers_unseen_together_with_its_ensemble(
    panel: EnsembleSpec, analysis: Analysis, scan: Scan, administrator: User
) -> None:
    decide_on_classifier(
        by=administrator, clinic=scan.clinic, subject=panel.name, state=ClassifierState.SHADOW, reason="A first month."
    )
    assert (run(analysis).failure_code, analysis.failure_retryable) == ("classifiers_off", True)
    assert not Notification.objects.exists()
    assert shadow.run(analysis.pk) == 3
    rows = ShadowPrediction.objects.filter(analysis=analysis)
    assert {one.classifier for one in rows} == {panel.name, *(one.partition("/")[0] for one in panel.members)}


def close_acceptance_of_one(
    monkeypatch: pytest.MonkeyPatch, scan: Scan, *, by: User, measured: Callable[..., Any]
) -> AcceptanceSet:
    """A closed set of one abnormal case with the figures of `measured`: what many measure is tested elsewhere."""
    monkeypatch.setattr(acceptance_actions, "FEWEST_OF_EACH", 0)
    monkeypatch.setattr(acceptance, "figures", measured)
    made = acceptance_actions.begin_acceptance(by=by, clinic=scan.clinic, modality=Modality.CXR)
    acceptance_actions.add_by_hand(by=by, to=made, study=scan.study_id, is_abnormal=True, reason="A CT.")
    acceptance_actions.close_acceptance(by=by, of=made)
    return made


def test_a_clinic_that_accepts_first_has_results_of_the_version_that_it_has_accepted_alone(
    panel: EnsembleSpec,
    analysis: Analysis,
    scan: Scan,
    administrator: User,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = replace(panel, abnormality=ABNORMALITY)
    (settings.ML_WEIGHTS_ROOT / asked.identity / "panel.json").write_text(asked.to_json())
    ReadingPolicy.objects.create(clinic=scan.clinic, requires_acceptance=True)
    run(analysis)
    assert (analysis.failure_code, analysis.failure_params) == ("classifiers_off", {"variant": "unaccepted_cxr"})
    assert not analysis.predictions.exists()
    assert shadow.is_wanted(analysis.pk)
    assert [shadow.run(analysis.pk), shadow.run(analysis.pk)] == [3, 3]
    tried = ShadowPrediction.objects.get(analysis=analysis, classifier=panel.name)  # asked twice, kept once
    assert (tried.members, list(tried.images.all())) == (list(panel.members), [scan])
    assert tried.positive_label == panel.operating_point.positive_label

    close_acceptance_of_one(monkeypatch, scan, by=administrator, measured=lambda *_: {})
    assert not shadow.is_wanted(analysis.pk)
    again = run(rerun_analysis(by=administrator, study=scan.study))
    assert again.status == S.SUCCEEDED, again.failure_detail
    assert again.ensemble_prediction.abnormality == tried.abnormality

    newer = replace(asked, version="1.1.0")
    shutil.copytree(settings.ML_WEIGHTS_ROOT / asked.identity, settings.ML_WEIGHTS_ROOT / newer.identity)
    (settings.ML_WEIGHTS_ROOT / newer.identity / "panel.json").write_text(newer.to_json())
    last = run(rerun_analysis(by=administrator, study=scan.study))
    assert last.failure_params == {"variant": "unaccepted_cxr"}


def test_a_clinic_is_answered_at_its_own_thresholds_until_another_version_is_installed(
    panel: EnsembleSpec,
    analysis: Analysis,
    scan: Scan,
    administrator: User,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = replace(panel, abnormality=ABNORMALITY)
    (settings.ML_WEIGHTS_ROOT / asked.identity / "panel.json").write_text(asked.to_json())
    own = run(analysis).ensemble_prediction.abnormality

    # As if all cases of the site had got one answer that is higher than this one's: all below is negative.
    higher = (own["probability"] + 1) / 2
    cases = [Scored(kind, higher) for kind in (True, False) for _ in range(50)]
    made = close_acceptance_of_one(
        monkeypatch, scan, by=administrator, measured=lambda _cases, shipped: figures(cases, shipped)
    )
    adopt_thresholds(by=administrator, of=made, reason="Measured here.", seen=0)
    said = run(rerun_analysis(by=administrator, study=scan.study)).ensemble_prediction.abnormality
    assert (said["probability"], said["zone"], said["operating_point"]["threshold"]) == (
        own["probability"],
        "negative",
        higher,
    )
    assert said["operating_point"]["site"]["acceptance"] == str(made.pk)
    assert said["own_point"] == own["operating_point"]
    analysis.refresh_from_db()
    assert analysis.ensemble_prediction.abnormality == own

    newer = replace(asked, version="1.1.0")
    shutil.copytree(settings.ML_WEIGHTS_ROOT / asked.identity, settings.ML_WEIGHTS_ROOT / newer.identity)
    (settings.ML_WEIGHTS_ROOT / newer.identity / "panel.json").write_text(newer.to_json())
    last = run(rerun_analysis(by=administrator, study=scan.study)).ensemble_prediction.abnormality
    assert last == own


def test_weights_that_are_not_those_of_the_spec_never_answer(weights: Path, analysis: Analysis) -> None:
    """A row named after one network that loads another's weights is a lie about a patient."""
    for model in weights.glob("*/*/model.bin"):
        data = bytearray(model.read_bytes())
        data[len(data) // 2] ^= 1
        model.write_bytes(data)
    run(analysis)
    assert (analysis.status, analysis.failure_code) == (S.FAILED, "classifier_refused")
    assert "SHA-256" in analysis.failure_detail or "sha256" in analysis.failure_detail.lower()
    assert not analysis.predictions.exists()


def test_monochrome_1_is_not_read_inverted(patient: Patient, radiographer: User) -> None:
    """The same thorax stored in both senses of grey gives the same answer."""

    def answer(data: bytes) -> dict[str, float]:
        scan = upload_scan(by=radiographer, patient=patient, data=data, name="a", modality=Modality.CXR).scan
        prediction = run(scan.analyses.get()).predictions.first()
        assert prediction
        return prediction.probabilities

    black_is_air = phantom_dicom("DX", side=256, photometric="MONOCHROME2", **NAMELESS)
    white_is_air = inverted(black_is_air)
    assert white_is_air != black_is_air
    assert answer(white_is_air) == pytest.approx(answer(black_is_air), abs=0.02)


def inverted(data: bytes) -> bytes:
    """The same picture in the other photometric interpretation: every stored value and the window mirrored."""
    from io import BytesIO

    import numpy as np
    import pydicom

    dataset = pydicom.dcmread(BytesIO(data))
    top = 2**dataset.BitsStored - 1
    stored = np.frombuffer(dataset.PixelData, np.uint16)
    dataset.PixelData = (top - stored).astype(np.uint16).tobytes()
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.StudyInstanceUID = f"{dataset.StudyInstanceUID}.1"  # two images of one study would decide together
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{dataset.SOPInstanceUID}.1"
    if "WindowCenter" in dataset:
        dataset.WindowCenter = top - dataset.WindowCenter
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def test_classifiers_are_loaded_once_in_a_process(upload: Callable[..., Scan]) -> None:
    loaded = classifiers.loaded(Modality.CXR)
    run(upload(1).analyses.get())
    again = classifiers.loaded(Modality.CXR)
    assert [id(each) for each in again] == [id(each) for each in loaded]
