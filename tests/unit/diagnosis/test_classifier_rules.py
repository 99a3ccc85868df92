"""Who decides which classifiers answer, what then holds, and that history stays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import Client

from accounts.models import Clinic, User
from diagnosis.actions import classifiers as actions
from diagnosis.actions.classifiers import decide_on_classifier
from diagnosis.analyses import classifiers, runner
from diagnosis.analyses.aggregation import ImageSource
from diagnosis.analyses.watch import SECONDS, Watch
from diagnosis.errors import AnalysisFailed, Refusal
from diagnosis.models import Analysis, ClassifierRule, Notification, Prediction, Scan
from diagnosis.models.classifier_rule import ClassifierState as State
from diagnosis.models.modality import Modality
from diagnosis.oversight import jobs
from diagnosis.rules.classifiers import Rules, Stops, closed_panels, none_answers, require_still_answering
from diagnosis.views import scan_list
from ml.ensemble import EnsembleSpec
from ml.spec import Modality as MlModality
from tests.factories import finish
from tests.unit.ml.specs import POINT, spec

MEMBERS = ("a-cxr/1.0.0", "b-cxr/1.0.0")
INSTALLED = tuple(spec(name=name) for name in ("a-cxr", "b-cxr", "new-cxr"))


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two members of an ensemble, and a newcomer."""
    panel = EnsembleSpec("panel-cxr", "1.0.0", MlModality.CXR, spec().labels, MEMBERS, 1.0, POINT)
    monkeypatch.setattr(classifiers, "installed_specs", lambda: INSTALLED)
    monkeypatch.setattr(classifiers, "ensembles", lambda: (panel,))


@pytest.fixture
def site(db: None) -> User:
    return User.objects.create_superuser("site@clinic.example", "a long password for tests", full_name="Site")


def decide(by: User, clinic: Clinic | None, subject: str, state: State, reason: str = "Too many alarms.") -> Any:
    return decide_on_classifier(by=by, clinic=clinic, subject=subject, state=state, reason=reason)


def test_the_strictest_rule_holds_and_a_newcomer_is_on_trial_until_somebody_decides(
    clinic: Clinic, other_clinic: Clinic, administrator: User, site: User, settings: Any
) -> None:
    def states(where: Clinic = clinic) -> list[str]:
        return [classifiers.states_in(where.pk)[one.name].value for one in INSTALLED]

    assert states() == ["active", "active", "shadow"]
    decide(administrator, clinic, "new-cxr", State.ACTIVE)
    decide(administrator, clinic, "a-cxr", State.OFF)
    assert (states(), states(other_clinic)) == (["off", "active", "active"], ["active", "active", "shadow"])
    decide(site, None, "panel-cxr", State.STOPPED)
    decide(administrator, clinic, "panel-cxr", State.ACTIVE)  # opens nothing that is closed for all
    assert states() == states(other_clinic) == ["stopped", "stopped", "stopped"]
    decide(site, None, "panel-cxr", State.SHADOW)
    assert states() == ["off", "shadow", "shadow"]
    settings.INACTIVE_CLASSIFIERS = frozenset({"b-cxr"})
    assert states() == ["off", "off", "shadow"]


