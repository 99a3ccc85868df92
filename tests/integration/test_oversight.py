"""The administrator's screen through its addresses: who gets in, what it shows, what its buttons do."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.db.models import Q
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, Membership, User
from diagnosis.actions.analysis import cancel_analysis
from diagnosis.actions.correction import merge_patients, move_scans
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Analysis, Correction, Dismissal, Patient, Review, Scan
from diagnosis.models.review import Category
from diagnosis.models.scan import Modality
from diagnosis.oversight.agreement import Agreement, Counts
from diagnosis.states import AnalysisStatus as S
from diagnosis.views.oversight import charts
from diagnosis.views.oversight.tables import DOWNLOADS
from tests.factories import finish, new_case, new_patient, read
from tests.images import ct_dicom

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
PAGES = [f"oversight-{name}" for name in ("overview", "jobs", "reading", "agreement", "work", "corrections")]
WHY = "the wristband was read wrong"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(name: str, *args: object, **query: object) -> str:
    return reverse(f"diagnosis:{name}", args=args, query=query or None)


def fail(scan: Scan, reason: str = "It failed.", detail: str = "Traceback: why") -> Analysis:
    analysis = scan.analyses.get()
    claim = Analysis.objects.claim(analysis.pk, worker="worker one")
    words = {"failure_code": "x", "failure_params": {"sentence": reason}, "failure_detail": detail}
    assert Analysis.objects.finish(analysis.pk, S.RUNNING, S.FAILED, by="w", only=Q(claim=claim), **words)
    return analysis


@pytest.fixture
def scan(patient: Patient, radiographer: User) -> Scan:
    return new_case(radiographer, patient).scan


@pytest.fixture
def other(clinic: Clinic, radiographer: User) -> Patient:
    return new_patient(clinic, radiographer, "MRN-0002")


@pytest.fixture
def foreign(other_clinic: Clinic, member: Callable[..., User]) -> Scan:
    """A failed scan of another clinic."""
    by = member("radiographer", at=other_clinic)
    scan = new_case(by, new_patient(other_clinic, by, "SOUTH-1"), 50).scan
    fail(scan, "The other clinic's reason.")
    return scan


@pytest.fixture
def client(administrator: User) -> Client:
    return signed_in(administrator)


@pytest.fixture
def site(db: None) -> Client:
    """The site's superuser, who works in no clinic."""
    return signed_in(User.objects.create_superuser("site@clinic.example", "x", full_name="Site"))


# --- doors -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [*PAGES, *DOWNLOADS])
def test_administrators_alone_get_in(name: str, client: Client, site: Client, member: Callable[..., User]) -> None:
    address = at(name) if name in PAGES else at("oversight-download", name)
    assert client.get(address).status_code == 200
    assert site.get(address).status_code == 200
    assert Client().get(address).status_code == 302
    for role in ("radiographer", "clinician", "radiologist"):
        assert signed_in(member(role)).get(address).status_code == 403
    former = member("administrator")
    Membership.objects.filter(user=former).update(is_active=False)
    assert signed_in(former).get(address).status_code == 403


def test_an_unknown_table_kind_or_clinic_is_not_found(client: Client, other_clinic: Clinic) -> None:
    assert client.get(at("oversight-download", "passwords")).status_code == 404
    assert client.get(at("oversight-jobs", kind="nice")).status_code == 404
    for clinic in (other_clinic.pk, "nonsense"):
        assert client.get(at("oversight-overview", clinic=clinic)).status_code == 404


def test_another_clinics_rows_are_nowhere(client: Client, foreign: Scan, scan: Scan) -> None:
    fail(scan)
    for name in PAGES:
        page = client.get(at(name)).content.decode()
        assert "SOUTH-1" not in page
        assert "The other clinic" not in page
    assert client.get(at("oversight-overview")).context["failed"] == 1
    for name in DOWNLOADS:
        assert str(foreign.pk) not in client.get(at("oversight-download", name)).content.decode()


def test_running_the_site_shows_every_clinics_jobs_but_no_patient(
    site: Client, foreign: Scan, scan: Scan, patient: Patient
) -> None:
    fail(scan)
    page = site.get(at("oversight-jobs")).content.decode()
    assert "The other clinic&#x27;s reason." in page
    for name in PAGES:
        shown = site.get(at(name)).content.decode()
        assert patient.family_name not in shown
        assert patient.medical_record_number not in shown
    assert patient.medical_record_number not in site.get(at("oversight-download", "analyses")).content.decode()
    site.post(at("oversight-jobs"), {"act": "rerun", "all": "1"})
    assert Analysis.objects.count() == 2


