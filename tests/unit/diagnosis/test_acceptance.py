"""A clinic's own acceptance set: who gathers it, what it freezes, and what its figures are worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.idle import SINCE
from accounts.models import Clinic, User
from audit.models import AuditEvent
from diagnosis.actions import acceptance as actions
from diagnosis.actions.classifiers import decide_on_classifier
from diagnosis.actions.confidentiality import mark_confidential
from diagnosis.actions.correction import merge_patients, move_scans
from diagnosis.actions.report import sign_report
from diagnosis.actions.report_correction import enter_in_error
from diagnosis.analyses import classifiers
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import (
    Acceptance,
    AcceptanceCase,
    AcceptanceSet,
    EnsemblePrediction,
    FirstImpression,
    ImageResult,
    Patient,
    Prediction,
    Report,
    Review,
    Scan,
    SecondLook,
    Study,
    Withdrawal,
)
from diagnosis.models.classifier_rule import ClassifierState
from diagnosis.models.modality import Modality
from diagnosis.oversight import acceptance
from diagnosis.oversight.acceptance_figures import Scored, Thresholds, auc, figures, fit, fitted
from diagnosis.oversight.acceptance_paper import notes
from diagnosis.proportion import Proportion
from diagnosis.rules import acceptance_seal
from diagnosis.views.oversight import acceptance as views
from ml.abnormality import AbnormalityPoint
from ml.ensemble import EnsembleSpec
from ml.spec import Modality as MlModality
from portal.backup.comparing import compare_proofs
from tests.conftest import PASSWORD
from tests.factories import ABNORMALITY, finish, new_case, new_patient, read
from tests.unit.ml.specs import POINT, spec

ADDRESS = "/oversight/classifiers/acceptance/"


# --- statistics ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_the_exact_interval_as_published(part: int, whole: int, low: float, high: float) -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 5."""
    assert Proportion(part, whole).exact == pytest.approx((low, high), abs=6e-5)
    assert Proportion(whole - part, whole).exact == pytest.approx((1 - high, 1 - low), abs=6e-5)


def test_the_exact_interval_of_more_cases_than_a_float_can_count_the_choices_of() -> None:
    """The normal approximation is good to a thousandth there."""
    assert Proportion(1000, 2000).exact == pytest.approx((0.5 - 0.0219, 0.5 + 0.0219), abs=1e-3)


def test_the_area_counts_ties_half_and_its_interval_never_shrinks_to_nothing() -> None:
    said = auc([Scored(True, 0.9), Scored(True, 0.5), Scored(False, 0.5), Scored(False, 0.1)])
    assert said["value"] == 3.5 / 4
    apart = auc([Scored(True, 0.9)] * 50 + [Scored(False, 0.1)] * 50)
    assert apart["value"] == apart["high"] == 1
    assert 0.9 < apart["low"] < 0.99
    none = auc([Scored(True, 0.5)] * 50 + [Scored(False, 0.5)] * 50)
    assert none["low"] == pytest.approx(1 - none["high"])
    assert none["low"] < 0.5 < none["high"]


def noise(seed: int, number: int = 60) -> list[Scored]:
    """Probabilities that tell nothing of the label."""
    chance = Random(seed)
    return [Scored(kind, chance.random()) for _ in range(number) for kind in (True, False)]


def test_fitted_thresholds_are_judged_on_cases_that_they_were_not_fitted_on() -> None:
    # A case that decides the threshold when it is fitted on does not when it is judged: it falls below.
    lowest = [Scored(True, 0.5)] * 57 + [Scored(True, 0.0)] * 3 + [Scored(False, 0.2)] * 60
    said = fitted(lowest)
    assert said["lower"] == 0.0  # the third lowest of 60
    assert fit(lowest[1:-1]).lower == 0.0
    judged = [fitted(noise(seed))["cross_fitted"]["lower"]["sensitivity"]["value"] for seed in range(20)]
    assert min(judged) < 0.95
    # No more than the aim leaves on average, of thresholds that know nothing of the case.
    assert sum(judged) / len(judged) > 0.95


