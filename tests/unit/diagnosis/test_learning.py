"""Which images signed reports label for training: each is taken, or left out for one reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis.actions.confidentiality import mark_confidential
from diagnosis.actions.correction import move_scans
from diagnosis.actions.legal_hold import set_hold
from diagnosis.actions.report import sign_report
from diagnosis.actions.report_correction import correct_report, enter_in_error
from diagnosis.actions.review import claim_review, commit_first_impression
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.withdrawal import take_back
from diagnosis.exports.learning import Answered, Choice, Reason, Wanted, choose
from diagnosis.models import Deletion, Patient, Report, Scan, finding
from diagnosis.models.finding import Finding, Presence
from diagnosis.models.modality import Modality
from diagnosis.models.review import Category
from tests.conftest import PASSWORD
from tests.factories import finish, new_patient, read
from tests.images import ct_dicom, xray_dicom, xray_png

pytestmark = pytest.mark.django_db
Reader = Callable[..., Report]


@pytest.fixture
def uploaded(patient: Patient, radiographer: User) -> Callable[..., Scan]:
    def make(data: bytes | int, *, of: Patient = patient, modality: Modality = Modality.CXR) -> Scan:
        picture = xray_png(data) if isinstance(data, int) else data
        return upload_scan(by=radiographer, patient=of, data=picture, name="a", modality=modality).scan

    return make


@pytest.fixture
def signed(radiologist: User) -> Reader:
    """`signed(scan, "typical")`: its study is read without a result, unless `decision` says otherwise, and signed."""

    def make(scan: Scan, category: str = "negative", **words: Any) -> Report:
        report = read(radiologist, scan.reviews.get(), category=category, **words).report
        return sign_report(by=radiologist, report=report, password=PASSWORD)

    return make


@pytest.fixture
def chosen(clinic: Clinic, administrator: User) -> Callable[..., Choice]:
    return lambda **wanted: choose(administrator, clinic, Wanted(**wanted))


def test_what_was_answered_before_the_result_was_shown_is_told_apart(
    radiologist: User, chosen: Callable[..., Choice], uploaded: Any, signed: Reader
) -> None:
    images = {word: uploaded(number) for number, word in enumerate(Answered)}
    for word, scan in images.items():
        if word != Answered.NO_RESULT:
            finish(scan, 0.2)
        if word in (Answered.BEFORE, Answered.CHANGED):
            held = claim_review(by=radiologist, review=scan.reviews.get())
            committed = Category.NEGATIVE if word == Answered.BEFORE else Category.TYPICAL
            commit_first_impression(by=radiologist, review=held, category=committed)
        signed(scan, decision="no_result" if word == Answered.NO_RESULT else "agree")
    found = {one.image: one for one in chosen().examples}
    assert {word: found[scan.pk].answered for word, scan in images.items()} == {word: word for word in Answered}
    assert [found[scan.pk].first_impression for scan in images.values()] == ["negative", "typical", "", ""]
    blind = chosen(only_blind=True)
    assert {one.image for one in blind.examples} == {images[Answered.BEFORE].pk, images[Answered.NO_RESULT].pk}
    assert blind.left_out == {Reason.AFTER_RESULT: 2}
    # A label that was corrected since is not the one given before.
    for word in (Answered.BEFORE, Answered.NO_RESULT):
        report = images[word].study.report
        correct_report(by=radiologist, report=report, reason="Overlooked.", password=PASSWORD, category="typical")
    found = {one.image: one for one in chosen().examples}
    corrected = {Answered.BEFORE: Answered.CHANGED, Answered.NO_RESULT: Answered.AFTER}
    for word, now in corrected.items():
        assert (found[images[word].pk].answered, found[images[word].pk].label.label) == (now, "covid")


def test_what_must_stay_is_left_out_and_counted(
    clinic: Clinic, radiographer: User, administrator: User, radiologist: User, member: Any, uploaded: Any,
    signed: Reader, chosen: Callable[..., Choice], other_clinic: Clinic,
) -> None:  # fmt: skip
    people = {word: new_patient(clinic, radiographer, f"N-{word}") for word in ("secret", "held", "refusing", "twin")}
    seeds = iter(range(100))
    kept = uploaded(next(seeds))
    signed(kept)
    for one in people.values():
        signed(uploaded(next(seeds), of=one))
    # Named, and still: a confidential record is not for learning.
    mark_confidential(by=administrator, patient=people["secret"])
    set_hold(by=administrator, patient=people["held"], reason="A lawsuit.")
    same = uploaded(next(seeds))
    signed(same)
    Scan.objects.filter(pk__in=[same.pk, people["twin"].scans.get().pk]).update(pixel_sha256="f" * 64)

    signed(uploaded(xray_dicom(seed=next(seeds), overrides={"ViewPosition": "LL"})))
    signed(uploaded(ct_dicom(), modality=Modality.CT))
    signed(uploaded(next(seeds)), "indeterminate")
    signed(uploaded(next(seeds)), "atypical")
    signed(uploaded(next(seeds)), coded_findings=[finding.coded(Finding.NODULE, Presence.UNCLEAR)])
    signed(uploaded(next(seeds)), image_quality="unreadable")
    unasked = uploaded(next(seeds))
    signed(unasked)
    Scan.objects.filter(pk=unasked.pk).update(not_classified_code="no-role")
    enter_in_error(by=radiologist, report=signed(uploaded(next(seeds))), reason="Wrong patient.", password=PASSWORD)
    gone, confirmed = signed(uploaded(next(seeds))), timezone.now()
    asked = {"study": gone.study, "reason": "Past.", "requested_by": member("administrator")}
    Deletion.objects.create(**asked, confirmed_by=administrator, confirmed_at=confirmed)
    # Nobody has signed this one: it is not even counted.
    read(radiologist, uploaded(next(seeds)).reviews.get())

    found = chosen(refusing=frozenset({people["refusing"].pk}))
    assert [one.image for one in found.examples] == [kept.pk]
    assert found.left_out == {
        **dict.fromkeys((Reason.CONFIDENTIAL, Reason.LEGAL_HOLD, Reason.REFUSED, Reason.DELETED), 1),
        **dict.fromkeys((Reason.ENTERED_IN_ERROR, Reason.SLICE, Reason.VIEW, Reason.NOT_CLASSIFIABLE), 1),
        **dict.fromkeys((Reason.QUALITY, Reason.INDETERMINATE, Reason.ATYPICAL, Reason.OTHER_FINDING), 1),
        Reason.SHARED: 2,
    }
    assert choose(administrator, other_clinic, Wanted()) == Choice()


def test_a_label_is_of_the_images_that_were_signed(
    clinic: Clinic, radiographer: User, administrator: User, patient: Patient, chosen: Callable[..., Choice],
    uploaded: Any, signed: Reader,
) -> None:  # fmt: skip
    header = {"StudyInstanceUID": "2.25.1"}
    first, second, wrong, late = (xray_dicom(seed=n, overrides={**header, "InstanceNumber": n}) for n in range(4))
    one, other, away = uploaded(first), uploaded(second), uploaded(wrong)
    take_back(by=radiographer, study=one.study, images=[away.pk])
    signed(one)
    came = uploaded(late)
    assert one.study == other.study == came.study
    found = chosen()
    assert {example.image for example in found.examples} == {one.pk, other.pk}
    assert found.left_out == {Reason.CHANGED: 1, Reason.WITHDRAWN: 1}
    # What the reader saw may have been on the one that is gone.
    whose = new_patient(clinic, radiographer, "OTHER")
    move_scans(by=administrator, source=patient, scans=[other.pk], target=whose, reason="Of somebody else.")
    assert (chosen().examples, chosen().left_out) == ([], {Reason.CHANGED: 3})


def test_signatures_of_the_time_asked_for(
    radiologist: User, chosen: Callable[..., Choice], uploaded: Any, signed: Reader
) -> None:
    report = signed(uploaded(1))
    moment = report.signed_at
    assert moment
    later = moment + timedelta(microseconds=1)
    for wanted, count in (({"since": moment, "until": later}, 1), ({"since": later}, 0), ({"until": moment}, 0)):
        assert len(chosen(**wanted).examples) == count
    # The newest version counts, and at its own time.
    correct_report(by=radiologist, report=report, reason="Overlooked.", password=PASSWORD, category="typical")
    assert chosen(until=later) == Choice()
    assert [one.label.label for one in chosen(since=later).examples] == ["covid"]
