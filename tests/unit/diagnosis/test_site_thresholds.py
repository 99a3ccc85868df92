"""A clinic that puts the thresholds of its acceptance set into use: who may, when it ends, and what results say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.idle import SINCE
from accounts.models import Clinic, User
from audit.models import AuditEvent
from delivery.dicom.result import groups_of
from diagnosis.actions import acceptance as sets
from diagnosis.actions.analysis import rerun_analysis
from diagnosis.actions.classifiers import decide_on_classifier
from diagnosis.actions.report import sign_report
from diagnosis.actions.thresholds import adopt_thresholds, return_to_own_thresholds
from diagnosis.analyses import classifiers
from diagnosis.api.serializers.prediction import EnsemblePredictionSerializer
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.interchange.fhir.results import _components
from diagnosis.models import Acceptance, AcceptanceSet, EnsemblePrediction, ReadingPolicy, Scan, ThresholdDecision
from diagnosis.models.classifier_rule import ClassifierState
from diagnosis.models.modality import Modality
from diagnosis.oversight import acceptance as measuring
from diagnosis.oversight.acceptance_figures import Scored, Thresholds, figures
from diagnosis.patients.trend import HEIGHT, trends
from diagnosis.reports.content import is_intact
from diagnosis.reports.pdf.content import _machine_notes
from diagnosis.results import words
from diagnosis.rules import acceptance as rules
from diagnosis.rules import acceptance_seal, thresholds
from diagnosis.rules.acceptance import Measured, deciding
from ml.abnormality import AbnormalityPoint
from ml.ensemble import EnsembleSpec
from ml.spec import Modality as MlModality
from tests.conftest import PASSWORD
from tests.factories import ABNORMALITY, answer_on_trial, finish, new_case, new_patient, read
from tests.unit.ml.specs import POINT, spec

ADDRESS = "/oversight/classifiers/acceptance/"
NAMES = ["classifier-0", "classifier-1"]
HERE = Measured("panel-cxr", "1.0.0", tuple(f"{name}/1.2.3 {'0' * 64}" for name in NAMES), deciding(ABNORMALITY))
WHY = "Measured here, and better."


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `finish` stores answers of: its own thresholds are 0.2 and 0.6."""
    point = AbnormalityPoint.from_fields(ABNORMALITY)
    members = tuple(f"{name}/1.2.3" for name in NAMES)
    panel = EnsembleSpec("panel-cxr", "1.0.0", MlModality.CXR, ("covid", "normal"), members, 1.0, POINT)
    monkeypatch.setattr(classifiers, "ensembles", lambda: (replace(panel, abnormality=point),))
    monkeypatch.setattr(
        classifiers, "installed_specs", lambda: tuple(spec(name=name, version="1.2.3") for name in NAMES)
    )
    monkeypatch.setattr(rules, "installed", lambda: {Modality.CXR: HERE})


def seal(clinic: Clinic, by: User, **changed: Any) -> AcceptanceSet:
    """A closed set of 50 abnormal cases from 0.32 and 50 others up to 0.79: its thresholds are 0.33 and 0.75.

    `changed`: what its content says otherwise, sealed so.
    """
    cases = [Scored(True, 0.32 + number / 100) for number in range(50)]
    cases += [Scored(False, 0.3 + number / 100) for number in range(50)]
    at = timezone.now()
    made = AcceptanceSet.objects.create(
        clinic=clinic,
        modality="cxr",
        ensemble="panel-cxr",
        version="1.0.0",
        status="closed",
        begun_by=by,
        ended_by=by,
        ended_at=at,
    )
    content = {
        "clinic": {"id": str(clinic.pk), "name": clinic.name},
        "modality": "cxr",
        "ensemble": made.identity,
        "classifiers": list(HERE.classifiers),
        "operating_point": ABNORMALITY,
        "cases": [],
        "figures": figures(cases, Thresholds(0.2, 0.6)) | {"read_first": 0},
        **dict.fromkeys(("begun_by", "closed_by"), by.full_name),
        **dict.fromkeys(("begun_at", "closed_at"), "2026-11-28T10:00:00+00:00"),
        **changed,
    }
    one = Acceptance(acceptance_set=made, content=content, content_sha256=acceptance_seal.digest(content), sealed_at=at)
    one.mac = acceptance_seal.mac_of(one)
    one.save(force_insert=True)
    return made


