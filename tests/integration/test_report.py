"""A signed report stands, whoever comes and by whatever door; what is learnt later stands beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from accounts.models import User
from accounts.reauthentication import TRIES
from diagnosis.actions.analysis import rerun_analysis
from diagnosis.actions.report import add_addendum, revise_report, sign_report
from diagnosis.actions.review import request_second_opinion
from diagnosis.analyses.aggregation import note_of_thinning
from diagnosis.errors import NotAllowedNow, Refusal, TooManyTries
from diagnosis.models import Addendum, Analysis, FirstImpression, Notification, Patient, Report, Study
from diagnosis.models.notification import NotificationKind
from diagnosis.models.patient import UNASSIGNED_NUMBER
from diagnosis.models.study import ExaminedFrom
from diagnosis.reports import content as report_content
from diagnosis.reports.pdf import render_pdf
from diagnosis.reports.pdf.content import printed
from diagnosis.reports.picture import Picture
from diagnosis.scans.request import noon_of
from diagnosis.states import ReportStatus
from tests.concurrency import together
from tests.conftest import PASSWORD
from tests.factories import ABNORMALITY, finish, new_case, read, refuse
from tests.images import xray_png

pytestmark = pytest.mark.django_db


@pytest.fixture
def preliminary(radiographer: User, radiologist: User, patient: Patient) -> Report:
    review = new_case(radiographer, patient)
    finish(review.scan, 0.9)
    return read(radiologist, review, decision="agree", findings="Clear lungs.").report


@pytest.fixture
def final(preliminary: Report, radiologist: User) -> Report:
    return sign_report(by=radiologist, report=preliminary, password=PASSWORD)


def test_a_signature_freezes_what_the_report_rests_on(final: Report, radiologist: User, patient: Patient) -> None:
    assert (final.status, final.signed_by, final.signer_name) == ("final", radiologist, radiologist.full_name)
    assert final.snapshot["patient"]["medical_record_number"] == patient.medical_record_number
    assert final.snapshot["analysis"]["predictions"][0]["version"] == "1.2.3"
    assert report_content.is_intact(Report.objects.get())
    assert [str(row) for row in final.transitions.all()] == ["new → preliminary", "preliminary → final"]


def test_a_report_is_dated_as_its_study_was_when_it_was_signed(preliminary: Report, radiologist: User) -> None:
    def taken(report: Report) -> str:
        return dict(printed(report).facts)["Taken"]

    said = {"examined_at": noon_of(dt.date(2024, 3, 1)), "examined_from": ExaminedFrom.PERSON}
    Study.objects.update(**said)
    assert taken(Report.objects.get()) == "1 March 2024"  # an image without a date in its header
    signed = sign_report(by=radiologist, report=preliminary, password=PASSWORD)
    Study.objects.update(examined_at=None, examined_from="")
    assert taken(Report.objects.get()) == "1 March 2024"
    signed.snapshot["examined"]["from"] = ExaminedFrom.GUESSED
    assert taken(signed) == "1 March 2024, 12:00 UTC (guessed)"
    del signed.snapshot["examined"]  # as it was before studies had dates
    assert taken(signed) == "not recorded"


def test_the_uploader_learns_of_it(final: Report, radiographer: User) -> None:
    kinds = Notification.objects.of(radiographer).values_list("kind", flat=True)
    assert NotificationKind.REPORT in kinds


def test_a_wrong_password_signs_nothing(preliminary: Report, radiologist: User) -> None:
    with pytest.raises(Refusal, match="not your password"):
        sign_report(by=radiologist, report=preliminary, password="guess")
    assert Report.objects.get().status == ReportStatus.PRELIMINARY


def test_too_many_guesses_lock_even_the_right_password(preliminary: Report, radiologist: User) -> None:
    for _ in range(TRIES):
        with pytest.raises(Refusal, match="not your password"):
            sign_report(by=radiologist, report=preliminary, password="guess")
    with pytest.raises(TooManyTries):
        sign_report(by=radiologist, report=preliminary, password=PASSWORD)
    assert Report.objects.get().status == ReportStatus.PRELIMINARY


def test_nobody_signs_another_readers_words(preliminary: Report, member: Callable[..., User]) -> None:
    with pytest.raises(NotAllowedNow, match="whose reading"):
        sign_report(by=member("radiologist"), report=preliminary, password=PASSWORD)


def test_images_without_a_patient_are_not_reported_on(preliminary: Report, radiologist: User) -> None:
    Patient.objects.update(medical_record_number=UNASSIGNED_NUMBER)
    with pytest.raises(NotAllowedNow, match="sent without a patient"):
        sign_report(by=radiologist, report=Report.objects.get(), password=PASSWORD)
    Patient.objects.update(medical_record_number="4711")
    assert sign_report(by=radiologist, report=Report.objects.get(), password=PASSWORD).is_final


def test_an_open_second_reading_holds_the_signature(preliminary: Report, radiologist: User) -> None:
    request_second_opinion(by=radiologist, review=preliminary.review)
    with pytest.raises(NotAllowedNow, match="second reading"):
        sign_report(by=radiologist, report=preliminary, password=PASSWORD)


def test_only_a_preliminary_report_is_revised(preliminary: Report, radiologist: User) -> None:
    revise_report(by=radiologist, report=preliminary, findings="", impression="Clear after all.")
    assert Report.objects.get().impression == "Clear after all."
    signed = sign_report(by=radiologist, report=preliminary, password=PASSWORD)
    with pytest.raises(NotAllowedNow, match="final"):
        revise_report(by=radiologist, report=signed, findings="", impression="Something else.")


CHANGES = [
    "UPDATE diagnosis_report SET impression = 'forged'",
    "UPDATE diagnosis_report SET status = 'preliminary'",
    "UPDATE diagnosis_report SET signed_at = NULL",
    "DELETE FROM diagnosis_report",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_database_refuses_every_change_of_a_final_report(final: Report, statement: str) -> None:
    with pytest.raises(DatabaseError, match="final report is never changed"), transaction.atomic():
        connection.cursor().execute(statement)
    assert report_content.is_intact(Report.objects.get())


def test_the_orm_is_refused_too(final: Report) -> None:
    final.impression = "forged"
    own = Report.objects.filter(pk=final.pk)
    for change in (final.save, lambda: own._raw_delete("default"), lambda: own.update(findings="forged")):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            change()
    with pytest.raises(ProtectedError):  # by its seal
        final.delete()


def test_an_addendum_and_a_first_impression_stand_as_well(final: Report, radiologist: User) -> None:
    add_addendum(by=radiologist, report=final, text="Compared with the earlier film: no change.", password=PASSWORD)
    FirstImpression.objects.create(review=final.review, reader=radiologist, category="negative")
    changes = (
        Addendum.objects.all().delete,
        lambda: Addendum.objects.update(text="forged"),
        FirstImpression.objects.all().delete,
        lambda: FirstImpression.objects.update(category="typical"),
    )
    for change in changes:
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            change()


def test_addenda_are_chained_to_the_report(final: Report, radiologist: User) -> None:
    first, second = (
        add_addendum(by=radiologist, report=final, text=text, password=PASSWORD) for text in ("One.", "Two.")
    )
    assert (first.number, second.number) == (1, 2)
    assert report_content.is_intact(Report.objects.get())
    expected = report_content.addendum_digest(
        first.content_sha256, "Two.", signer=radiologist.full_name, at=second.signed_at
    )
    assert second.content_sha256 == expected


def test_a_changed_word_breaks_the_proof(final: Report) -> None:
    final.impression = "forged"
    assert not report_content.is_intact(final)


def test_an_addendum_needs_a_signed_report_and_words(preliminary: Report, radiologist: User) -> None:
    with pytest.raises(NotAllowedNow, match="not signed"):
        add_addendum(by=radiologist, report=preliminary, text="Too early.", password=PASSWORD)
    signed = sign_report(by=radiologist, report=preliminary, password=PASSWORD)
    with pytest.raises(Refusal, match="Write the addendum"):
        add_addendum(by=radiologist, report=signed, text="  ", password=PASSWORD)


# --- pages -------------------------------------------------------------------------------------------------
def at(report: Report, name: str) -> str:
    return reverse(f"diagnosis:report-{name}", args=[report.pk])


def test_the_page_signs_and_then_offers_an_addendum_only(
    client: Client, preliminary: Report, radiologist: User
) -> None:
    client.force_login(radiologist)
    assert "Sign the report" in client.get(at(preliminary, "detail")).content.decode()
    refused = client.post(at(preliminary, "sign"), {"password": "guess"})
    assert refused.status_code == 400 and "not your password" in refused.content.decode()
    assert client.post(at(preliminary, "sign"), {"password": PASSWORD}).status_code == 302
    page = client.get(at(preliminary, "detail")).content.decode()
    assert "Sign the addendum" in page and "Sign the report" not in page
    changed = client.post(at(preliminary, "revise"), {"findings": "", "impression": "forged"})
    assert changed.status_code == 409 and Report.objects.get().impression != "forged"
    assert client.post(at(preliminary, "addendum"), {"text": "More.", "password": PASSWORD}).status_code == 302
    assert "Final, with an addendum" in client.get(at(preliminary, "detail")).content.decode()


@pytest.mark.parametrize("role", ["radiographer", "clinician", "administrator"])
def test_who_may_not_sign_may_read(client: Client, preliminary: Report, member: Callable[..., User], role: str) -> None:
    client.force_login(member(role))
    assert client.get(at(preliminary, "detail")).status_code == 200
    assert client.post(at(preliminary, "sign"), {"password": PASSWORD}).status_code == 403
    assert Report.objects.get().status == ReportStatus.PRELIMINARY


@pytest.mark.parametrize("name", ["detail", "pdf"])
def test_another_clinic_finds_nothing(client: Client, final: Report, stranger: User, name: str) -> None:
    client.force_login(stranger)
    assert client.get(at(final, name)).status_code == 404


def test_a_second_reader_cannot_open_the_first_ones_report(
    client: Client, preliminary: Report, radiologist: User, member: Callable[..., User]
) -> None:
    request_second_opinion(by=radiologist, review=preliminary.review)
    client.force_login(member("radiologist"))
    for name in ("detail", "pdf"):
        answer = client.get(at(preliminary, name))
        assert answer.status_code == 403 and b"Clear lungs" not in answer.content


def test_the_printed_report_is_a_pdf_of_whatever_name(preliminary: Report, patient: Patient) -> None:
    patient.family_name = "Łukaszewicz-Дмитриев & <b>"
    patient.save()
    preliminary.refresh_from_db()
    data = render_pdf(preliminary, pictures=(Picture(xray_png()),), verification_url="https://portal.example/verify/x/")
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")


def test_anybody_with_the_code_may_verify_and_learns_nothing_of_the_patient(client: Client, final: Report) -> None:
    answer = client.get(reverse("diagnosis:report-verify", args=[final.verification_code]))
    page = answer.content.decode()
    assert answer.status_code == 200 and final.content_sha256 in page and "unaltered" in page
    for private in ("Berg", "MRN-0001", "Clear lungs", "North Clinic", "Radiologist"):
        assert private not in page


def test_an_unknown_or_unsigned_code_verifies_nothing(client: Client, preliminary: Report) -> None:
    for code in ("0" * 20, preliminary.verification_code):
        answer = client.get(reverse("diagnosis:report-verify", args=[code]))
        assert answer.status_code == 404 and "No signed report" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_signature_and_a_request_for_a_second_opinion_never_both_win(preliminary: Report, radiologist: User) -> None:
    def ask_or_sign(number: int) -> bool:
        try:
            if number:
                request_second_opinion(by=radiologist, review=preliminary.review)
            else:
                sign_report(by=radiologist, report=preliminary, password=PASSWORD)
        except Refusal:
            return False
        return True

    assert sum(together(2, ask_or_sign)) == 1


def walls() -> list[tuple[str, str, str]]:
    """Of every trigger the table, the name and whether it fires."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal")
        return sorted(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_tests_empty_their_database_of_signed_words_and_the_walls_stand_again(final: Report, radiologist: User) -> None:
    add_addendum(by=radiologist, report=final, text="Compared.", password=PASSWORD)
    before = walls()
    call_command("flush", interactive=False, verbosity=0)
    assert not Report.objects.exists() and not Addendum.objects.exists()
    assert Permission.objects.exists()
    assert walls() == before


@pytest.fixture
def combined(radiographer: User, radiologist: User, patient: Patient) -> Report:
    """Signed on a combination whose members disagree."""
    review = new_case(radiographer, patient)
    finish(review.scan, 0.9, 0.1, combined=0.5)
    Analysis.objects.update(aggregation={"method": "lung-top-third", "notes": [note_of_thinning(61, 300)]})
    report = read(radiologist, review, decision="agree").report
    return sign_report(by=radiologist, report=report, password=PASSWORD)


def test_a_report_prints_the_combination_its_zone_and_what_the_cards_say(combined: Report) -> None:
    first, *members = printed(combined).predictions
    assert (first.name, first.standing) == ("panel-cxr 1.0.0", "between (43.2\u00a0% / 70.0\u00a0%)")
    assert first.auc == "0.97 (0.95–0.98)"
    assert [(each.name, each.standing) for each in members] == [
        ("classifier-0 1.2.3", "above 43.2\u00a0%"),
        ("classifier-1 1.2.3", "below 43.2\u00a0%"),
    ]
    notes = " ".join(printed(combined).machine_notes)
    assert "1 of 2 above their threshold, 1 below" in notes
    assert "one slice in every 5 mm was classified: 61 of 300" in notes
    assert "outside the lungs" not in notes


def test_whoever_reads_german_is_told_in_german_what_was_signed_in_english(combined: Report) -> None:
    with override("de"):
        notes = " ".join(printed(combined).machine_notes)
    assert "1 von 2 über ihrer Schwelle" in notes
    assert "je 5 mm eine Schicht klassifiziert: 61 von 300" in notes
    assert "61 of 300" in " ".join(combined.snapshot["analysis"]["notes"])


@pytest.fixture
def refused(radiographer: User, radiologist: User, patient: Patient) -> Report:
    review = new_case(radiographer, patient)
    refuse(review.scan)
    return read(radiologist, review, decision="no_result").report


LIES_ON_ITS_SIDE = "This chest X-ray lies on its side or upside down"


def test_a_report_without_a_result_says_why(refused: Report, radiologist: User, client: Client) -> None:
    assert printed(refused).without_result.startswith(LIES_ON_ITS_SIDE)
    signed = sign_report(by=radiologist, report=refused, password=PASSWORD)
    assert signed.snapshot["without_result"].startswith(LIES_ON_ITS_SIDE)
    Analysis.objects.update(failure_params={"variant": "ct"})  # as signed, whatever becomes of the analysis
    assert printed(Report.objects.get()).without_result.startswith(LIES_ON_ITS_SIDE)
    assert report_content.is_intact(Report.objects.get())
    client.force_login(radiologist)
    assert LIES_ON_ITS_SIDE in client.get(reverse("diagnosis:report-detail", args=[signed.pk])).content.decode()
    with override("de"):
        assert printed(signed).without_result.startswith("Dieser Röntgen-Thorax liegt auf der Seite")


def test_a_report_signed_before_the_reason_was_frozen_is_printed_without_it(refused: Report, radiologist: User) -> None:
    signed = sign_report(by=radiologist, report=refused, password=PASSWORD)
    del signed.snapshot["without_result"]
    assert printed(signed).without_result == ""


def test_a_reason_that_came_after_the_reading_is_not_the_readers(refused: Report, radiologist: User) -> None:
    analysis = refused.study.analyses.get()
    Analysis.objects.filter(pk=analysis.pk).update(requested_at=refused.reading.decided_at + dt.timedelta(seconds=1))
    signed = sign_report(by=radiologist, report=refused, password=PASSWORD)
    assert signed.snapshot["without_result"] == "No analysis was requested, so there is no result"


def test_what_had_not_ended_gives_no_reason(radiographer: User, radiologist: User, patient: Patient) -> None:
    waiting = read(radiologist, new_case(radiographer, patient), decision="no_result").report
    assert "without_result" not in sign_report(by=radiologist, report=waiting, password=PASSWORD).snapshot


def test_a_report_with_a_result_has_no_reason_of_another_analysis(
    radiographer: User, radiologist: User, patient: Patient
) -> None:
    review = new_case(radiographer, patient)
    finish(review.scan, 0.9)
    rerun_analysis(by=radiographer, study=review.study)
    refuse(review.scan)
    report = read(radiologist, review, decision="agree").report
    assert "without_result" not in sign_report(by=radiologist, report=report, password=PASSWORD).snapshot


def test_a_report_prints_whether_the_lung_is_abnormal_first(
    radiographer: User, radiologist: User, patient: Patient
) -> None:
    """The reader agrees with that answer above all; COVID-19 alone would say less than the page did."""
    review = new_case(radiographer, patient)
    finish(review.scan, 0.9, 0.1, combined=0.25, abnormality=ABNORMALITY)
    report = read(radiologist, review, decision="agree", category="negative").report
    signed = sign_report(by=radiologist, report=report, password=PASSWORD)
    first, second, *_members = printed(signed).predictions
    assert (first.name, second.name) == ("panel-cxr 1.0.0", "panel-cxr 1.0.0")
    assert first.probability == "Abnormal lung: 25.0\u00a0%"
    assert first.standing == "between (20.0\u00a0% / 60.0\u00a0%)"
    assert (first.sensitivity, first.auc) == ("0.94 (0.91–0.96)", "not recorded")
    assert second.probability.startswith("COVID-19 pattern")
    assert "For “abnormal lung” sensitivity and specificity were measured on held-out images." in " ".join(
        printed(signed).machine_notes
    )
    del signed.snapshot["analysis"]["questions"]  # as it was signed before it was printed
    assert printed(signed).predictions[0] == second
    assert "abnormal lung" not in " ".join(printed(signed).machine_notes)


def test_what_the_classifiers_said_later_changes_nothing_on_a_signed_report(combined: Report) -> None:
    before = printed(combined)
    combined.review.analysis.ensemble_prediction.delete()
    combined.review.analysis.predictions.update(version="9.9.9", probability=0.0)
    assert printed(Report.objects.get()) == before
    assert report_content.is_intact(Report.objects.get())


def test_a_report_signed_before_there_were_zones_is_printed_as_it_was(final: Report) -> None:
    for one in final.snapshot["analysis"]["predictions"]:
        for later in ("zone", "card", "attention_outside"):
            del one[later]
        one["positive"] = one.pop("at_or_above_threshold")  # as it was called then
    for later in ("combination", "without_combination", "marks"):
        del final.snapshot["analysis"][later]
    (answer,) = printed(final).predictions
    assert (answer.standing, answer.auc) == ("above 43.2\u00a0%", "not recorded")
    assert printed(final).machine_notes == ()


def test_words_that_change_while_they_are_signed_are_not_signed(
    preliminary: Report, radiologist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash is taken from what was read; whatever was saved between the two is not what the person signs."""
    digest = report_content.digest

    def saved_meanwhile(*args: Any, **kwargs: Any) -> str:
        Report.objects.update(impression="Something that nobody has signed.")
        return digest(*args, **kwargs)

    monkeypatch.setattr(report_content, "digest", saved_meanwhile)
    with pytest.raises(NotAllowedNow) as refused:
        sign_report(by=radiologist, report=preliminary, password=PASSWORD)
    assert refused.value.code == "changed_meanwhile"
    left = Report.objects.get()
    assert (left.status, left.content_sha256, left.signed_by) == (ReportStatus.PRELIMINARY, "", None)
