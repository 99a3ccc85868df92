"""A clinic that shows no result before it has accepted what is installed, and measures answers that nobody saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Clinic, User
from diagnosis.actions import acceptance as actions
from diagnosis.actions.analysis import rerun_analysis
from diagnosis.actions.classifiers import decide_on_classifier
from diagnosis.actions.reading_policy import change_policy
from diagnosis.actions.report import sign_report
from diagnosis.analyses import classifiers
from diagnosis.errors import AnalysisFailed, NotAllowedNow, Refusal
from diagnosis.models import AcceptanceSet, Prediction, ReadingPolicy, Report, Scan, ShadowPrediction
from diagnosis.models.classifier_rule import ClassifierState as State
from diagnosis.models.modality import Modality
from diagnosis.oversight import acceptance
from diagnosis.oversight.acceptance_paper import notes
from diagnosis.rules import acceptance as rules
from diagnosis.rules.acceptance import Measured, deciding
from diagnosis.rules.classifiers import Rules, closed_panels, none_answers, require_still_answering
from ml.abnormality import AbnormalityPoint
from ml.ensemble import EnsembleSpec
from ml.spec import Modality as MlModality
from tests.conftest import PASSWORD
from tests.factories import ABNORMALITY, answer_on_trial, finish, new_case, new_patient, read
from tests.unit.ml.specs import POINT, spec

NAMES = ["classifier-0", "classifier-1"]
HERE = Measured("panel-cxr", "1.0.0", tuple(f"{name}/1.2.3 {'0' * 64}" for name in NAMES), deciding(ABNORMALITY))


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `answer_on_trial` and `finish` store answers of, and a classifier of CT, which is not asked the question."""
    point = AbnormalityPoint.from_fields(ABNORMALITY)
    members = tuple(f"{name}/1.2.3" for name in NAMES)
    panel = EnsembleSpec("panel-cxr", "1.0.0", MlModality.CXR, ("covid", "normal"), members, 1.0, POINT)
    monkeypatch.setattr(classifiers, "ensembles", lambda: (replace(panel, abnormality=point),))
    cxr = tuple(spec(name=name, version="1.2.3") for name in NAMES)
    installed = (*cxr, spec(name="vgg16-ct", modality=MlModality.CT))
    monkeypatch.setattr(classifiers, "installed_specs", lambda: installed)
    monkeypatch.setattr(rules, "installed", lambda: {Modality.CXR: HERE})


@pytest.fixture
def asked(clinic: Clinic) -> ReadingPolicy:
    return ReadingPolicy.objects.create(clinic=clinic, requires_acceptance=True)


@pytest.fixture
def tried(asked: ReadingPolicy, clinic: Clinic, radiographer: User, radiologist: User) -> Callable[..., Report]:
    """A signed report on a patient of its own, whose analysis was answered on trial alone."""

    def make(number: int, category: str, probability: float) -> Report:
        review = new_case(radiographer, new_patient(clinic, radiographer, f"A{number}"), number)
        answer_on_trial(review.scan, probability, ABNORMALITY)
        return sign_report(
            by=radiologist, report=read(radiologist, review, category=category).report, password=PASSWORD
        )

    return make


@pytest.fixture
def begun(clinic: Clinic, administrator: User) -> AcceptanceSet:
    return actions.begin_acceptance(by=administrator, clinic=clinic, modality=Modality.CXR)


@pytest.fixture
def pair(
    begun: AcceptanceSet, tried: Callable[..., Report], administrator: User, monkeypatch: pytest.MonkeyPatch
) -> AcceptanceSet:
    """A set with one case of each kind, of answers that nobody saw."""
    monkeypatch.setattr(actions, "FEWEST_OF_EACH", 1)
    reports = [tried(1, "typical", 0.9173), tried(2, "negative", 0.0827)]
    assert actions.add_by_report(by=administrator, to=begun, keys=[one.study_id for one in reports]) == 2
    return begun


@pytest.fixture
def full(pair: AcceptanceSet, tried: Callable[..., Report], administrator: User) -> AcceptanceSet:
    """One that can be measured: thresholds are fitted without some of its cases."""
    reports = [tried(3, "typical", 0.9173), tried(4, "negative", 0.0827)]
    assert actions.add_by_report(by=administrator, to=pair, keys=[one.study_id for one in reports]) == 2
    return pair


def states(clinic: Clinic) -> list[str]:
    found = classifiers.states_in(clinic.pk)
    return [found[name].value for name in (*NAMES, "vgg16-ct")]