def test_the_screen_wears_the_shell_of_its_reader(client: Client, administrator: User) -> None:
    assert "admin/css/base.css" not in client.get(at("oversight-overview")).content.decode()
    User.objects.filter(pk=administrator.pk).update(is_staff=True)
    page = client.get(at("oversight-overview")).content.decode()
    assert "admin/css/base.css" in page
    assert at("oversight-overview") in client.get(reverse("admin:index")).content.decode()


def test_contact_messages_are_linked_for_those_who_answer_them(client: Client, site: Client) -> None:
    address = reverse("admin:portal_contactmessage_changelist")
    assert address in site.get(at("oversight-overview")).content.decode()
    assert address not in client.get(at("oversight-overview")).content.decode()


# --- jobs --------------------------------------------------------------------------------------------------
def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_both_reasons_are_shown(client: Client, scan: Scan) -> None:
    fail(scan, "The file cannot be read.", "struct.error: unpack <b>")
    page = client.get(at("oversight-jobs")).content.decode()
    assert "The file cannot be read." in page
    assert "struct.error: unpack &lt;b&gt;" in page


def test_many_are_run_again_and_the_rest_is_told(client: Client, patient: Patient, radiographer: User) -> None:
    scans = [new_case(radiographer, patient, seed).scan for seed in range(3)]
    chosen = [fail(one) for one in scans]
    gone = client.post(
        at("oversight-jobs", kind="failed"), {"act": "rerun", "chosen": [a.pk for a in chosen[:2]]}, follow=True
    )
    assert said(gone) == ["2 analyses queued again."]
    assert [one.analyses.count() for one in scans] == [2, 2, 1]
    again = client.post(at("oversight-jobs", kind="failed"), {"act": "rerun", "all": "1"}, follow=True)
    assert said(again) == ["1 analysis queued again."]


def test_what_is_not_on_the_list_is_not_touched(client: Client, foreign: Scan, scan: Scan) -> None:
    for pk in (foreign.analyses.get().pk, scan.analyses.get().pk):
        answer = client.post(at("oversight-jobs", kind="failed"), {"act": "rerun", "chosen": [pk]}, follow=True)
        assert "Nothing was selected" in said(answer)[0]
    assert Analysis.objects.count() == 2
    assert client.post(at("oversight-jobs", kind="failed"), {"act": "cancel", "all": "1"}).status_code == 404
    assert client.post(at("oversight-jobs", kind="failed"), {"act": "rerun", "chosen": ["x"]}).status_code == 404


def test_late_ones_are_cancelled_in_bulk(client: Client, scan: Scan, settings: Any) -> None:
    from datetime import timedelta

    settings.ANALYSIS_WAIT_WARNING = timedelta(0)
    answer = client.post(at("oversight-jobs", kind="late"), {"act": "cancel", "all": "1"}, follow=True)
    assert said(answer) == ["1 analysis cancelled."]
    assert scan.analyses.get().status == S.CANCELLED


def test_setting_aside_takes_a_reason_and_nothing_is_deleted(
    client: Client, scan: Scan, radiographer: User, administrator: User
) -> None:
    cancel_analysis(by=radiographer, analysis=scan.analyses.get())
    address = at("oversight-jobs", kind="cancelled")
    refused = client.post(address, {"act": "aside", "all": "1"}, follow=True)
    assert "Say why" in said(refused)[0]
    client.post(address, {"act": "aside", "all": "1", "reason": "wrong film"})
    assert Dismissal.objects.get().made_by == administrator
    assert client.get(address).context["total"].number == 0
    assert "wrong film" in client.get(at("oversight-jobs", kind="aside")).content.decode()
    client.post(at("oversight-jobs", kind="aside"), {"act": "back", "all": "1"})
    assert client.get(address).context["total"].number == 1
    assert (Scan.objects.count(), Analysis.objects.count()) == (1, 1)


