"""What is said of an examination: its date, who asked for it and why, and which files are one."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localdate
from PIL import Image

from accounts.models import User
from diagnosis.actions.report import sign_report
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.study import amend_study
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Patient, ReadingPolicy, Report, Scan, Study, StudyChange
from diagnosis.models.scan import Modality
from diagnosis.patients.prior import prior_studies
from diagnosis.results import examined
from diagnosis.scans.request import Request
from tests.conftest import PASSWORD
from tests.factories import read
from tests.images import xray_dicom, xray_png

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
Send = Callable[..., Scan]


def photograph(seed: int, *, taken: str = "") -> bytes:
    """A JPEG as a camera writes it, with EXIF DateTimeOriginal."""
    picture, file = Image.open(BytesIO(xray_png(seed))).convert("L"), BytesIO()
    exif = Image.Exif()
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    picture.save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def send(radiographer: User, patient: Patient) -> Send:
    def make(data: bytes, *, modality: Modality | None = Modality.CXR, **request: Any) -> Scan:
        said = Request(**request)
        return upload_scan(
            by=radiographer, patient=patient, data=data, name="a.jpg", modality=modality, request=said
        ).scan

    return make


def test_the_date_of_a_photograph_is_guessed_and_marked(send: Send) -> None:
    study = send(photograph(1, taken="2019:05:03 08:30:00")).study
    assert (study.examined_at, study.examined_from) == (dt.datetime(2019, 5, 3, 8, 30, tzinfo=dt.UTC), "guessed")
    assert examined.when(study) == "3 May 2019 (guessed)"


@pytest.mark.parametrize("taken", ["", "2999:01:01 00:00:00", "0000:00:00 00:00:00", "1800:01:01 00:00:00", "nonsense"])
def test_a_camera_that_tells_nothing_leaves_the_date_open(send: Send, taken: str) -> None:
    study = send(photograph(1, taken=taken)).study
    assert (study.examined_at, study.examined_from) == (None, "")
    assert examined.when(study).startswith("date not known, received")


def test_what_a_person_says_counts_before_a_guess_and_after_a_header(send: Send) -> None:
    day = dt.date(2020, 2, 29)
    said = send(photograph(1, taken="2019:05:03 08:30:00"), examined_on=day).study
    assert (examined.when(said), said.examined_from) == ("29 Feb 2020", "person")
    assert send(photograph(2, taken="2019:05:03 08:30:00"), is_date_unknown=True).study.examined_at is None
    taken = dt.datetime(2018, 1, 2, 3, 4, tzinfo=dt.UTC)
    stated = send(xray_dicom(acquired_at=taken), modality=None, examined_on=day).study
    assert (stated.examined_at, stated.examined_from) == (taken, "")


def test_priors_follow_the_date_of_the_examination_and_not_the_upload(
    send: Send, patient: Patient, radiographer: User
) -> None:
    now = send(photograph(1), examined_on=dt.date(2024, 3, 1))
    old = send(photograph(2), examined_on=dt.date(1993, 3, 1))
    middle = send(photograph(3, taken="2001:05:03 08:30:00"))
    assert prior_studies(now) == [middle, old]
    assert prior_studies(old) == []
    page = client_of(radiographer).get(reverse("diagnosis:patient-detail", args=[patient.pk])).content.decode()
    places = [page.index(text) for text in ("1 Mar 2024", "3 May 2001 (guessed)", "1 Mar 1993")]
    assert places == sorted(places)
    viewer = client_of(radiographer).get(reverse("diagnosis:scan-view", args=[now.pk])).content.decode()
    assert "Chest X-ray, 1 Mar 1993" in viewer


def test_loose_files_with_one_key_are_one_examination(send: Send) -> None:
    key = uuid.uuid4()
    first = send(photograph(1, taken="2019:05:03 08:30:00"), examination=key)
    assert send(photograph(2), examination=key).study == first.study
    assert send(photograph(3, taken="2019:05:03 08:44:00"), examination=first.study.pk).study == first.study
    another_day = send(photograph(4, taken="2019:05:04 08:30:00"), examination=key)
    assert another_day.study != first.study
    assert send(photograph(5, taken="2019:05:04 09:30:00"), examination=key).study == another_day.study
    assert send(photograph(6)).study not in (first.study, another_day.study)
    assert send(photograph(7), examination=key, modality=Modality.CT).study.modality == "ct"
    header = xray_dicom(overrides={"StudyInstanceUID": "1.2.3"})
    assert send(header, examination=key, modality=None).study.study_instance_uid == "1.2.3"


def test_a_key_reaches_nobody_elses_study(send: Send, radiographer: User, clinic: Any) -> None:
    first = send(photograph(1))
    other = Patient.objects.create(clinic=clinic, medical_record_number="X", family_name="X", created_by=radiographer)
    moved = upload_scan(
        by=radiographer,
        patient=other,
        data=photograph(2),
        name="a",
        modality=Modality.CXR,
        request=Request(examination=first.study.pk),
    )
    assert (moved.scan.study == first.study, moved.scan.study.patient) == (False, other)


def test_a_header_fills_the_request_and_is_marked(send: Send) -> None:
    overrides = {"ReferringPhysicianName": "Holm^Ida", "ReasonForStudy": "Pneumonia?"}
    study = send(xray_dicom(overrides=overrides), modality=None, ward="3 B", clinical_question="").study
    assert (study.referring_physician, study.clinical_question, study.ward) == ("Holm, Ida", "Pneumonia?", "3 B")
    assert sorted(study.from_file) == ["clinical_question", "referring_physician"]
    overrides["StudyInstanceUID"] = "1.2.3"
    typed = send(xray_dicom(seed=2, overrides=overrides), modality=None, clinical_question="Effusion?").study
    assert (typed.clinical_question, typed.from_file) == ("Effusion?", ["referring_physician"])


def test_the_name_of_the_procedure_stands_in_where_no_reason_is_given(send: Send) -> None:
    study = send(xray_dicom(overrides={"RequestedProcedureDescription": "Chest PA"}), modality=None).study
    assert (study.clinical_question, study.from_file) == ("Chest PA", ["clinical_question"])


def test_the_request_stands_where_it_is_read(
    send: Send, radiographer: User, radiologist: User, patient: Patient
) -> None:
    scan = send(photograph(1), ward="Ward 3 B", clinical_question="Effusion?", symptoms="cough")
    review = scan.study.reviews.get()
    study = client_of(radiographer).get(reverse("diagnosis:study-detail", args=[scan.study.pk]))
    reading = client_of(radiologist).post(reverse("diagnosis:review-claim", args=[review.pk]), follow=True)
    for page in (study, reading):
        for words in ("Ward 3 B", "Effusion?", "cough"):
            assert words in page.content.decode(), words


def test_it_can_be_put_right_with_a_trail(send: Send, radiographer: User, administrator: User) -> None:
    study = send(photograph(1, taken="2019:05:03 08:30:00"), ward="3").study
    client, address = client_of(radiographer), reverse("diagnosis:study-details", args=[study.pk])
    body = {"examined_on": "2018-05-03", "ward": "4", "priority": "urgent"}
    assert client.post(address, body).status_code == 302
    study.refresh_from_db()
    assert (localdate(study.examined_at), study.examined_from, study.ward) == (dt.date(2018, 5, 3), "person", "4")
    review = study.reviews.get()
    assert (review.urgent, review.due_at) == (False, review.waiting_since - dt.timedelta(hours=24))
    changes = {change.field: (change.before, change.after) for change in StudyChange.objects.all()}
    assert changes == {
        "examined_on": ("2019-05-03", "2018-05-03"),
        "ward": ("3", "4"),
        "priority": ("", "urgent"),
    }
    page = client.get(reverse("diagnosis:study-detail", args=[study.pk])).content.decode()
    assert "2019-05-03 → 2018-05-03" in page
    assert amend_study(by=administrator, study=study, examined_on=None)
    study.refresh_from_db()
    assert study.examined_at is None


def test_a_later_file_that_says_how_urgent_it_is_moves_the_case(send: Send) -> None:
    """Nothing had been said of it; what was said is not overwritten."""
    key = uuid.uuid4()
    study = send(photograph(1), examination=key).study
    for seed, word in ((2, "urgent"), (3, "routine")):
        assert send(photograph(seed), examination=key, priority=word).study == study
        review = study.reviews.get()
        assert review.due_at == review.waiting_since - dt.timedelta(hours=24)


def test_the_same_day_said_again_makes_a_guess_certain(send: Send, radiographer: User) -> None:
    study = send(photograph(1, taken="2019:05:03 08:30:00")).study
    assert len(amend_study(by=radiographer, study=study, examined_on=dt.date(2019, 5, 3), ward="")) == 1
    study.refresh_from_db()
    assert study.examined_from == "person"


def test_what_a_header_states_and_what_is_signed_stays(
    send: Send, radiographer: User, radiologist: User, member: Callable[..., User]
) -> None:
    stated = send(xray_dicom(acquired_at=dt.datetime(2018, 1, 2, tzinfo=dt.UTC)), modality=None).study
    with pytest.raises(NotAllowedNow, match="state its date"):
        amend_study(by=radiographer, study=stated, examined_on=dt.date(2019, 1, 1))
    study = send(photograph(1)).study
    with pytest.raises(PermissionDenied):
        amend_study(by=member("radiographer"), study=study, ward="4")
    read(radiologist, study.reviews.get())
    amend_study(by=radiographer, study=study, ward="4")
    sign_report(by=radiologist, report=Report.objects.get(study=study), password=PASSWORD)
    with pytest.raises(NotAllowedNow, match="is signed"):
        amend_study(by=radiographer, study=study, ward="5")
    address = reverse("diagnosis:study-details", args=[study.pk])
    assert client_of(radiographer).post(address, {"ward": "5"}).status_code == 409
    study.refresh_from_db()
    assert study.ward == "4"


def test_the_form_brings_all_of_it_and_one_examination_for_many(radiographer: User, patient: Patient) -> None:
    client, address = client_of(radiographer), reverse("diagnosis:scan-upload", args=[patient.pk])
    files = [SimpleUploadedFile(f"{seed}.png", xray_png(seed)) for seed in (1, 2)]
    body = {"modality": "cxr", "examined": "on", "examined_on": "2020-02-29", "together": "on", "ward": "3 B"}
    assert client.post(address, {**body, "files": files}).status_code == 201
    study = Study.objects.get()
    assert (examined.day(study), study.ward, Scan.objects.count()) == ("29 Feb 2020", "3 B", 2)
    for wrong in ({"examined_on": ""}, {"examined_on": "2999-01-01"}, {"examined_on": "1800-01-01"}):
        files = [SimpleUploadedFile("3.png", xray_png(3))]
        assert client.post(address, {**body, **wrong, "files": files}).status_code == 400, wrong


def test_a_clinic_may_leave_the_request_out(radiographer: User, patient: Patient) -> None:
    address = reverse("diagnosis:scan-upload", args=[patient.pk])
    assert "Clinical question" in client_of(radiographer).get(address).content.decode()
    ReadingPolicy.objects.create(clinic=patient.clinic, asks_request=False)
    assert "Clinical question" not in client_of(radiographer).get(address).content.decode()


def test_the_api_takes_and_tells_it(radiographer: User, patient: Patient) -> None:
    client, key = client_of(radiographer), str(uuid.uuid4())
    for seed in (1, 2):
        body = {
            "patient": str(patient.pk),
            "modality": "cxr",
            "examined_on": "2020-02-29",
            "examination": key,
            "symptoms": "cough",
            "file": SimpleUploadedFile(f"{seed}.png", xray_png(seed)),
        }
        assert client.post("/api/v1/scans/", body).status_code == 201
    told = client.get("/api/v1/studies/").json()["results"]
    assert [(one["examined_from"], one["symptoms"], one["image_count"]) for one in told] == [("person", "cough", 2)]
    late = {**body, "examined_on": "2999-01-01", "file": SimpleUploadedFile("3.png", xray_png(3))}
    assert client.post("/api/v1/scans/", late).status_code == 400