@pytest.fixture
def closed(clinic: Clinic, administrator: User) -> AcceptanceSet:
    return seal(clinic, administrator)


@pytest.fixture
def adopted(closed: AcceptanceSet, administrator: User) -> AcceptanceSet:
    adopt_thresholds(by=administrator, of=closed, reason=WHY, seen=0)
    return closed


def answered(scan: Scan, probability: float, point: Any = ABNORMALITY) -> dict[str, Any]:
    """What is stored of whether the lung is abnormal, of an analysis that ends now."""
    finish(scan, 0.5, 0.5, combined=probability, abnormality=point)
    row = EnsemblePrediction.objects.order_by("created_at").last()
    assert row
    assert row.abnormality
    return row.abnormality


# --- deciding -----------------------------------------------------------------------------------------------
def test_an_administrator_puts_them_into_use_and_goes_back_with_a_reason_and_a_recent_proof(
    closed: AcceptanceSet, clinic: Clinic, administrator: User, radiologist: User, client: Client
) -> None:
    page = f"{ADDRESS}{closed.pk}/"
    sent = {"act": "adopt", "reason": WHY, "seen": "0"}
    client.force_login(radiologist)
    assert client.post(page, sent).status_code == 403
    client.force_login(administrator)
    shown = " ".join(client.get(page).content.decode().split())
    assert "The shipped thresholds are in use in this clinic." in shown
    assert "Go back to the shipped thresholds" not in shown
    assert client.post(page, sent | {"reason": " "}).status_code == 422
    session = client.session
    session[SINCE] -= 3600
    session.save()
    for act in ("adopt", "return"):
        assert "reauthenticate" in client.post(page, sent | {"act": act}).headers["Location"]
    assert not ThresholdDecision.objects.exists()
    client.force_login(administrator)
    assert client.post(page, sent).status_code == 302
    made = ThresholdDecision.objects.get()
    assert (made.number, made.acceptance, made.reason, made.made_by) == (1, closed.acceptance, WHY, administrator)
    shown = " ".join(client.get(page).content.decode().split())
    assert "The thresholds of this set are in use" in shown
    assert "Use the thresholds of this set" not in shown
    assert f"{administrator.full_name}, " in shown
    assert WHY in shown
    event = AuditEvent.objects.filter(route__endswith="diagnosis:acceptance-set", detail__thresholds=str(closed.pk))
    assert [(one.object_id, one.detail["was"]) for one in event] == [(str(closed.pk), "own")]
    of_clinic = " ".join(client.get("/oversight/classifiers/", {"clinic": str(clinic.pk)}).content.decode().split())
    assert "is answered at the thresholds of this clinic, 33.0 % and 75.0 %," in of_clinic.replace("\xa0", " ")
    assert client.post(page, sent | {"act": "return", "seen": "1"}).status_code == 302
    assert [one.acceptance for one in ThresholdDecision.objects.all()] == [None, closed.acceptance]
    assert "The shipped thresholds are in use" in client.get(page).content.decode()