# --- agreement ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("standard", ["decision", "first"])
@pytest.mark.parametrize("category", ["typical", "negative"])
def test_numbers_that_do_not_exist_are_dashes(
    client: Client, scan: Scan, radiologist: User, category: str, standard: str
) -> None:
    """One reading gives either a sensitivity or a specificity, and no kappa."""
    from diagnosis.actions.review import claim_review, commit_first_impression

    finish(scan, 0.9)
    held = claim_review(by=radiologist, review=scan.reviews.get())
    commit_first_impression(by=radiologist, review=held, category=Category(category))
    read(radiologist, held, decision="agree", category=category)
    page = client.get(at("oversight-agreement", standard=standard))
    assert page.status_code == 200
    assert page.content.decode().count("–") >= 2
    (version,) = page.context["versions"]
    measured = version.whole.counts
    assert (measured.sensitivity.share is None) != (measured.specificity.share is None)
    assert measured.kappa is None


@pytest.mark.parametrize(("cases", "shown"), [(9, False), (10, True)])
def test_a_rate_needs_ten_readings(cases: int, shown: bool) -> None:
    counts = Counts(true_positive=cases, true_negative=cases - 1)
    (version,) = charts.versions([Agreement("panel-cxr", "1.0.0", None, counts)])
    sensitivity, specificity, _kappa = version.rates
    assert (bool(sensitivity.value), bool(specificity.value)) == (shown, False)
    page = render_to_string("diagnosis/oversight/_agreement_row.html", {"version": version, "whole": version.whole})
    assert ("n = 9, too few" in page, "n = 8, too few" in page) == (True, cases == 9)
    assert "before the check" not in page


def test_readings_from_before_the_check_have_a_row_of_their_own(client: Client, scan: Scan, radiologist: User) -> None:
    finish(scan, 0.9)
    read(radiologist, scan.reviews.get(), decision="agree", category="typical")
    Review.objects.update(agreement="")
    page = client.get(at("oversight-agreement"))
    assert [version.whole.checked for version in page.context["versions"]] == [False]
    assert "before the check" in page.content.decode()
    assert table(client, "agreement")[0]["category and decision compared"] == "False"


# --- downloads ---------------------------------------------------------------------------------------------
def table(client: Client, name: str) -> list[dict[str, str]]:
    response = client.get(at("oversight-download", name))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="{name}.csv"' in response["Content-Disposition"]
    return list(csv.DictReader(StringIO(response.content.decode("utf-8-sig"), newline="")))


def test_downloads_hold_the_numbers_of_the_page(client: Client, scan: Scan, radiologist: User) -> None:
    finish(scan, 0.9)
    read(radiologist, scan.reviews.get(), decision="override", category="negative", override_reason="artefact")
    whole, month = table(client, "agreement")
    assert (whole["month"], whole["only classifier"]) == ("all", "1")
    assert (whole["specificity"], whole["sensitivity"]) == ("", ""), "no rate of one reading"
    assert month["readings"] == "1"
    assert [row["overridden"] for row in table(client, "overrides") if "artefact" in row["reason"]] == ["1"]
    assert sum(int(row["finished"]) for row in table(client, "days")) == 1
    assert [row["files"] for row in table(client, "storage")][:2] == ["1", "1"]


def test_a_formula_in_a_reason_stays_text(client: Client, scan: Scan) -> None:
    fail(scan, "=HYPERLINK(1)")
    (row,) = table(client, "analyses")
    assert (row["reason"], row["technical reason"]) == ("'=HYPERLINK(1)", "Traceback: why")


# --- corrections -------------------------------------------------------------------------------------------
def test_a_scan_moves_by_search_comparison_and_confirmation(
    client: Client, scan: Scan, patient: Patient, other: Patient
) -> None:
    address = at("scan-move", scan.pk)
    assert address in client.get(at("scan-detail", scan.pk)).content.decode()
    assert client.get(address, {"q": "mrn-0002"}).context["found"] == [other]
    page = client.get(address, {"target": other.pk}).content.decode()
    assert "Alma" in page
    assert "MRN-0002" in page
    fields = {"target": other.pk, "source": patient.pk, "scans": [scan.pk], "reason": WHY}
    assert client.post(address, {**fields, "reason": ""}).status_code == 422
    assert client.post(address, fields).status_code == 302
    assert Scan.objects.get().patient == other
    assert WHY in client.get(at("scan-detail", scan.pk)).content.decode()
    stale = client.post(address, fields)
    assert stale.status_code == 409
    client.post(at("correction-undo", Correction.objects.get().pk))
    assert Scan.objects.get().patient == patient


