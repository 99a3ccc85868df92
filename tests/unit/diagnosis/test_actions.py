"""Re-runs, cancellations and patients' records: what people do besides uploading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q

from accounts.models import Clinic, User
from diagnosis.actions.analysis import cancel_analysis, rerun_analysis
from diagnosis.actions.patient import amend_patient, register_patient
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Analysis, Patient, Scan
from diagnosis.rules import policies
from diagnosis.states import AnalysisStatus as S
from tests.concurrency import together


def end(analysis: Analysis, target: S, **reason: Any) -> None:
    claim = Analysis.objects.claim(analysis.pk, worker="w")
    assert Analysis.objects.finish(analysis.pk, S.RUNNING, target, by="w", only=Q(claim=claim), **reason)


def test_a_rerun_adds_and_leaves_the_first_as_it_was(analysis: Analysis, scan: Scan, clinician: User) -> None:
    end(analysis, S.SUCCEEDED)
    before = Analysis.objects.values().get(pk=analysis.pk)
    again = rerun_analysis(by=clinician, study=scan.study)
    assert (again.number, again.trigger, again.status, again.requested_by) == (2, "rerun", "queued", clinician)
    assert Analysis.objects.values().get(pk=analysis.pk) == before


def test_after_a_failure_it_is_a_retry(analysis: Analysis, scan: Scan, radiographer: User) -> None:
    end(analysis, S.FAILED, failure_code="x")
    assert rerun_analysis(by=radiographer, study=scan.study).trigger == "retry"


def test_nothing_is_started_twice(scan: Scan, radiographer: User) -> None:
    with pytest.raises(NotAllowedNow) as refused:
        rerun_analysis(by=radiographer, study=scan.study)
    assert refused.value.sentence == policies.ALREADY_OPEN == policies.rerun_blocked_reason(scan.latest_analysis)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_four_reruns_at_once_one_is_queued(analysis: Analysis, scan: Scan, radiographer: User) -> None:
    end(analysis, S.SUCCEEDED)

    def ask(_: int) -> str:
        try:
            return str(rerun_analysis(by=radiographer, study=Scan.objects.get(pk=scan.pk).study).pk)
        except NotAllowedNow as refused:
            return refused.code

    answers = together(4, ask)
    assert answers.count("already_open") == 3
    assert scan.analyses.count() == 2


@pytest.mark.parametrize("running", [False, True])
def test_cancel_while_it_is_open(analysis: Analysis, radiographer: User, running: bool) -> None:
    if running:
        Analysis.objects.claim(analysis.pk, worker="w")
    cancel_analysis(by=radiographer, analysis=analysis)
    analysis.refresh_from_db()
    assert (analysis.status, analysis.claim) == (S.CANCELLED, None)
    assert radiographer.email in analysis.transitions.last().by


def test_what_has_finished_cannot_be_cancelled(analysis: Analysis, radiographer: User) -> None:
    end(analysis, S.SUCCEEDED)
    with pytest.raises(NotAllowedNow, match=policies.ALREADY_FINISHED):
        cancel_analysis(by=radiographer, analysis=analysis)
    analysis.refresh_from_db()
    assert policies.cancel_blocked_reason(analysis) == policies.ALREADY_FINISHED


def test_a_stranger_starts_and_cancels_nothing(analysis: Analysis, scan: Scan, stranger: User) -> None:
    with pytest.raises(PermissionDenied):
        cancel_analysis(by=stranger, analysis=analysis)
    end(analysis, S.SUCCEEDED)
    with pytest.raises(PermissionDenied):
        rerun_analysis(by=stranger, study=scan.study)


def test_a_record_number_is_unique_in_its_clinic(patient: Patient, clinic: Clinic, radiographer: User) -> None:
    with pytest.raises(ValidationError, match="already has a patient with this record number"):
        register_patient(
            by=radiographer, clinic=clinic, medical_record_number=patient.medical_record_number, family_name="Holm"
        )


def test_amending_keeps_what_was_with_who_and_why(patient: Patient, clinician: User) -> None:
    amend_patient(by=clinician, patient=patient, family_name="Lund", reason="married")
    newest, first = patient.history.order_by("-history_id")
    assert (first.family_name, newest.family_name) == ("Berg", "Lund")
    assert (newest.history_user, newest.history_change_reason) == (clinician, "married")


def test_an_amended_name_is_found_by_search(patient: Patient, clinician: User) -> None:
    amend_patient(by=clinician, patient=patient, family_name="Ærø-Lund")
    assert list(Patient.objects.search("lund")) == []  # a hyphenated name begins with its first part
    assert list(Patient.objects.search("ærø")) == [patient]
    assert list(Patient.objects.search("berg")) == []


def test_search_treats_signs_as_signs(patient: Patient, clinician: User) -> None:
    for sign in ("%", "_", "\\", "'"):
        assert list(Patient.objects.search(sign)) == []


def test_strangers_touch_no_record(patient: Patient, stranger: User, clinic: Clinic) -> None:
    with pytest.raises(PermissionDenied):
        amend_patient(by=stranger, patient=patient, family_name="X")
    with pytest.raises(PermissionDenied):
        register_patient(by=stranger, clinic=clinic, medical_record_number="2", family_name="X")


@pytest.mark.parametrize("wrong", [{"family_name": ""}, {"sex": "x"}, {"birth_date": "soon"}])
def test_a_wrong_field_changes_nothing(patient: Patient, clinician: User, wrong: dict[str, str]) -> None:
    before: Callable[[], dict[str, Any]] = lambda: Patient.objects.values().get(pk=patient.pk)  # noqa: E731
    kept = before()
    with pytest.raises(ValidationError):
        amend_patient(by=clinician, patient=patient, **wrong)
    assert before() == kept
    assert patient.history.count() == 1