def test_only_administrators_decide_with_a_reason_and_about_what_is_there(
    clinic: Clinic, other_clinic: Clinic, administrator: User, radiologist: User
) -> None:
    for by, where in ((radiologist, clinic), (administrator, other_clinic), (administrator, None)):
        with pytest.raises(PermissionDenied):
            decide(by, where, "a-cxr", State.OFF)
    for subject, reason in (("a-cxr", " "), ("unknown-cxr", "Too many alarms.")):
        with pytest.raises(Refusal):
            decide(administrator, clinic, subject, State.OFF, reason)
    assert not ClassifierRule.objects.exists()
    rule = decide(administrator, clinic, "a-cxr", State.OFF)
    assert (rule.version, rule.made_by, rule.because) == ("1.0.0", administrator, "Too many alarms.")
    for change in (lambda: ClassifierRule.objects.update(state="active"), rule.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@pytest.mark.parametrize(
    ("state", "words"),
    [(State.SHADOW, "on trial and not shown"), (State.OFF, "is switched off"), (State.STOPPED, "was stopped")],
)
def test_without_a_member_the_ensemble_says_why_it_is_silent(state: State, words: str) -> None:
    found, reasons = classifiers.ensemble_for([INSTALLED[1]], {"a-cxr": state})
    assert found is None
    assert words in " ".join(map(str, reasons))


def test_a_result_is_not_kept_of_a_classifier_that_was_stopped_while_it_ran(
    scan: Scan, clinic: Clinic, site: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last look, inside the transaction that keeps it."""
    monkeypatch.setattr(classifiers, "installed_specs", lambda: (spec(name="classifier-0"),))
    decide(site, None, "classifier-0", State.STOPPED, "It was trained on the wrong labels.")
    with pytest.raises(AnalysisFailed) as stopped:
        finish(scan, 0.9)
    assert "It was trained on the wrong labels." in stopped.value.sentence
    assert not Prediction.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_result_is_kept_while_somebody_decides(scan: Scan, clinic: Clinic) -> None:
    """Else one could be there after a stop that neither knows of the other."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one write at a time")
    held, done = threading.Event(), threading.Event()

    def decide_slowly() -> None:
        with transaction.atomic():
            actions._before(clinic, "panel-cxr", None)
            held.set()
            done.wait(60)
        connection.close()

    person = threading.Thread(target=decide_slowly)
    person.start()
    assert held.wait(60)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            finish(scan, 0.9)
    finally:
        done.set()
        person.join()
        connection.close()
    assert not Prediction.objects.exists()


def test_with_one_classifier_switched_off_what_runs_goes_back_to_ask_the_others(
    scan: Scan, clinic: Clinic, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifiers, "installed_specs", lambda: (spec(name="classifier-0"), spec(name="classifier-1")))
    decide(administrator, clinic, "classifier-1", State.OFF)
    analysis = scan.analyses.get()
    asked = ["classifier-0", "classifier-1"]
    monkeypatch.setattr(runner, "_predict", lambda _pk: require_still_answering(clinic.pk, Modality.CXR, asked))
    assert runner.run(analysis.pk, worker="test")
    analysis.refresh_from_db()
    assert (analysis.status, analysis.attempts, analysis.failure_code) == ("queued", 0, "")
    assert "classifier-1 is switched off." in [str(one.note_text) for one in analysis.transitions.all()]
    decide(administrator, clinic, "classifier-0", State.STOPPED, "Wrong labels.")
    assert runner.run(analysis.pk, worker="test")
    analysis.refresh_from_db()
    assert (analysis.status, analysis.failure_code) == ("failed", "classifiers_stopped")
    assert "Wrong labels." in analysis.failure_reason


def test_a_stop_is_noticed_between_the_images_of_a_study(clinic: Clinic, site: User) -> None:
    watch = Watch(clinic.pk, Modality.CXR, ["a-cxr"])
    image = watch.over(ImageSource(uuid4(), lambda: np.zeros((2, 2), np.float32), uuid4()))
    decide(site, None, "panel-cxr", State.STOPPED)
    image.pixels()  # within two seconds nobody asks
    watch._looked -= SECONDS
    with pytest.raises(AnalysisFailed) as stopped:
        image.pixels()
    assert stopped.value.code == "classifiers_stopped"


def test_results_of_before_carry_the_stop_until_this_very_version_is_taken_up_again(
    scan: Scan, clinic: Clinic, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def marked() -> list[tuple[str, str]]:
        found = Stops.of(clinic.pk).among("cxr", ["a-cxr/1.0.0", "b-cxr/1.0.0"])
        return [(one.classifier, one.because) for one in found]

    assert marked() == []
    decide(administrator, clinic, "a-cxr", State.STOPPED, "Wrong labels.")
    assert marked() == [("a-cxr", "Wrong labels.")]
    for state in (State.OFF, State.SHADOW):
        decide(administrator, clinic, "a-cxr", state, "To look at it in peace.")
        assert marked() == [("a-cxr", "Wrong labels.")]
    monkeypatch.setattr(classifiers, "installed_specs", lambda: (spec(name="a-cxr", version="1.1.0"),))
    decide(administrator, clinic, "a-cxr", State.ACTIVE, "The new version is measured.")
    assert marked() == [("a-cxr", "Wrong labels.")]
    decide(administrator, clinic, "panel-cxr", State.STOPPED, "All of them.")
    assert [name for name, _ in marked()] == ["a-cxr", "b-cxr"]
    decide(administrator, clinic, "panel-cxr", State.ACTIVE, "A false alarm.")
    monkeypatch.setattr(classifiers, "installed_specs", lambda: (spec(name="a-cxr"),))
    decide(administrator, clinic, "a-cxr", State.ACTIVE, "A false alarm.")
    assert marked() == []


def test_of_a_version_that_is_not_installed_any_more_the_results_are_marked_and_nothing_else_changes(
    scan: Scan, clinic: Clinic, administrator: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def marked() -> list[str]:
        return [one.because for one in Stops.of(clinic.pk).among("cxr", ["classifier-0/1.2.3", "classifier-0/2.0.0"])]

    earlier = "classifier-0/1.2.3"
    monkeypatch.setattr(classifiers, "installed_specs", lambda: (spec(name="classifier-0", version="2.0.0"),))
    with pytest.raises(Refusal):  # it never answered
        decide(administrator, clinic, earlier, State.STOPPED)
    monkeypatch.setattr(classifiers, "installed_specs", lambda: (spec(name="classifier-0", version="1.2.3"),))
    finish(scan, 0.9)
    with pytest.raises(Refusal):  # this is the one that is installed
        decide(administrator, clinic, earlier, State.STOPPED)
    decide(administrator, clinic, "classifier-0", State.STOPPED, "Wrong labels.")
    monkeypatch.setattr(classifiers, "installed_specs", lambda: (spec(name="classifier-0", version="2.0.0"),))
    decide(administrator, clinic, earlier, State.ACTIVE, "A false alarm.")
    assert marked() == []
    decide(administrator, clinic, "classifier-0", State.ACTIVE, "Another version.")
    with pytest.raises(Refusal, match="not installed any more is not asked"):
        decide(administrator, clinic, earlier, State.OFF)
    assert decide(administrator, clinic, earlier, State.STOPPED, "Wrong labels.").version == "1.2.3"
    assert marked() == ["Wrong labels."]
    assert classifiers.states_in(clinic.pk)["classifier-0"] != State.STOPPED
    require_still_answering(clinic.pk, Modality.CXR, ["classifier-0"])
    decide(administrator, clinic, earlier, State.ACTIVE, "A false alarm.")
    assert marked() == []
    client.force_login(administrator)
    shown = client.get(f"/oversight/classifiers/?clinic={clinic.pk}").content.decode()
    assert f'<option value="{earlier}">classifier-0 1.2.3, not installed any more</option>' in shown


def test_an_ensemble_stands_as_its_members_do_and_says_when_it_is_silent(
    clinic: Clinic, administrator: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(administrator)

    def stands() -> State | None:
        rows = client.get(f"/oversight/classifiers/?clinic={clinic.pk}").context["modalities"][0]["rows"]
        found: State | None = next(row.state for row in rows if row.name == "panel-cxr")
        return found

    assert stands() == State.ACTIVE
    decide(administrator, clinic, "a-cxr", State.SHADOW)
    assert stands() is None
    page = client.get(f"/oversight/classifiers/?clinic={clinic.pk}").content.decode()
    assert "It does not answer: its members differ in state" in page
    decide(administrator, clinic, "b-cxr", State.SHADOW)
    assert stands() == State.SHADOW
    monkeypatch.setattr(classifiers, "installed_specs", lambda: INSTALLED[:1])
    assert stands() is None


def test_a_new_clinic_starts_without_ct_and_says_so(settings: Any, db: None) -> None:
    settings.NEW_CLINICS_WITHOUT = frozenset({"ct"})
    place = Clinic.objects.create(name="East Clinic")
    place.save()
    (rule,) = place.classifier_rules.all()
    assert (rule.subject, rule.state, rule.made_by) == ("panel-ct", "off", None)
    refused = none_answers(Rules.of(place.pk), Modality.CT, ["vgg16-ct"])
    assert refused is not None
    assert "for research only" in refused.sentence
    assert none_answers(Rules.of(place.pk), Modality.CXR, ["vgg16-cxr"]) is None
    assert closed_panels(place.pk) == [refused.sentence]  # on the page of an upload


def test_page_desk_and_api_say_that_a_result_was_given_by_what_was_stopped_since(
    scan: Scan, clinic: Clinic, administrator: User, radiologist: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = finish(scan, 0.9)
    monkeypatch.setattr(
        classifiers, "installed_specs", lambda: (spec(name="classifier-0", version="1.2.3"), *INSTALLED)
    )
    client.force_login(radiologist)
    client.post("/reading/next/")
    addresses = (f"/studies/{scan.study_id}/", f"/reading/{scan.reviews.get().pk}/")
    warning = "classifier-0 1.2.3 was stopped on"

    def told() -> list[bool]:
        pages = [client.get(address) for address in addresses]
        assert [page.status_code for page in pages] == [200, 200]
        return [warning in page.content.decode() for page in pages]

    assert told() == [False, False]
    decide(administrator, clinic, "classifier-0", State.STOPPED, "Wrong labels.")
    assert told() == [True, True]
    answer = client.get(f"/api/v1/analyses/{analysis.pk}/").json()
    assert [(one["classifier"], one["reason"]) for one in answer["stopped"]] == [("classifier-0", "Wrong labels.")]
    assert len(answer["predictions"]) == 1


def end_without(scan: Scan, code: str) -> None:
    """As a worker ends an analysis that nobody may answer."""
    from diagnosis.analyses import runner

    analysis = scan.analyses.get(status="queued")
    claim = Analysis.objects.claim(analysis.pk, worker="test")
    failure = AnalysisFailed(code, {"variant": "cxr", "reason": "Wrong labels."}, retryable=True)
    runner._fail(analysis.pk, failure, by="test", only=runner.Q(claim=claim))


def test_what_a_stop_ended_is_analysed_again_and_what_was_only_off_is_nobodys_failure(
    upload: Callable[..., Scan], clinic: Clinic, administrator: User, radiographer: User, site: User
) -> None:
    stopped, off, later = upload(1), upload(2), upload(3)
    decide(site, None, "panel-cxr", State.STOPPED)
    end_without(stopped, "classifiers_stopped")
    end_without(off, "classifiers_off")
    decide(site, None, "panel-cxr", State.STOPPED, "Said again, with the reason.")
    assert [one.study for one in jobs.failed(Analysis.objects.all())] == [stopped.study]
    number, shown = scan_list.needing_a_person(radiographer, clinic)
    assert (number.number, [image.study for image in shown]) == (1, [stopped.study])
    assert [one.study for one in Notification.objects.of(radiographer)] == [stopped.study]
    assert {one.reviews.get().status for one in (stopped, off, later)} == {"waiting"}  # all can be read
    decide(site, None, "panel-cxr", State.ACTIVE)
    assert stopped.analyses.get(status="queued").trigger == "retry"
    assert [off.analyses.count(), later.analyses.count()] == [1, 1]