def test_slices_of_one_examination_move_together_unless_unticked(
    client: Client, patient: Patient, other: Patient, radiographer: User
) -> None:
    scans = [
        upload_scan(
            by=radiographer,
            patient=patient,
            data=ct_dicom(instance_number=number, seed=number),
            name="a.dcm",
            modality=Modality.CT,
            identity_confirmed=True,
        ).scan
        for number in (1, 2, 3)
    ]
    address = at("scan-move", scans[0].pk)
    offered = client.get(address, {"target": other.pk}).context["form"].fields["scans"].choices
    assert {pk for pk, _ in offered} == {one.pk for one in scans}
    fields = {"target": other.pk, "source": patient.pk, "scans": [scans[0].pk, scans[1].pk], "reason": WHY}
    client.post(address, fields)
    assert set(other.scans.all()) == set(scans[:2])
    assert list(patient.scans.all()) == scans[2:]


def test_two_records_become_one_and_two_again(
    client: Client, scan: Scan, patient: Patient, other: Patient, radiographer: User
) -> None:
    assert client.post(at("patient-merge", patient.pk), {"target": other.pk, "reason": WHY}).status_code == 302
    merged = client.get(at("patient-detail", patient.pk)).content.decode()
    assert at("patient-detail", other.pk) in merged
    assert at("patient-edit", patient.pk) not in merged
    staff = signed_in(radiographer)
    assert list(staff.get(at("patient-list")).context["page"]) == [other]
    assert staff.get(at("scan-upload", patient.pk)).status_code == 302
    assert staff.get(at("patient-edit", patient.pk)).status_code == 302
    assert [row["id"] for row in staff.get("/api/v1/patients/").json()["results"]] == [str(other.pk)]
    gone = staff.get(f"/api/v1/patients/{patient.pk}/")
    assert gone.json()["merged_into"] == str(other.pk)
    refused = staff.patch(gone.wsgi_request.path, {"family_name": "X"}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "merged")
    (made,) = client.get(at("oversight-corrections")).context["rows"]
    assert made[1] == ""
    client.post(at("correction-undo", made[0].pk))
    assert set(staff.get(at("patient-list")).context["page"]) == {patient, other}
    again = client.post(at("correction-undo", made[0].pk))
    assert again.status_code == 409
    assert "already undone" in again.content.decode()


def test_corrections_are_closed_to_everybody_else(
    scan: Scan,
    patient: Patient,
    other: Patient,
    foreign: Scan,
    client: Client,
    site: Client,
    administrator: User,
    other_clinic: Clinic,
    member: Callable[..., User],
) -> None:
    made = move_scans(by=administrator, source=patient, scans=[scan.pk], target=other, reason=WHY)
    doors = [at("scan-move", scan.pk), at("patient-merge", patient.pk), at("correction-undo", made.pk)]
    fields = {"target": other.pk, "source": other.pk, "scans": [scan.pk], "reason": WHY}
    stranger = signed_in(member("administrator", at=other_clinic))
    for door in doors:
        assert stranger.post(door, fields).status_code == 404
        assert site.post(door, fields).status_code in (403, 404)
        for role in ("radiographer", "radiologist"):
            assert signed_in(member(role)).post(door, fields).status_code == 403
    # Neither may an administrator choose a patient of another clinic.
    target = {**fields, "target": foreign.patient_id}
    assert client.post(at("patient-merge", patient.pk), target).status_code == 404
    assert client.get(at("scan-move", foreign.pk)).status_code == 404
    assert Correction.objects.get().undone_at is None
    assert Scan.objects.get(pk=scan.pk).patient == other


def test_a_merged_record_can_be_neither_source_nor_target(
    client: Client, patient: Patient, other: Patient, clinic: Clinic, radiographer: User, administrator: User
) -> None:
    merge_patients(by=administrator, source=patient, target=other, reason=WHY)
    third = new_patient(clinic, radiographer, "MRN-0003")
    assert client.get(at("patient-merge", patient.pk)).status_code == 404
    assert client.get(at("patient-merge", third.pk), {"target": patient.pk}).status_code == 404
    assert client.get(at("patient-merge", third.pk), {"q": "berg"}).context["found"] == []