def test_until_it_has_accepted_what_is_installed_all_are_on_trial_and_a_stricter_rule_stays(
    full: AcceptanceSet,
    asked: ReadingPolicy,
    clinic: Clinic,
    other_clinic: Clinic,
    administrator: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert states(other_clinic) == ["active"] * 3
    assert states(clinic) == ["shadow"] * 3
    off = decide_on_classifier(by=administrator, clinic=clinic, subject="vgg16-ct", state=State.OFF, reason="Research.")
    assert states(clinic) == ["shadow", "shadow", "off"]
    ReadingPolicy.objects.update(requires_acceptance=False)
    assert states(clinic) == ["active", "active", "off"]
    decide_on_classifier(by=administrator, clinic=clinic, subject=off.subject, state=State.ACTIVE, reason="It is.")
    ReadingPolicy.objects.update(requires_acceptance=True)
    assert states(clinic) == ["shadow"] * 3
    actions.close_acceptance(by=administrator, of=full)
    assert states(clinic) == ["active", "active", "shadow"]  # CT is not asked, and cannot be accepted
    theirs = ReadingPolicy.objects.create(clinic=other_clinic, requires_acceptance=True)
    assert states(other_clinic) == ["shadow"] * 3
    theirs.delete()
    for changed in (
        replace(HERE, version="1.1.0"),
        replace(HERE, classifiers=(HERE.classifiers[0], f"{NAMES[1]}/1.2.3 {'1' * 64}")),
        replace(HERE, point=(0.3, *HERE.point[1:])),
    ):
        with monkeypatch.context() as newer:
            newer.setattr(rules, "installed", lambda changed=changed: {Modality.CXR: changed})
            assert states(clinic) == ["shadow"] * 3
            assert states(other_clinic) == ["active"] * 3
    assert states(clinic) == ["active", "active", "shadow"]


def test_why_there_is_no_result_is_said_in_words(asked: ReadingPolicy, clinic: Clinic, administrator: User) -> None:
    refused = none_answers(Rules.of(clinic.pk), Modality.CXR, NAMES)
    assert refused
    assert (refused.code, refused.stored.params) == ("classifiers_off", {"variant": "unaccepted_cxr"})
    assert "before it has measured the classifiers on its own cases" in refused.sentence
    assert refused.sentence in closed_panels(clinic.pk)  # on the page of an upload
    with pytest.raises(AnalysisFailed) as kept:
        require_still_answering(clinic.pk, Modality.CXR, NAMES)
    assert kept.value.sentence == refused.sentence
    # One that is off does not tell why the other one is silent; both do.
    decide_on_classifier(by=administrator, clinic=clinic, subject=NAMES[0], state=State.OFF, reason="Not this one.")
    assert none_answers(Rules.of(clinic.pk), Modality.CXR, NAMES).sentence == refused.sentence  # type: ignore[union-attr]
    decide_on_classifier(by=administrator, clinic=clinic, subject="panel-cxr", state=State.STOPPED, reason="Wrong.")
    for told in (
        none_answers(Rules.of(clinic.pk), Modality.CXR, NAMES),
        none_answers(Rules.of(clinic.pk), Modality.CXR, ()),
    ):
        assert told
        assert told.code == "classifiers_stopped"


def test_no_result_is_kept_of_what_ran_when_the_clinic_began_to_ask(
    scan: Scan, clinic: Clinic, administrator: User
) -> None:
    """The last look, in the transaction that keeps it; and whoever asks waits for a result that is being kept."""
    with CaptureQueriesContext(connection) as queries:
        change_policy(by=administrator, policy=ReadingPolicy(clinic=clinic, requires_acceptance=True))
    if connection.vendor == "postgresql":
        assert any("accounts_clinic" in one["sql"] and "FOR NO KEY UPDATE" in one["sql"] for one in queries)
    with pytest.raises(AnalysisFailed):
        finish(scan, 0.5, 0.5, combined=0.9, abnormality=ABNORMALITY)
    assert not Prediction.objects.exists()


def test_answers_that_nobody_saw_are_measured_and_not_told_before(
    full: AcceptanceSet, administrator: User, clinic: Clinic, client: Client
) -> None:
    client.force_login(administrator)
    page = f"/oversight/classifiers/acceptance/{full.pk}/"
    shown = client.get(page).content.decode()
    assert "what they answer is kept and measured here, and nobody sees it" in " ".join(shown.split())
    assert "The ensemble gives no results" not in shown
    for told in ("0.917", "0.083", "91.7", "8.3", "Indeterminate", "Positive", "Negative<"):
        assert told not in shown
    one = actions.close_acceptance(by=administrator, of=full)
    assert [case["on_trial"] for case in one.content["cases"]] == [True] * 4
    assert {case["probability"]: case["zone"] for case in one.content["cases"]} == {
        0.9173: "positive",
        0.0827: "negative",
    }
    assert one.content["classifiers"] == list(HERE.classifiers)
    assert "In 4 of 4 cases the answer was kept on trial and shown to nobody." in notes(one.content)
    shown = " ".join(client.get(page).content.decode().split())
    assert "Examinations that ended without one stay so until somebody asks for a new analysis" in shown


def test_a_stop_still_closes_no_set(pair: AcceptanceSet, clinic: Clinic, administrator: User) -> None:
    decide_on_classifier(by=administrator, clinic=clinic, subject=NAMES[0], state=State.STOPPED, reason="Wrong.")
    with pytest.raises(NotAllowedNow, match="stopped here"):
        actions.close_acceptance(by=administrator, of=pair)
    assert states(clinic)[0] == "stopped"


def test_an_answer_on_trial_counts_on_the_images_that_its_study_has_now(
    pair: AcceptanceSet, clinic: Clinic, administrator: User, radiographer: User
) -> None:
    case = pair.cases.select_related("study__patient").first()
    assert case
    told = acceptance.newest(pair, [case.study_id])
    assert told[case.study_id].on_trial
    row = ShadowPrediction.objects.get(analysis=told[case.study_id].analysis, classifier="panel-cxr")
    assert [one.pk for one in row.images.all()] == [one.pk for one in Scan.objects.filter(series__study=case.study)]
    row.images.clear()  # it was asked about others than the study has
    assert not acceptance.newest(pair, [case.study_id])
    row.images.set(Scan.objects.filter(series__study=case.study))
    assert acceptance.newest(pair, [case.study_id]) == told
    other = new_case(radiographer, new_patient(clinic, radiographer, "B1"), 9)
    row.images.add(other.scan)
    assert not acceptance.newest(pair, [case.study_id])
    row.images.remove(other.scan)
    Scan.objects.filter(pk=other.scan.pk).update(series=Scan.objects.get(series__study=case.study).series)
    assert not acceptance.newest(pair, [case.study_id])


def test_the_newest_answer_counts_whether_it_was_shown_or_not(
    pair: AcceptanceSet, clinic: Clinic, administrator: User, radiographer: User
) -> None:
    study = pair.cases.get(is_abnormal=True).study
    ReadingPolicy.objects.update(requires_acceptance=False)
    rerun_analysis(by=radiographer, study=study)
    shown = finish(study.shown, 0.5, 0.5, combined=0.7, abnormality=ABNORMALITY)
    assert (told := acceptance.newest(pair, [study.pk])[study.pk]).probability == 0.7
    assert not told.on_trial
    assert acceptance.weights([told]) == list(HERE.classifiers)
    # Where one analysis has both, for the clinic began to ask at that moment, the one that was shown counts.
    ShadowPrediction.objects.filter(analysis__study=study).update(analysis=shown)
    assert acceptance.newest(pair, [study.pk]) == {study.pk: told}
    ReadingPolicy.objects.update(requires_acceptance=True)
    rerun_analysis(by=radiographer, study=study)
    answer_on_trial(study.shown, 0.8, ABNORMALITY)
    assert acceptance.newest(pair, [study.pk])[study.pk].probability == 0.8


def test_a_study_without_a_result_looks_like_a_decision_and_not_like_a_fault(
    asked: ReadingPolicy, clinic: Clinic, radiographer: User, client: Client
) -> None:
    scan = new_case(radiographer, new_patient(clinic, radiographer, "B7"), 7).scan
    answer_on_trial(scan, 0.8, ABNORMALITY)
    client.force_login(radiographer)
    shown = " ".join(client.get(f"/scans/{scan.pk}/result/").content.decode().split())
    assert "before it has measured the classifiers on its own cases" in shown
    assert "Not classified" in shown
    assert not {word for word in ("pill-failed", "notice-danger", "Retry", "button-primary") if word in shown}


def test_it_cannot_be_made_active_by_hand_but_a_stop_is_lifted(
    asked: ReadingPolicy, clinic: Clinic, administrator: User, client: Client
) -> None:
    client.force_login(administrator)
    page = "/oversight/classifiers/"
    shown = " ".join(client.get(page, {"clinic": str(clinic.pk)}).content.decode().split())
    assert shown.count("until the clinic has accepted it") == len(NAMES) + 1  # and their ensemble
    assert "Until then the classifiers answer on trial." in shown
    assert "This cannot be measured, because no ensemble is installed" in shown
    sent = {"subject": NAMES[0], "state": "active", "reason": "We want to see it.", "seen": 10**9}
    address = f"{page}?clinic={clinic.pk}"
    refused = client.post(address, sent)
    assert refused.status_code == 422
    assert "Close an acceptance set, or change the reading policy." in refused.content.decode()
    for state in (State.STOPPED, State.SHADOW):
        decide_on_classifier(by=administrator, clinic=clinic, subject=NAMES[0], state=state, reason="Wrong.")
    lifted = client.post(address, sent, follow=True)
    assert "It stays on trial until this clinic has accepted it." in lifted.content.decode()
    assert states(clinic)[0] == "shadow"
    with pytest.raises(Refusal, match="before it has accepted"):
        decide_on_classifier(by=administrator, clinic=clinic, subject="panel-cxr", state=State.ACTIVE, reason="Yes.")
