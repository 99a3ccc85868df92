"""Legal holds, and studies that need not be kept any longer: proposed, never deleted by themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis.actions.correction import merge_patients, move_scans
from diagnosis.actions.deletion import request_deletion
from diagnosis.actions.legal_hold import lift_hold, set_hold
from diagnosis.actions.report import sign_report
from diagnosis.actions.retention import request_past
from diagnosis.actions.withdrawal import take_back
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Deletion, LegalHold, Patient, RetentionRule, Scan, Study
from diagnosis.models.deletion import DeletionKind
from diagnosis.models.study import ExaminedFrom
from diagnosis.rules import deletions, retention
from diagnosis.rules.retention import kept_until
from tests.conftest import PASSWORD
from tests.factories import finish, new_patient, read

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("years", "until_age", "last", "born", "expected"),
    [
        (None, 28, "2010-05-01", "2000-01-01", None),  # no rule: nothing ever
        (10, None, "2010-05-01", "2005-01-01", "2020-05-01"),
        (10, None, "2012-02-29", None, "2022-03-01"),
        (10, 28, "2010-05-01", "2005-01-01", "2033-01-01"),  # a child then
        (10, 28, "2010-05-01", "1992-05-02", "2020-05-02"),  # a day before their 18th birthday
        (10, 28, "2010-05-01", "1992-05-01", "2020-05-01"),  # on it
        (30, 18, "2010-05-01", "1995-01-01", "2040-05-01"),  # whichever is later
        (10, 28, "2010-05-01", None, None),  # nobody can tell, so it is kept
    ],
)
def test_until_when_studies_are_kept(
    years: int | None, until_age: int | None, last: str, born: str | None, expected: str | None
) -> None:
    rule = RetentionRule(years=years, until_age=until_age)
    found = kept_until(rule, day(last), day(born) if born else None)
    assert found == (day(expected) if expected else None)


def test_who_was_a_minor_at_one_examination_is_kept_as_one(
    clinic: Clinic, patient: Patient, upload: Callable[..., Scan]
) -> None:
    """Examined at 17 and at 18; and a photograph that claims to be older than it can be known to be."""
    rule = RetentionRule.objects.create(clinic=clinic, years=10, until_age=30)
    first, last = day("2010-05-01"), day("2011-05-01")
    assert kept_until(rule, last, day("1993-01-01"), first=first) == day("2023-01-01")
    assert kept_until(rule, last, day("1992-01-01"), first=first) == day("2021-05-01")
    Patient.objects.filter(pk=patient.pk).update(birth_date=day("1993-01-01"))
    for number, when in enumerate((first, last), 1):
        moment = dt.datetime.combine(when, dt.time(12), tzinfo=dt.UTC)
        Study.objects.filter(pk=upload(number).study_id).update(examined_at=moment)
    assert retention.past(clinic, today=day("2023-01-01")) == []
    assert [row.kept_until for row in retention.past(clinic, today=day("2023-01-02"))] == [day("2023-01-01")]
    Study.objects.update(examined_from=ExaminedFrom.GUESSED)
    assert retention.past(clinic, today=day("2023-01-02")) == []


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def aged(scan: Scan, years: int) -> Study:
    then = timezone.now() - dt.timedelta(days=366 * years)
    Study.objects.filter(pk=scan.study_id).update(examined_at=then)
    return Study.objects.get(pk=scan.study_id)


def test_what_is_past_is_proposed_and_goes_by_two_people(
    clinic: Clinic,
    patient: Patient,
    radiographer: User,
    radiologist: User,
    clinician: User,
    member: Callable[..., User],
    upload: Callable[..., Scan],
) -> None:
    one, two = member("administrator"), member("administrator")
    held, recent = (new_patient(clinic, radiographer, name, born=day("1950-01-01")) for name in ("H", "R"))
    scan = upload(1)
    finish(scan, 0.9)
    old = aged(scan, 11)
    report = read(radiologist, old.reviews.get(), decision="agree", category="typical").report
    report = sign_report(by=radiologist, report=report, password=PASSWORD)
    aged(upload(2, of=held), 11)
    aged(upload(3, of=recent), 11)
    upload(4, of=recent)
    assert retention.past(clinic) == []
    page, rule = reverse("diagnosis:oversight-retention"), reverse("diagnosis:retention-rule")
    assert signed_in(clinician).get(page).status_code == 403
    assert signed_in(clinician).post(rule, {"years": "1"}).status_code == 403
    assert signed_in(one).post(rule, {"years": "10", "until_age": ""}).status_code == 302
    set_hold(by=one, patient=held, reason="A lawsuit.")
    assert [(row.patient, row.is_held) for row in retention.past(clinic)] == [(patient, False), (held, True)]
    signed_in(one).post(page, {"patient": [patient.pk, held.pk]})
    made = Deletion.objects.get()
    assert (made.study, made.kind) == (old, DeletionKind.RETENTION)
    confirm = reverse("diagnosis:deletions-confirm")
    ticked = {"deletion": [f"{made.pk.hex}:{deletions.contents(old)}"]}
    for person in (one, two):
        signed_in(person).post(confirm, ticked)
        assert Study.objects.filter(pk=old.pk).exists() is (person == one)
    assert [row.patient for row in retention.past(clinic)] == [held]
    assert signed_in(clinician).get(reverse("diagnosis:report-detail", args=[report.pk])).status_code == 200


def test_not_past_any_more_is_not_deleted(scan: Scan, administrator: User, clinic: Clinic) -> None:
    RetentionRule.objects.create(clinic=clinic, years=10)
    aged(scan, 11)
    assert request_deletion(by=administrator, study=scan.study, reason="Old.", kind=DeletionKind.RETENTION)
    Deletion.objects.all().delete()
    RetentionRule.objects.update(years=12)
    with pytest.raises(NotAllowedNow):
        request_deletion(by=administrator, study=scan.study, reason="Old.", kind=DeletionKind.RETENTION)


def test_a_hold_stands_until_it_is_lifted_and_survives_a_merge(
    scan: Scan, clinic: Clinic, radiographer: User, administrator: User
) -> None:
    with pytest.raises(PermissionDenied):
        set_hold(by=radiographer, patient=scan.patient, reason="A lawsuit.")
    set_hold(by=administrator, patient=scan.patient, reason="A lawsuit.")
    with pytest.raises(NotAllowedNow):
        set_hold(by=administrator, patient=scan.patient, reason="Once more.")
    other = new_patient(clinic, radiographer, "OTHER")
    merge_patients(by=administrator, source=scan.patient, target=other, reason="The same person.")
    study = Study.objects.get()
    assert study.patient == other
    with pytest.raises(NotAllowedNow) as refused:
        request_deletion(by=radiographer, study=study, reason="Twice.")
    assert refused.value.message == deletions.HELD
    page = signed_in(administrator).get(reverse("diagnosis:patient-hold", args=[other.pk])).content.decode()
    assert "A lawsuit." in page
    lift_hold(by=administrator, hold=LegalHold.objects.get())
    with pytest.raises(NotAllowedNow):
        lift_hold(by=administrator, hold=LegalHold.objects.get())
    assert request_deletion(by=radiographer, study=study, reason="Twice.")


def test_hold_and_period_are_those_of_every_record_of_the_person(
    clinic: Clinic, patient: Patient, radiographer: User, administrator: User, upload: Callable[..., Scan]
) -> None:
    other, third = (new_patient(clinic, radiographer, name) for name in ("OTHER", "THIRD"))
    away = upload(1).study
    take_back(by=radiographer, study=away)
    merge_patients(by=administrator, source=patient, target=other, reason="The same person.")
    away = Study.with_withdrawn.get(pk=away.pk)
    assert away.patient == patient  # out of sight it stayed where it was
    scan = upload(2, of=other)
    move_scans(by=administrator, source=other, scans=[scan.pk], target=third, reason="Of another person.")
    hold = set_hold(by=administrator, patient=other, reason="A lawsuit.")
    for study, sentence in ((away, deletions.HELD), (Study.objects.get(), deletions.HELD_BEFORE)):
        with pytest.raises(NotAllowedNow) as refused:
            request_deletion(by=administrator, study=study, reason="Twice.")
        assert refused.value.message == sentence
    lift_hold(by=administrator, hold=hold)
    RetentionRule.objects.create(clinic=clinic, years=10)
    long_ago = timezone.now() - dt.timedelta(days=366 * 11)
    recent = upload(3, of=other).study
    Study.with_withdrawn.exclude(pk=recent.pk).update(examined_at=long_ago)
    assert [row.patient for row in retention.past(clinic)] == [third]
    assert not retention.is_past(patient)
    Study.objects.filter(pk=recent.pk).update(examined_at=long_ago)
    assert {row.patient for row in retention.past(clinic)} == {other, third}
    assert request_past(by=administrator, clinic=clinic, patients=[other.pk]) == 2