def test_of_two_who_decide_at_once_one_is_refused(closed: AcceptanceSet, clinic: Clinic, administrator: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        adopt_thresholds(by=administrator, of=closed, reason=WHY, seen=0)
    if connection.vendor == "postgresql":  # a result that is being kept is kept before
        assert any("accounts_clinic" in one["sql"] and "FOR NO KEY UPDATE" in one["sql"] for one in queries)
    of_clinic: dict[str, Any] = {"by": administrator, "clinic": clinic, "modality": Modality.CXR, "reason": "No."}
    for seen in (0, 2):
        with pytest.raises(NotAllowedNow, match="meanwhile"):
            return_to_own_thresholds(seen=seen, **of_clinic)
    with pytest.raises(NotAllowedNow, match="in use"):
        adopt_thresholds(by=administrator, of=closed, reason=WHY, seen=1)
    return_to_own_thresholds(seen=1, **of_clinic)
    with pytest.raises(NotAllowedNow, match="in use"):
        return_to_own_thresholds(seen=2, **of_clinic)
    # The database takes each number once, whoever forgot to look.
    with pytest.raises(IntegrityError), transaction.atomic():
        ThresholdDecision.objects.create(
            clinic=clinic, modality="cxr", number=2, reason="Again.", made_by=administrator, acceptance=None
        )


def test_one_who_was_overtaken_between_the_look_and_the_row_is_refused(
    adopted: AcceptanceSet, clinic: Clinic, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thresholds, "standing", lambda *_of: thresholds.Standing(None))
    with pytest.raises(NotAllowedNow, match="meanwhile"):
        adopt_thresholds(by=administrator, of=adopted, reason=WHY, seen=0)
    assert ThresholdDecision.objects.count() == 1


def test_what_was_decided_is_never_changed(adopted: AcceptanceSet) -> None:
    for change in (lambda: ThresholdDecision.objects.update(reason="Other."), ThresholdDecision.objects.all().delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_who_may_not_and_what_cannot_be_put_into_use(
    closed: AcceptanceSet,
    clinic: Clinic,
    other_clinic: Clinic,
    administrator: User,
    radiologist: User,
    member: Callable[..., User],
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = member("administrator", at=other_clinic)
    for by in (radiologist, elsewhere):
        with pytest.raises(PermissionDenied):
            adopt_thresholds(by=by, of=closed, reason=WHY, seen=0)
        with pytest.raises(PermissionDenied):
            return_to_own_thresholds(by=by, clinic=clinic, modality=Modality.CXR, reason=WHY, seen=0)
    client.force_login(elsewhere)
    assert client.post(f"{ADDRESS}{closed.pk}/", {"act": "adopt", "reason": WHY, "seen": "0"}).status_code == 404
    with pytest.raises(Refusal, match="Say why"):
        adopt_thresholds(by=administrator, of=closed, reason="  ", seen=0)
    begun = sets.begin_acceptance(by=administrator, clinic=clinic, modality=Modality.CXR)
    with pytest.raises(NotAllowedNow, match="not closed"):
        adopt_thresholds(by=administrator, of=begun, reason=WHY, seen=0)
    for changed in (
        replace(HERE, version="1.1.0"),
        replace(HERE, name="panel-cxr-other"),
        replace(HERE, classifiers=(HERE.classifiers[0], f"{NAMES[1]}/1.2.3 {'1' * 64}")),
        replace(HERE, point=(0.3, *HERE.point[1:])),
        None,
    ):
        monkeypatch.setattr(rules, "installed", lambda changed=changed: {Modality.CXR: changed} if changed else {})
        with pytest.raises(Refusal, match="not what this set measured"):
            adopt_thresholds(by=administrator, of=closed, reason=WHY, seen=0)
    assert not ThresholdDecision.objects.exists()


def test_a_broken_seal_an_earlier_rule_and_no_negative_zone_are_refused(
    clinic: Clinic, administrator: User, client: Client, settings: Any
) -> None:
    said = figures([Scored(True, 0.5)] * 50 + [Scored(False, 0.1)] * 50, Thresholds(0.2, 0.6)) | {"read_first": 0}
    earlier = {name: value for name, value in said["fitted"].items() if name not in ("rule", "guarantee")}
    refused = {
        "earlier version": seal(clinic, administrator, figures=said | {"fitted": earlier}),
        "leave no zone": seal(clinic, administrator, figures=said | {"fitted": said["fitted"] | {"lower": 0.0}}),
    }
    client.force_login(administrator)
    for why, one in refused.items():
        with pytest.raises(Refusal, match=why):
            adopt_thresholds(by=administrator, of=one, reason=WHY, seen=0)
        shown = client.get(f"{ADDRESS}{one.pk}/").content.decode()
        assert why in shown
        assert "Use the thresholds of this set" not in shown
    broken = seal(clinic, administrator)
    settings.AUDIT_KEY = "another key"
    with pytest.raises(Refusal, match="not genuine"):
        adopt_thresholds(by=administrator, of=broken, reason=WHY, seen=0)
    assert not ThresholdDecision.objects.exists()


# --- applying -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("probability", "own", "here"),
    [
        (0.1, "negative", "negative"),
        (0.25, "indeterminate", "negative"),
        (0.5, "indeterminate", "indeterminate"),
        (0.7, "positive", "indeterminate"),
        (0.9, "positive", "positive"),
    ],
)
def test_a_new_analysis_is_answered_at_the_thresholds_of_the_clinic_and_says_so(
    closed: AcceptanceSet, administrator: User, radiographer: User, scan: Scan, probability: float, own: str, here: str
) -> None:
    before = answered(scan, probability)
    assert before["zone"] == own
    assert "own_point" not in before
    adopt_thresholds(by=administrator, of=closed, reason=WHY, seen=0)
    rerun_analysis(by=radiographer, study=scan.study)
    after = answered(scan, probability)
    assert (after["zone"], after["probability"]) == (here, before["probability"])
    point, own_point = after["operating_point"], after["own_point"]
    assert own_point == before["operating_point"]
    assert (round(point["threshold"], 9), round(point["abnormal_from"], 9)) == (0.33, 0.75)
    measured = closed.acceptance.content["figures"]["fitted"]["cross_fitted"]
    for said, sealed in ((point, measured["lower"]), (point["positive_zone"], measured["upper"])):
        for name in ("sensitivity", "specificity"):
            assert said[name] == {end: sealed[name][end] for end in ("value", "low", "high")}
    assert point["sources"] == {}
    # Of the card stays what makes the probability, and nothing that was measured elsewhere.
    elsewhere = thresholds.SiteThresholds.of(closed.acceptance).in_place_of(own_point | {"domains": ["one-hospital"]})
    assert elsewhere == point
    assert point["site"]["acceptance"] == str(closed.pk)
    assert point["site"]["sha256"] == closed.acceptance.content_sha256
    # What was stored earlier, and the other question, are as they were.
    first, second = EnsemblePrediction.objects.order_by("created_at")
    assert first.abnormality == before
    assert (first.zone, first.operating_point) == (second.zone, second.operating_point)


def test_only_this_clinic_and_only_what_was_measured_gets_them(
    adopted: AcceptanceSet,
    clinic: Clinic,
    other_clinic: Clinic,
    administrator: User,
    radiographer: User,
    member: Callable[..., User],
    scan: Scan,
) -> None:
    theirs = member("radiographer", at=other_clinic)
    elsewhere = new_case(theirs, new_patient(other_clinic, theirs, "B1"), 7).scan
    assert "own_point" not in answered(elsewhere, 0.25)
    other = answered(scan, 0.25, ABNORMALITY | {"threshold": 0.21})
    assert (other["zone"], "own_point" in other) == ("indeterminate", False)
    rerun_analysis(by=radiographer, study=scan.study)
    assert answered(scan, 0.25)["zone"] == "negative"
    return_to_own_thresholds(by=administrator, clinic=clinic, modality=Modality.CXR, reason="Too many.", seen=1)
    rerun_analysis(by=radiographer, study=scan.study)
    assert answered(scan, 0.25)["zone"] == "indeterminate"


def test_thresholds_whose_seal_does_not_hold_are_not_applied_and_the_page_says_so(
    adopted: AcceptanceSet, administrator: User, clinic: Clinic, scan: Scan, client: Client, settings: Any
) -> None:
    settings.AUDIT_KEY = "another key"
    assert answered(scan, 0.25)["zone"] == "indeterminate"
    client.force_login(administrator)
    shown = " ".join(client.get(f"{ADDRESS}{adopted.pk}/").content.decode().split())
    assert "are not applied any more; new analyses use the shipped ones. The seal of this set is not genuine." in shown
    assert "Go back to the shipped thresholds" in shown


def test_it_ends_by_itself_when_something_else_is_installed_and_the_pages_say_so(
    adopted: AcceptanceSet, administrator: User, clinic: Clinic, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(administrator)
    monkeypatch.setattr(rules, "installed", lambda: {Modality.CXR: replace(HERE, version="1.1.0")})
    of_set = f"{ADDRESS}{adopted.pk}/"
    for page in (of_set, f"/oversight/classifiers/?clinic={clinic.pk}"):
        shown = " ".join(client.get(page).content.decode().split())
        assert "are not applied any more; new analyses use the shipped ones." in shown
        assert "What is installed is not what this set measured" in shown
    other = seal(clinic, administrator)
    assert "Thresholds of the set that was closed on" in client.get(f"{ADDRESS}{other.pk}/").content.decode()
    monkeypatch.setattr(rules, "installed", lambda: {Modality.CXR: HERE})
    assert "The thresholds of this set are in use" in client.get(of_set).content.decode()
    assert "The thresholds of another set" in client.get(f"{ADDRESS}{other.pk}/").content.decode()


# --- what rests on results ----------------------------------------------------------------------------------
def test_a_set_measures_the_shipped_thresholds_also_on_results_that_were_given_at_others(
    closed: AcceptanceSet,
    clinic: Clinic,
    administrator: User,
    radiographer: User,
    radiologist: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sets, "FEWEST_OF_EACH", 1)
    reports = []
    for number, (category, probability) in enumerate((("typical", 0.7), ("negative", 0.25), ("negative", 0.1))):
        if number == 1:
            adopt_thresholds(by=administrator, of=closed, reason=WHY, seen=0)
        review = new_case(radiographer, new_patient(clinic, radiographer, f"A{number}"), number)
        answered(review.scan, probability)
        report = read(radiologist, review, decision="agree", category=category).report
        reports.append(sign_report(by=radiologist, report=report, password=PASSWORD))
    begun = sets.begin_acceptance(by=administrator, clinic=clinic, modality=Modality.CXR)
    sets.add_by_report(by=administrator, to=begun, keys=[one.study_id for one in reports])
    said = measuring.newest(begun, [one.study_id for one in reports])
    assert measuring.points(said.values()) == {deciding(ABNORMALITY)}
    content = sets.close_acceptance(by=administrator, of=begun).content
    assert content["operating_point"]["threshold"] == 0.2
    assert "site" not in content["operating_point"]
    assert {round(one["probability"], 9): one["zone"] for one in content["cases"]} == {
        0.7: "positive",
        0.25: "indeterminate",
        0.1: "negative",
    }
    # A report that was signed on such a result froze the thresholds that were applied.
    frozen = reports[-1].snapshot["analysis"]
    assert frozen["combination"]["abnormality"]["operating_point"]["site"]["acceptance"] == str(closed.pk)
    told = "Thresholds of this clinic, from its acceptance set of 28 Nov 2026 (50 abnormal and 50 other cases), for"
    assert f"{told} whether the lung is abnormal: 33.0 % / 75.0 %." in [
        one.replace("\xa0", " ") for one in _machine_notes(frozen)
    ]
    assert "this clinic" not in " ".join(_machine_notes(reports[0].snapshot["analysis"]))
    assert all(is_intact(one) for one in reports)


def test_an_answer_on_trial_is_given_at_the_shipped_thresholds(
    adopted: AcceptanceSet, clinic: Clinic, administrator: User, scan: Scan
) -> None:
    """Nobody sees it, and an acceptance measures it."""
    decide_on_classifier(
        by=administrator, clinic=clinic, subject="panel-cxr", state=ClassifierState.SHADOW, reason="To be looked at."
    )
    analysis = answer_on_trial(scan, 0.25, ABNORMALITY)
    kept = analysis.shadow_predictions.get(classifier="panel-cxr").abnormality
    assert kept["zone"] == "indeterminate"
    assert "own_point" not in kept


def test_page_api_fhir_and_dicom_say_which_thresholds_were_applied(
    adopted: AcceptanceSet, clinic: Clinic, scan: Scan, radiographer: User, client: Client
) -> None:
    answered(scan, 0.9)
    row = EnsemblePrediction.objects.get()
    lung = words.computer(row.analysis, policy=ReadingPolicy(clinic=clinic)).answers[0]
    assert lung.site == (
        "Thresholds of this clinic, from its acceptance set of 28 Nov 2026 (50 abnormal and 50 other cases)"
    )
    assert lung.at_upper
    upper = adopted.acceptance.content["figures"]["fitted"]["cross_fitted"]["upper"]
    assert f"{100 * upper['sensitivity']['value']:.1f}" in lung.sensitivity
    assert "at or above the upper threshold" in lung.frequency
    client.force_login(radiographer)
    shown = " ".join(client.get(f"/scans/{scan.pk}/result/").content.decode().split())
    question = shown[shown.index('aria-label="Abnormal lung"') :].split("</section>")[0]
    assert f"{lung.site}." in question
    assert "each at an upper threshold that was fitted without it" in question
    assert "research images" not in question
    said = EnsemblePredictionSerializer(row).data["abnormality"]["operating_point"]
    assert said["site"]["acceptance"] == str(adopted.pk)
    assert round(said["threshold"], 9) == 0.33
    (component,) = _components(row, row.identity)
    assert [round(one["low"]["value"], 9) for one in component["referenceRange"][1:]] == [0.33, 0.75]
    assert f"fitted on acceptance set {adopted.pk} of the clinic" in component["referenceRange"][0]["text"]
    parameters = groups_of(row.analysis)[0].parameters
    assert any(f"thresholds of the clinic, acceptance set {adopted.pk}" in one for one in parameters)
    assert any(one.startswith("threshold 0.33") for one in parameters)


def test_results_at_the_thresholds_of_the_version_say_nothing_of_a_clinic(scan: Scan, clinic: Clinic) -> None:
    answered(scan, 0.9)
    row = EnsemblePrediction.objects.get()
    assert words.computer(row.analysis, policy=ReadingPolicy(clinic=clinic)).answers[0].site == ""
    assert EnsemblePredictionSerializer(row).data["abnormality"]["operating_point"]["site"] is None
    assert "acceptance" not in str(_components(row, row.identity))


def test_a_trend_draws_the_thresholds_where_they_were_applied(
    closed: AcceptanceSet, administrator: User, clinic: Clinic, upload: Callable[..., Scan], radiologist: User
) -> None:
    """The probabilities are those of one version, so the line goes on."""
    for number in range(3):
        if number == 2:
            adopt_thresholds(by=administrator, of=closed, reason=WHY, seen=0)
        scan = upload(number)
        answered(scan, 0.5)
    (trend,) = trends(scan.patient, radiologist)
    (line,) = trend.charts[0].lines
    first, second = line.spans
    assert [(one.lower, round(one.upper or 0, 9)) for one in (first, second)] == [(0.2, 0.6), (0.33, 0.75)]
    assert first.end == second.start == line.points[2].x
    assert first.bottom == HEIGHT * 0.8