def test_the_figures_by_hand() -> None:
    cases = [Scored(True, 0.7)] * 40 + [Scored(True, 0.1)] * 10 + [Scored(False, 0.1)] * 45 + [Scored(False, 0.3)] * 5
    said = figures(cases, Thresholds(0.2, 0.6))
    assert (said["lower"]["sensitivity"]["part"], said["lower"]["specificity"]["part"]) == (40, 45)
    assert (said["upper"]["sensitivity"]["part"], said["upper"]["specificity"]["part"]) == (40, 50)
    between = said["indeterminate"]
    assert [(between[kind]["part"], between[kind]["whole"]) for kind in ("abnormal", "normal")] == [(0, 50), (5, 50)]


def test_a_set_without_a_signed_report_says_nothing_of_first_impressions() -> None:
    said: dict[str, Any] = {"figures": {"read_first": 1}, "cases": [{"report": None}, {"report": "key"}]}
    assert "In 1 of the cases with a signed report (1), the reader" in " ".join(notes(said))
    said["cases"] = said["cases"][:1]
    assert "the reader" not in " ".join(notes(said))


# --- the set ------------------------------------------------------------------------------------------------
@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `finish` stores: an ensemble of one version that answers whether the lung is abnormal."""
    point = AbnormalityPoint.from_fields(ABNORMALITY)
    members = ("classifier-0/1.2.3", "classifier-1/1.2.3")
    labels = ("covid", "normal")
    panel = EnsembleSpec("panel-cxr", "1.0.0", MlModality.CXR, labels, members, 1.0, POINT, abnormality=point)
    monkeypatch.setattr(classifiers, "ensembles", lambda: (panel,))
    installed = tuple(spec(name=f"classifier-{number}", version="1.2.3") for number in range(2))
    monkeypatch.setattr(classifiers, "installed_specs", lambda: installed)


@pytest.fixture
def signed(clinic: Clinic, radiographer: User, radiologist: User) -> Callable[..., Report]:
    """A signed report on a patient of its own, with a stored result."""

    def make(number: int, category: str, probability: float) -> Report:
        review = new_case(radiographer, new_patient(clinic, radiographer, f"A{number}"), number)
        finish(review.scan, 0.5, 0.5, combined=probability, abnormality=ABNORMALITY)
        report = read(radiologist, review, decision="agree", category=category).report
        return sign_report(by=radiologist, report=report, password=PASSWORD)

    return make


@pytest.fixture
def begun(clinic: Clinic, administrator: User) -> AcceptanceSet:
    return actions.begin_acceptance(by=administrator, clinic=clinic, modality=Modality.CXR)


def test_administrators_gather_and_close_it_and_nothing_changes_afterwards(
    begun: AcceptanceSet,
    signed: Callable[..., Report],
    clinic: Clinic,
    administrator: User,
    radiologist: User,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(actions, "FEWEST_OF_EACH", 2)
    found = [signed(1, "typical", 0.9), signed(2, "atypical", 0.3), signed(3, "negative", 0.1)]
    by_hand = signed(4, "negative", 0.05)
    wrong = signed(5, "negative", 0.1)
    enter_in_error(by=radiologist, report=wrong, reason="Of another patient.", password=PASSWORD)
    page = f"{ADDRESS}{begun.pk}/"
    client.force_login(radiologist)
    assert [client.get(one).status_code for one in (ADDRESS, page, f"{ADDRESS}{begun.pk}.pdf")] == [403, 403, 403]
    client.force_login(administrator)
    assert client.get(page).status_code == 200
    assert client.post(page, {"act": "add", "study": [str(one.study_id) for one in [*found, wrong]]}).status_code == 302
    labels = {one.study_id: one.is_abnormal for one in begun.cases.all()}
    assert labels == {found[0].study_id: True, found[1].study_id: True, found[2].study_id: False}
    assert client.post(page, {"act": "close"}).status_code == 400  # too few
    sent = {"act": "hand", "study": f"https://portal.example/studies/{by_hand.study_id}/", "label": "normal"}
    assert client.post(page, sent).status_code == 422  # no reason
    assert client.post(page, sent | {"reason": "CT of the same day."}).status_code == 302
    assert client.post(page, sent | {"reason": "CT of the same day."}).status_code == 400  # the patient is in it
    assert client.post(page, {"act": "add", "study": ["nothing"]}).status_code == 400
    assert "Nothing was ticked." in client.post(page, {"act": "add"}).content.decode()
    shown = client.get(page).content.decode()
    assert "CT of the same day." in shown
    session = client.session
    session[SINCE] -= 3600
    session.save()
    assert "reauthenticate" in client.post(page, {"act": "close"}).headers["Location"]
    client.force_login(administrator)
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(page, {"act": "close"}).status_code == 302
    one = Acceptance.objects.get()
    said = one.content["figures"]
    assert (said["lower"]["sensitivity"]["part"], said["upper"]["sensitivity"]["part"]) == (2, 1)
    assert {round(case["probability"], 9) for case in one.content["cases"]} == {0.9, 0.3, 0.1, 0.05}
    assert one.content["classifiers"] == [f"classifier-{number}/1.2.3 {'0' * 64}" for number in range(2)]
    shown = client.get(page).content.decode()
    assert "The seal is genuine." in shown
    assert "<button" not in shown[shown.index("Cases</h2>") :].split("</section>")[0]
    paper = client.get(f"{ADDRESS}{begun.pk}.pdf")
    assert paper.content[:4] == b"%PDF"
    about = AuditEvent.objects.filter(route__endswith="diagnosis:acceptance-set")
    assert about.filter(object_type="diagnosis.acceptanceset", object_id=str(begun.pk)).exists()
    assert not about.filter(object_type__startswith="list of").exists()
    case = begun.cases.first()
    assert case
    for change in (
        {"act": "remove", "case": str(case.pk)},
        {"act": "drop"},
        sent | {"reason": "Yes."},
        {"act": "close"},
    ):
        assert client.post(page, change).status_code == 409
    assert begun.cases.count() == 4
    begun.cases.update(is_abnormal=True, report=None, reason="Said otherwise.")
    begun.cases.filter(pk=case.pk).delete()
    shown = client.get(page).content.decode()  # as it was sealed, also by the cases
    assert "2 abnormal and 2 not abnormal" in shown
    assert "Said otherwise." not in shown
    for change in (lambda: Acceptance.objects.update(mac=""), one.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_a_changed_acceptance_or_seal_is_noticed(
    begun: AcceptanceSet, administrator: User, django_capture_on_commit_callbacks: Any
) -> None:
    at = begun.begun_at
    one = Acceptance(acceptance_set=begun, content={"figures": 1}, sealed_at=at)
    one.content_sha256 = acceptance_seal.digest(one.content)
    one.mac = acceptance_seal.mac_of(one)
    assert acceptance_seal.holds(one)
    one.content = {"figures": 2}
    assert not acceptance_seal.holds(one)
    one.content_sha256 = acceptance_seal.digest(one.content)  # without the key that is all they can do
    assert not acceptance_seal.holds(one)


def test_what_was_sound_when_it_was_added_has_to_be_when_it_is_closed(
    begun: AcceptanceSet,
    signed: Callable[..., Report],
    clinic: Clinic,
    administrator: User,
    radiologist: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(actions, "FEWEST_OF_EACH", 1)
    yes, no = signed(1, "typical", 0.9), signed(2, "negative", 0.1)
    assert actions.add_by_report(by=administrator, to=begun, keys=[yes.study_id, no.study_id]) == 2
    rule = {"by": administrator, "clinic": clinic, "subject": "classifier-0", "reason": "Wrong labels."}
    decide_on_classifier(state=ClassifierState.STOPPED, **rule)
    with pytest.raises(NotAllowedNow, match="is stopped here"):
        actions.close_acceptance(by=administrator, of=begun)
    decide_on_classifier(state=ClassifierState.ACTIVE, **rule)
    enter_in_error(by=radiologist, report=no, reason="Of another patient.", password=PASSWORD)
    with pytest.raises(Refusal, match="1 case cannot be measured"):
        actions.close_acceptance(by=administrator, of=begun)
    assert AcceptanceSet.objects.get().is_open
    assert not Acceptance.objects.exists()


def why(of: AcceptanceSet) -> list[str]:
    """What speaks against the cases, in the order in which their reports were signed."""
    cases = list(of.cases.select_related("study").order_by("report__signed_at"))
    found = acceptance.faults(of, cases, acceptance.newest(of, [one.study_id for one in cases]))
    return [str(found.get(one.pk, "")) for one in cases]


def test_a_result_and_a_report_on_other_images_than_the_study_has_now_count_for_nothing(
    begun: AcceptanceSet, signed: Callable[..., Report], administrator: User
) -> None:
    one, other = signed(1, "typical", 0.9), signed(2, "negative", 0.1)
    both = [one.study_id, other.study_id]
    assert actions.add_by_report(by=administrator, to=begun, keys=both) == 2
    assert why(begun) == ["", ""]
    moved = Scan.objects.get(series__study=other.study_id)
    home = moved.series
    # An image came to the first study that its result has not seen, and the second study has none of its own any more.
    Scan.objects.filter(pk=moved.pk).update(series=Scan.objects.get(series__study=one.study_id).series)
    assert why(begun) == [str(acceptance.NO_RESULT)] * 2
    analysis = one.study.analyses.get()
    # Analysed again with both, but the report was signed on one.
    ImageResult.objects.create(analysis=analysis, image=moved, probability=0.9, zone="positive")
    assert why(begun) == [str(acceptance.OTHER_IMAGES), str(acceptance.NO_RESULT)]
    begun.cases.all().delete()
    with pytest.raises(Refusal, match="Not taken"):
        actions.add_by_report(by=administrator, to=begun, keys=both)
    Scan.objects.filter(pk=moved.pk).update(series=home)
    assert not acceptance.results(begun).filter(analysis=analysis).exists()  # it saw an image that is elsewhere
    assert actions.add_by_report(by=administrator, to=begun, keys=both) == 1
    one.images = [*one.images, str(moved.pk)]
    assert acceptance.on_these_images([one, other]) == [other]


def test_what_was_taken_back_or_became_one_patients_counts_for_nothing(
    begun: AcceptanceSet, signed: Callable[..., Report], administrator: User
) -> None:
    reports = [signed(number, "negative", 0.1) for number in range(1, 4)]
    keys = [one.study_id for one in reports]
    assert actions.add_by_report(by=administrator, to=begun, keys=keys) == 3
    first, second, third = begun.cases.order_by("report__signed_at")
    made = Withdrawal.objects.create(
        clinic=begun.clinic, study=first.study, scans=[], reason="Of another person.", made_by=administrator
    )
    Study.objects.filter(pk=first.study_id).update(withdrawal=made)
    Study.objects.filter(pk=third.study_id).update(patient=second.study.patient)
    assert why(begun) == [str(acceptance.NO_RESULT), "", str(acceptance.SAME_PATIENT)]


def test_cases_that_cannot_be_measured_are_taken_out_also_by_whom_they_are_closed_to(
    begun: AcceptanceSet,
    signed: Callable[..., Report],
    administrator: User,
    radiologist: User,
    member: Callable[..., User],
    client: Client,
) -> None:
    wrong, right = signed(1, "negative", 0.1), signed(2, "negative", 0.1)
    assert actions.add_by_report(by=administrator, to=begun, keys=[wrong.study_id, right.study_id]) == 2
    enter_in_error(by=radiologist, report=wrong, reason="Of another patient.", password=PASSWORD)
    mark_confidential(by=administrator, patient=wrong.study.patient)
    client.force_login(member("administrator"))
    page = f"{ADDRESS}{begun.pk}/"
    shown = client.get(page).content.decode()
    assert "1 case cannot be measured any more." in shown
    assert str(wrong.study_id) not in shown
    closed = begun.cases.get(study=wrong.study_id)
    assert client.post(page, {"act": "remove", "case": str(closed.pk)}).status_code == 409
    assert client.post(page, {"act": "sweep"}).status_code == 302
    assert [one.study_id for one in begun.cases.all()] == [right.study_id]


def test_nobody_learns_a_reading_that_is_hidden_from_them(
    begun: AcceptanceSet, signed: Callable[..., Report], administrator: User, client: Client
) -> None:
    listed, offered = signed(1, "typical", 0.9), signed(2, "typical", 0.9)
    actions.add_by_report(by=administrator, to=begun, keys=[listed.study_id])
    client.force_login(administrator)
    page = f"{ADDRESS}{begun.pk}/"
    shown = client.get(page).content.decode()
    assert str(offered.study_id) in shown
    for report in (listed, offered):
        SecondLook.objects.create(report=report, reader=administrator)
    shown = client.get(page).content.decode()
    assert str(offered.study_id) not in shown
    assert "Hidden until you have read it" in shown
    assert "Abnormal lung</td>" not in " ".join(shown.split())
    with pytest.raises(Refusal):
        actions.add_by_hand(by=administrator, to=begun, study=offered.study_id, is_abnormal=True, reason="A CT.")


def test_a_report_that_was_signed_for_another_patient_is_no_truth_and_stays_closed(
    begun: AcceptanceSet,
    signed: Callable[..., Report],
    administrator: User,
    radiographer: User,
    member: Callable[..., User],
    client: Client,
) -> None:
    report = signed(1, "typical", 0.9)
    actions.add_by_report(by=administrator, to=begun, keys=[report.study_id])
    image = Scan.objects.get(series__study=report.study_id)
    was, now = report.study.patient, new_patient(begun.clinic, radiographer, "RIGHT")
    move_scans(by=administrator, source=was, scans=[image.pk], target=now, reason="The wrong wristband.")
    # As it stands after the move, with a stored result.
    study = Study.objects.get(pk=report.study_id)
    assert study.patient_id == now.pk
    report = Report.objects.select_related("study").get(pk=report.pk)
    assert acceptance.on_these_images([report]) == [report]
    assert acceptance.usable([report], administrator) == []
    case = begun.cases.select_related("study").get()
    said = {study.pk: EnsemblePrediction.objects.get(analysis__study=study)}
    assert acceptance.faults(begun, [case], said) == {case.pk: acceptance.OTHER_PATIENT}
    mark_confidential(by=administrator, patient=was)
    other, page = member("administrator"), f"{ADDRESS}{begun.pk}/"
    for by, is_told in ((administrator, True), (other, False)):
        client.force_login(by)
        shown = " ".join(client.get(page).content.decode().split())
        assert ("Abnormal lung </td>" in shown) == is_told
        assert ("signed in a record that is not open to you" in shown) != is_told
    assert acceptance.usable([report], other) == []


def test_the_newest_signed_report_of_a_study_is_its_truth(
    begun: AcceptanceSet, signed: Callable[..., Report], administrator: User
) -> None:
    older = signed(1, "typical", 0.9)
    actions.add_by_report(by=administrator, to=begun, keys=[older.study_id])
    reading = Review.objects.get(pk=older.reading_id)
    reading.pk = uuid4()
    reading.save(force_insert=True)
    newer = Report.objects.get(pk=older.pk)
    newer.pk, newer.review, newer.category, newer.verification_code = uuid4(), reading, "negative", "0" * 20
    newer.save(force_insert=True)
    assert list(acceptance.standing_reports(begun)) == [newer]
    assert why(begun) == [str(acceptance.REPORT_MOVED)]


def test_what_was_stored_by_several_versions_of_the_software_is_measured_together(
    begun: AcceptanceSet, signed: Callable[..., Report], administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "FEWEST_OF_EACH", 1)
    reports = [signed(number, "negative" if number % 2 else "typical", 0.1) for number in range(4)]
    actions.add_by_report(by=administrator, to=begun, keys=[one.study_id for one in reports])
    said = EnsemblePrediction.objects.get(analysis__study=reports[0].study)
    assert said.abnormality
    said.abnormality["operating_point"]["positive_zone"] = {"sensitivity": 0.8}
    EnsemblePrediction.objects.filter(pk=said.pk).update(abnormality=said.abnormality)
    # Of three that answered, one is no member of the ensemble; its weights were changed between the two.
    for number, report in enumerate(reports):
        beside = Prediction.objects.filter(analysis__study=report.study).first()
        assert beside
        beside.pk, beside.classifier, beside.weights_sha256 = uuid4(), "beside", str(number) * 64
        beside.save(force_insert=True)
    with CaptureQueriesContext(connection) as asked:
        one = actions.close_acceptance(by=administrator, of=begun)
    assert one.content["classifiers"] == [f"classifier-{number}/1.2.3 {'0' * 64}" for number in range(2)]
    if connection.vendor == "postgresql":  # whoever stops a classifier or enters a report in error waits
        texts = [query["sql"] for query in asked]
        assert any(text.endswith("FOR SHARE") for text in texts)
        assert any(text.endswith('FOR UPDATE OF "diagnosis_report"') for text in texts)


def test_results_with_other_thresholds_are_not_measured_together(
    begun: AcceptanceSet, signed: Callable[..., Report]
) -> None:
    found = acceptance.newest(begun, [signed(number, "negative", 0.1).study_id for number in (1, 2)])
    assert len(acceptance.points(found.values())) == 1
    for name in ("threshold", "abnormal_from", "slope", "intercept"):
        one, other = found.values()
        changed = other.abnormality["operating_point"] | {name: 0.55}
        moved = replace(other, abnormality=other.abnormality | {"operating_point": changed})
        assert len(acceptance.points([one, moved])) == 2, name


def test_those_that_are_not_fit_take_no_place_among_the_offered(
    begun: AcceptanceSet,
    signed: Callable[..., Report],
    administrator: User,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(views, "A_PAGE", 1)
    fit, other = signed(1, "negative", 0.1), signed(2, "negative", 0.1)
    usable = acceptance.usable
    monkeypatch.setattr(acceptance, "usable", lambda found, by: [one for one in usable(found, by) if one != other])
    client.force_login(administrator)
    shown = client.get(f"{ADDRESS}{begun.pk}/").content.decode()
    assert str(fit.study_id) in shown


def test_a_case_that_was_named_by_hand_is_about_its_images_and_its_patient(
    begun: AcceptanceSet, signed: Callable[..., Report], administrator: User, radiographer: User
) -> None:
    report, other = signed(1, "typical", 0.9), signed(2, "negative", 0.1)
    actions.add_by_hand(by=administrator, to=begun, study=report.study_id, is_abnormal=True, reason="A CT.")
    assert why(begun) == [""]
    come = Scan.objects.get(series__study=other.study_id)
    home = come.series
    Scan.objects.filter(pk=come.pk).update(series=Scan.objects.get(series__study=report.study_id).series)
    result = ImageResult.objects.create(
        analysis=report.study.analyses.get(), image=come, probability=0.9, zone="positive"
    )
    assert why(begun) == [str(acceptance.IMAGES_CHANGED)]
    result.delete()
    Scan.objects.filter(pk=come.pk).update(series=home)
    was = report.study.patient
    Study.objects.filter(pk=report.study_id).update(patient=other.study.patient)
    assert why(begun) == [str(acceptance.OTHER_PATIENT)]
    Study.objects.filter(pk=report.study_id).update(patient=was)
    into = new_patient(begun.clinic, radiographer, "SAME")
    merge_patients(by=administrator, source=Patient.objects.get(pk=was.pk), target=into, reason="The same person.")
    assert Study.objects.get(pk=report.study_id).patient_id == into.pk
    assert why(begun) == [""]


def test_of_an_acceptance_that_was_changed_nothing_is_told_but_that(
    begun: AcceptanceSet, administrator: User, client: Client
) -> None:
    AcceptanceSet.objects.update(status="closed", ended_by=administrator, ended_at=begun.begun_at)
    Acceptance.objects.create(
        acceptance_set=begun, content={}, content_sha256="a" * 64, sealed_at=begun.begun_at, mac="b" * 64
    )
    client.force_login(administrator)
    shown = client.get(f"{ADDRESS}{begun.pk}/").content.decode()
    assert "This is not what was sealed" in shown
    assert "a" * 64 in shown
    assert f"Seal: {'b' * 64}" in shown
    assert "What was measured" not in shown
    assert "Cases</h2>" not in shown
    assert any(str(begun.pk) in line.difference for line in compare_proofs())
    assert client.get(f"{ADDRESS}{begun.pk}.pdf").content[:4] == b"%PDF"


def test_whoever_gathers_is_told_where_the_ensemble_gives_no_results(
    begun: AcceptanceSet, clinic: Clinic, administrator: User, client: Client
) -> None:
    client.force_login(administrator)
    told = "The ensemble gives no results in this clinic now"
    assert told not in client.get(f"{ADDRESS}{begun.pk}/").content.decode()
    decide_on_classifier(
        by=administrator, clinic=clinic, subject="classifier-1", state=ClassifierState.SHADOW, reason="To be measured."
    )
    shown = client.get(f"{ADDRESS}{begun.pk}/").content.decode()
    assert told in shown
    assert "classifier-1" in shown[shown.index(told) :]


def test_one_kind_is_offered_at_a_time_and_a_first_impression_counts_of_the_reader_alone(
    begun: AcceptanceSet,
    signed: Callable[..., Report],
    administrator: User,
    radiologist: User,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    yes, no = signed(1, "typical", 0.9), signed(2, "negative", 0.1)
    client.force_login(administrator)
    page = f"{ADDRESS}{begun.pk}/"
    for kind, expected in (("", {yes, no}), ("abnormal", {yes}), ("normal", {no}), ("other", {yes, no})):
        shown = client.get(page, {"kind": kind}).content.decode()
        assert {one for one in (yes, no) if str(one.study_id) in shown} == expected
    for report, reader in ((yes, radiologist), (no, administrator)):
        FirstImpression.objects.create(review=report.reading, reader=reader, category="negative")
    actions.add_by_report(by=administrator, to=begun, keys=[yes.study_id, no.study_id])
    assert "panel-cxr/1.0.0 is installed now" not in client.get(page).content.decode()
    with monkeypatch.context() as without:
        without.setattr(classifiers, "ensembles", lambda: ())
        assert "no ensemble is installed now" in client.get(page).content.decode()
    AcceptanceSet.objects.update(version="0.9.0")
    assert "panel-cxr/1.0.0 is installed now" in client.get(page).content.decode()
    assert acceptance.read_first(list(begun.cases.all())) == 1


def test_only_this_clinics_administrators_and_studies(
    begun: AcceptanceSet,
    scan: Scan,
    clinic: Clinic,
    other_clinic: Clinic,
    administrator: User,
    radiologist: User,
    member: Callable[..., User],
    client: Client,
) -> None:
    elsewhere = member("administrator", at=other_clinic)
    for by in (radiologist, elsewhere):
        with pytest.raises(PermissionDenied):
            actions.begin_acceptance(by=by, clinic=clinic, modality=Modality.CXR)
        with pytest.raises(PermissionDenied):
            actions.add_by_hand(by=by, to=begun, study=scan.study_id, is_abnormal=True, reason="A CT.")
        with pytest.raises(PermissionDenied):
            actions.close_acceptance(by=by, of=begun)
    client.force_login(elsewhere)
    assert client.get(f"{ADDRESS}{begun.pk}/").status_code == 404
    assert client.get(ADDRESS).status_code == 200
    with pytest.raises(NotAllowedNow):  # one is open
        actions.begin_acceptance(by=administrator, clinic=clinic, modality=Modality.CXR)
    with pytest.raises(Refusal):  # nothing answers this for CT
        actions.begin_acceptance(by=administrator, clinic=clinic, modality=Modality.CT)
    for study in (scan.study_id, uuid4()):  # not answered, not there
        with pytest.raises(Refusal):
            actions.add_by_hand(by=administrator, to=begun, study=study, is_abnormal=True, reason="A CT.")
    actions.drop_acceptance(by=administrator, of=begun)
    assert actions.begin_acceptance(by=administrator, clinic=clinic, modality=Modality.CXR).is_open
    assert not AcceptanceCase.objects.exists()
