"""Earlier studies of an archive: whose are fetched, what becomes of them, and what is tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pydicom.dataset import Dataset

from accounts.models import Clinic, User
from audit.models import AuditEvent
from diagnosis.actions.confidentiality import mark_confidential
from diagnosis.actions.deletion import study_erased
from diagnosis.actions.regrouping import move_images
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.withdrawal import take_back
from diagnosis.models import Analysis, Patient, Review, Scan, Study
from network import choosing, querying, retrieving, tasks
from network.models import ErasedStudy, PriorRetrieval, PriorsBy, ReceivedInstance, ReceivedStudy, RemoteEntity
from network.models.erased_study import digest_of
from network.states import RetrievalStatus as S
from network.storing import Instance, store
from tests.factories import new_patient
from tests.fhir_validator import faults
from tests.images import xray_dicom
from tests.unit.network.arriving import BERG, CLASS, Arrive, attach, in_study, turn

pytestmark = pytest.mark.django_db
OLD = "1.2.826.0.1.77"
Upload = Callable[..., Scan]


@pytest.fixture(autouse=True)
def _on(settings: LazySettings) -> None:
    settings.PRIORS_PER_HOUR = 60


@pytest.fixture
def archive(clinic: Clinic) -> RemoteEntity:
    return RemoteEntity.objects.create(
        clinic=clinic,
        title="ARCHIVE",
        networks="192.0.2.9",
        priors_by=PriorsBy.GET,
        query_host="192.0.2.9",
        query_port=104,
    )


def answer(uid: str = OLD, **said: Any) -> Dataset:
    """A study of the patient as an archive names it."""
    made = Dataset()
    known = {
        "PatientID": "MRN-0001",
        "PatientName": "Berg^Alma",
        "PatientBirthDate": "19580314",
        "StudyDate": "20200102",
        "StudyInstanceUID": uid,
        "ModalitiesInStudy": "DX",
        "NumberOfStudyRelatedInstances": "1",
    }
    for name, value in {**known, **said}.items():
        setattr(made, name, value)
    return made


class Pacs:
    """What the archive names and has; `error`: what it does in place of answering. A study with `files` sends those."""

    def __init__(self) -> None:
        self.names: list[Dataset] = []
        self.files: dict[str, list[bytes]] = {}
        self.error: Exception | None = None
        self.asked: list[tuple[str, date]] = []
        self.sent: list[str] = []

    def find(self, _entity: RemoteEntity, number: str, *, before: date) -> list[Dataset]:
        self.asked.append((number, before))
        if self.error:
            raise self.error
        return self.names

    def get(self, _entity: RemoteEntity, uid: str, *, keep: Callable[[Instance], None], beat: Any) -> querying.Sent:
        if self.error:
            raise self.error
        self.sent.append(uid)
        files = self.files.get(uid) or [xray_dicom(**in_study(uid, seed=500 + len(self.sent), **BERG))]
        for number, data in enumerate(files):
            keep(Instance(CLASS, f"{uid}.{number}", "", b"", data, "192.0.2.9"))
            beat()
        return querying.Sent(len(files), 0)


@pytest.fixture
def pacs(monkeypatch: pytest.MonkeyPatch) -> Pacs:
    made = Pacs()
    monkeypatch.setattr(querying, "find", made.find)
    monkeypatch.setattr(querying, "get", made.get)
    return made


def go() -> None:
    """As a process that fetches, and a worker that sorts."""
    retrieving.retrieve_some(arrived=lambda: None)
    turn()


def later() -> None:
    PriorRetrieval.objects.update(next_attempt_at=timezone.now())


def only() -> PriorRetrieval:
    return PriorRetrieval.objects.get()


@pytest.fixture
def new(archive: RemoteEntity, patient: Patient, radiographer: User) -> Study:
    """A study that came in, of the patient whom the archive knows."""
    return came_in(archive, patient, radiographer)


def came_in(archive: RemoteEntity, patient: Patient, by: User) -> Study:
    """Its rows, without an image."""
    of = {"clinic": patient.clinic, "patient": patient, "modality": "cxr"}
    study = Study.objects.create(**of, received_at=timezone.now(), received_from=by)
    PriorRetrieval.objects.create(entity=archive, study=study)
    return study


def test_a_prior_is_fetched_and_is_no_work(new: Study, pacs: Pacs, patient: Patient) -> None:
    pacs.names = [answer()]
    analyses, reviews = Analysis.objects.count(), Review.objects.count()
    go()
    assert pacs.asked == [("MRN-0001", timezone.localdate(new.taken_at))]
    prior = Study.objects.get(study_instance_uid=OLD)
    assert (prior.patient, prior.fetched_from, prior.is_prior) == (patient, "ARCHIVE", True)
    assert (Analysis.objects.count(), Review.objects.count()) == (analyses, reviews)
    row = only()
    assert (row.study, row.status, row.came) == (new, S.DONE, 1), "the prior itself asks nobody"
    assert row.last_answer == retrieving.FETCHED
    asked = AuditEvent.objects.get(route="DICOM C-FIND")
    assert (asked.patient, asked.detail["address"]) == (patient.pk, "ARCHIVE@192.0.2.9:104")
    go()
    assert len(pacs.asked) == 1


def test_only_what_comes_to_a_clinic_with_an_archive_asks(
    archive: RemoteEntity, upload: Upload, stranger: User, other_clinic: Clinic, settings: LazySettings
) -> None:
    theirs = new_patient(other_clinic, stranger, "1")
    upload(of=theirs, by=stranger, seed=1)
    settings.PRIORS_PER_HOUR = 0
    upload(seed=2)
    settings.PRIORS_PER_HOUR = 60
    RemoteEntity.objects.update(is_active=False)
    upload(seed=3)
    assert not PriorRetrieval.objects.exists()
    RemoteEntity.objects.update(is_active=True)
    study = upload(seed=4).study
    assert only().study == study


def test_a_study_asks_once_however_many_images_it_has(archive: RemoteEntity, arrive: Arrive, patient: Patient) -> None:
    for _ in range(3):
        arrive(**in_study("1.5.9", **BERG))
    assert only().study
    assert Scan.objects.count() == 3


@pytest.mark.parametrize(
    "said",
    [
        {"PatientID": "MRN-0002"},
        {"PatientID": ""},
        {"PatientName": "Quist^Ole"},
        {"PatientBirthDate": "19580315"},
        {"IssuerOfPatientID": "ELSEWHERE"},
    ],
)
def test_what_the_archive_has_of_somebody_else_is_refused(new: Study, pacs: Pacs, said: dict[str, str]) -> None:
    RemoteEntity.objects.update(patient_issuer="HOSPITAL")
    pacs.names = [answer(**said)]
    go()
    row = only()
    assert (row.status, row.last_answer) == (S.FAILED, retrieving.ONLY_OTHERS)
    assert not pacs.sent
    pacs.names = [answer(**said), answer(f"{OLD}.5", IssuerOfPatientID="HOSPITAL")]
    PriorRetrieval.objects.update(status=S.WANTED)
    later()
    go()
    row = only()
    assert (row.status, pacs.sent) == (S.DONE, [f"{OLD}.5"])
    assert row.last_answer.splitlines() == [retrieving.FETCHED, retrieving.OTHERS]


def test_an_image_of_another_patient_waits_for_a_person(
    new: Study, pacs: Pacs, clinic: Clinic, patient: Patient, radiographer: User
) -> None:
    """The archive names the right person, and its file another one: one of this clinic, and nobody here."""
    other = new_patient(clinic, radiographer, "MRN-0002", born=date(1960, 1, 1))
    theirs = {
        "patient_id": "MRN-0002",
        "patient_name": f"{other.family_name}^{other.given_name}",
        "birth_date": other.birth_date,
    }
    nobody = {**BERG, "patient_id": "NOBODY"}
    pacs.names = [answer()]
    pacs.files[OLD] = [
        xray_dicom(**in_study(OLD, seed=1, **theirs)),
        xray_dicom(**in_study(OLD, seed=2, **nobody)),
        xray_dicom(**in_study("1.2.3.999", seed=3, **BERG)),
    ]
    go()
    assert not Study.objects.exclude(fetched_from="").exists()
    reasons = ReceivedInstance.objects.order_by("received_at").values_list("status", "reason_params__variant")
    assert list(reasons) == [
        ("waiting", "not_asked_for"),
        ("waiting", "unknown_patient"),
        ("waiting", "not_asked_for"),
    ]
    # Attached by a person, it still is a prior.
    row = ReceivedInstance.objects.get(reason_params__variant="unknown_patient")
    attach(row, patient, radiographer)
    turn()
    row.refresh_from_db()
    assert row.scan
    assert row.scan.study.is_prior


@pytest.mark.parametrize("how", ["here", "taken back", "erased", "undecided", "on its way"])
def test_what_is_here_is_not_fetched(
    how: str, new: Study, pacs: Pacs, clinic: Clinic, radiographer: User, archive: RemoteEntity, upload: Upload
) -> None:
    other = upload(seed=9).study if how == "taken back" else came_in(archive, new.patient, radiographer)
    others = PriorRetrieval.objects.filter(study=other)
    others.update(status=S.DONE)
    if how == "erased":
        ErasedStudy.objects.create(clinic=clinic, digest=digest_of(OLD))
    elif how == "undecided":
        ReceivedStudy.objects.create(clinic=clinic, entity=archive, key="1", study_instance_uid=OLD)
    elif how == "on its way":
        others.update(found=[{"uid": OLD, "state": "fetched", "count": 1}])
    else:
        Study.objects.filter(pk=other.pk).update(study_instance_uid=OLD)
    if how == "taken back":
        take_back(by=radiographer, study=other)
    pacs.names = [answer()]
    go()
    row = PriorRetrieval.objects.get(study=new)
    assert (pacs.sent, row.status, row.last_answer) == ([], S.DONE, retrieving.NONE)


def test_which_studies_are_fetched(new: Study, pacs: Pacs) -> None:
    """The newest ones of the chest that were made before; what is not said speaks against nothing."""
    today = f"{timezone.localdate(new.taken_at):%Y%m%d}"
    pacs.names = [
        answer("1.1", StudyDate="20180101"),
        answer("1.2", StudyDate="20190101", ModalitiesInStudy=["CT", "SR"]),
        answer("1.3", StudyDate="20170101", ModalitiesInStudy="", StudyDescription=""),
        answer("1.4", ModalitiesInStudy="MR"),
        answer("1.5", StudyDescription="Abdomen CT"),
        answer("1.6", StudyDescription="Thorax and abdomen", StudyDate="20210101"),
        answer("1.7", StudyDate=today),
        answer("1.8", StudyDate=""),
        answer("1.9", NumberOfStudyRelatedInstances=str(choosing.MOST_INSTANCES + 1)),
        answer("not a UID!"),
    ]
    go()
    assert sorted(pacs.sent) == ["1.1", "1.2", "1.6"], "three at most, the newest"
    assert only().last_answer.splitlines()[-1] == retrieving.LARGE


def test_an_archive_that_is_away_is_asked_later_and_not_for_ever(
    new: Study, pacs: Pacs, archive: RemoteEntity, administrator: User
) -> None:
    another = came_in(archive, new.patient, administrator)
    pacs.error = querying.Unreachable(querying.NOBODY)
    go()
    assert len(pacs.asked) == 1, "the other one waits with it"
    row = PriorRetrieval.objects.get(study=new)
    assert (row.status, row.last_answer, row.held_until) == (S.WANTED, querying.NOBODY, None)
    assert {one.next_attempt_at > timezone.now() for one in PriorRetrieval.objects.all()} == {True}
    PriorRetrieval.objects.filter(study=another).delete()
    for _ in range(retrieving.MOST_ATTEMPTS):
        later()
        go()
    row.refresh_from_db()
    assert (row.status, row.attempts) == (S.FAILED, retrieving.MOST_ATTEMPTS)
    assert len(pacs.asked) == retrieving.MOST_ATTEMPTS
    # By hand, when it is there again.
    pacs.error, pacs.names = None, [answer()]
    client = Client()
    client.force_login(administrator)
    page = client.get(reverse("network:priors"))
    assert querying.NOBODY in page.content.decode()
    client.post(reverse("network:prior-again", args=[row.pk]))
    go()
    row.refresh_from_db()
    assert (row.status, row.attempts, pacs.sent) == (S.DONE, 1, [OLD])


def test_what_broke_off_goes_on_where_it_was(new: Study, pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    pacs.names = [answer("1.1", StudyDate="20180101"), answer("1.2", StudyDate="20190101")]
    fetch = pacs.get

    def breaks_off(entity: RemoteEntity, uid: str, **more: Any) -> querying.Sent:
        if uid == "1.1":
            raise querying.TryAgain(querying.CUT_OFF)
        return fetch(entity, uid, **more)

    monkeypatch.setattr(querying, "get", breaks_off)
    go()
    row = only()
    assert (row.status, row.last_answer, row.came) == (S.FETCHING, querying.CUT_OFF, 1)
    monkeypatch.setattr(querying, "get", fetch)
    later()
    go()
    assert (only().status, pacs.sent, len(pacs.asked)) == (S.DONE, ["1.2", "1.1"], 1)


def test_a_lost_worker_and_an_unexpected_error_lose_nothing(
    new: Study, pacs: Pacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert retrieving._claim_next()
    assert retrieving._claim_next() is None, "somebody holds it"
    PriorRetrieval.objects.update(held_until=timezone.now() - timedelta(seconds=1))
    pacs.error = RuntimeError("a defect")
    go()
    assert (only().status, only().last_answer) == (S.WANTED, retrieving.UNEXPECTED)
    # Whoever comes back after its lease changes nothing.
    later()
    stale = retrieving._claim_next()
    assert stale
    PriorRetrieval.objects.update(held_until=timezone.now() + timedelta(hours=1))
    pacs.error, pacs.names = None, [answer()]
    retrieving.retrieve(stale, arrived=lambda: None)
    assert (only().status, pacs.sent) == (S.WANTED, [])


def test_an_archive_is_not_asked_too_often(
    new: Study, pacs: Pacs, archive: RemoteEntity, radiographer: User, settings: LazySettings
) -> None:
    came_in(archive, new.patient, radiographer)
    assert retrieving._claim_next()
    assert retrieving._claim_next() is None, "by one at a time"
    PriorRetrieval.objects.update(held_until=None, begun_at=None)
    settings.PRIORS_PER_HOUR = 1
    go()
    assert len(pacs.asked) == 1
    PriorRetrieval.objects.update(begun_at=timezone.now() - timedelta(hours=2))
    assert retrieving.is_due()


def test_what_may_not_be_asked_any_more_is_not(
    new: Study, pacs: Pacs, patient: Patient, administrator: User, archive: RemoteEntity
) -> None:
    def refused() -> str:
        PriorRetrieval.objects.update(status=S.WANTED, next_attempt_at=timezone.now())
        go()
        assert not pacs.asked
        assert only().status == S.FAILED
        return only().last_answer

    Patient.objects.filter(pk=patient.pk).update(medical_record_number="MRN*")
    assert refused() == retrieving.NO_NUMBER
    Patient.objects.filter(pk=patient.pk).update(medical_record_number="MRN-0001")
    mark_confidential(by=administrator, patient=patient)
    assert refused() == retrieving.CONFIDENTIAL
    RemoteEntity.objects.update(priors_by=PriorsBy.NONE)
    assert refused() == retrieving.NO_SOURCE
    study_erased.send(Study, study=new)
    assert refused() == retrieving.GONE
    assert only().study is None


def test_what_somebody_sends_is_work_although_it_was_fetched(
    new: Study, pacs: Pacs, send: Arrive, radiographer: User, patient: Patient
) -> None:
    """The same bytes by the modality; another image of the study; the same file uploaded by hand."""
    ways: dict[str, Callable[[bytes, str], Any]] = {
        "1.1": lambda data, uid: send(data, uid=f"{uid}.0"),
        "1.2": lambda _data, uid: send(**in_study(uid, seed=900, **BERG)),
        "1.3": lambda data, _uid: upload_scan(by=radiographer, patient=patient, data=data, name="a.dcm"),
    }
    for number, uid in enumerate(ways):
        pacs.names.append(answer(uid, StudyDate=f"2019010{number + 1}"))
        pacs.files[uid] = [xray_dicom(**in_study(uid, seed=600 + number, **BERG))]
    go()
    assert Study.objects.exclude(fetched_from="").count() == 3
    for uid, way in ways.items():
        way(pacs.files[uid][0], uid)
        turn()
        study = Study.objects.get(study_instance_uid=uid)
        assert not study.is_prior, uid
        assert study.reviews.count() == 1, uid
        assert study.analyses.count() == 1, uid
        assert study.prior_retrievals.count() == 1, uid


def test_programs_see_where_a_prior_came_from(
    new: Study, pacs: Pacs, radiologist: User, radiographer: User, patient: Patient, client: Client
) -> None:
    """And, by the tag and by the time of the last change, that it is work from when somebody sends the same bytes."""
    pacs.names = [answer()]
    [data] = pacs.files[OLD] = [xray_dicom(**in_study(OLD, seed=5, **BERG))]
    RemoteEntity.objects.update(title="OLD ARCHIVE")
    go()
    prior = Study.objects.get(study_instance_uid=OLD)
    client.force_login(radiologist)
    addresses = f"/api/v1/studies/{prior.pk}/", f"/fhir/ImagingStudy/{prior.pk}"
    rest, fhir = (client.get(address) for address in addresses)
    assert rest.json()["fetched_from"] == "OLD ARCHIVE"
    assert fhir.json()["meta"]["source"] == f"urn:uuid:{prior.clinic_id}#OLD%20ARCHIVE"
    assert "OLD ARCHIVE" in fhir.json()["note"][0]["text"]
    bundle = client.get(f"/fhir/ImagingStudy?_id={prior.pk}").json()
    assert not faults([fhir.json(), bundle])
    fetched_at = timezone.now()
    upload_scan(by=radiographer, patient=patient, data=data, name="a.dcm")
    sent = [
        client.get(address, headers={"If-None-Match": before["ETag"]})
        for address, before in zip(addresses, (rest, fhir), strict=True)
    ]
    assert [answered.status_code for answered in sent] == [200, 200]
    assert sent[0].json()["fetched_from"] == ""
    assert {"source", "note"}.isdisjoint({*sent[1].json(), *sent[1].json()["meta"]})
    since = client.get("/fhir/ImagingStudy", {"_lastUpdated": f"ge{fetched_at.isoformat()}"}).json()
    assert [one["resource"]["id"] for one in since["entry"]] == [str(prior.pk)]


def test_what_is_sent_before_it_is_sorted_is_work(new: Study, pacs: Pacs, send: Arrive, entity: RemoteEntity) -> None:
    pacs.names = [answer()]
    data = pacs.files[OLD] = [xray_dicom(**in_study(OLD, seed=5, **BERG))]
    retrieving.retrieve_some(arrived=lambda: None)
    row = send(data[0], uid=f"{OLD}.0")
    turn()
    row.refresh_from_db()
    assert row.scan
    assert (row.entity, row.retrieval, row.scan.study.is_prior) == (entity, None, False)


def test_what_was_sent_meanwhile_is_not_fetched(new: Study, pacs: Pacs, arrive: Arrive) -> None:
    pacs.names = [answer()]
    row = retrieving._claim_next()
    assert row
    retrieving._ask(row)
    arrive(**in_study(OLD, seed=5, **BERG))
    retrieving.retrieve(row, arrived=lambda: None)
    assert not pacs.sent
    row.refresh_from_db()
    assert (row.status, row.found[0]["state"]) == (S.DONE, "here")


def test_nothing_is_asked_that_the_trail_cannot_tell(new: Study, pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def fails(*_args: Any, **_fields: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(retrieving, "record_before", fails)
    go()
    assert (pacs.asked, only().last_answer) == ([], retrieving.UNAUDITED)


def test_an_erased_prior_leaves_no_word(new: Study, pacs: Pacs) -> None:
    pacs.names = [answer()]
    go()
    prior = Study.objects.get(study_instance_uid=OLD)
    study_erased.send(Study, study=prior)
    assert only().found == []
    assert only().study == new


def test_who_sees_the_list(
    new: Study, pacs: Pacs, administrator: User, radiographer: User, stranger: User, member: Callable[..., User]
) -> None:
    row, client = only(), Client()
    for user, expected in ((administrator, 200), (radiographer, 403)):
        client.force_login(user)
        assert client.get(reverse("network:priors")).status_code == expected
    client.force_login(stranger)
    assert client.post(reverse("network:prior-again", args=[row.pk])).status_code == 404
    client.force_login(administrator)
    pacs.names = [answer()]
    go()
    for state in (*S.values, "other"):
        page = client.get(reverse("network:priors"), {"status": state}).content.decode()
        assert ("ARCHIVE</td>" in page) == (state in (S.DONE, "other"))
    prior = Study.objects.get(study_instance_uid=OLD)
    for name, key in (("study-detail", prior.pk), ("patient-detail", prior.patient_id)):
        page = client.get(reverse(f"diagnosis:{name}", args=[key])).content.decode()
        assert "Prior, fetched from ARCHIVE" in page, name


def test_an_archive_that_is_asked_says_where(archive: RemoteEntity, settings: LazySettings) -> None:
    archive.clean()
    settings.DICOM_PORT = 0
    for wrong in ({"query_host": ""}, {"query_port": None}, {"priors_by": PriorsBy.MOVE}):
        spoilt = RemoteEntity(**{"title": "ARCHIVE", "query_host": "a", "query_port": 1, "priors_by": "get", **wrong})
        with pytest.raises(ValidationError):
            spoilt._clean_queries()
    settings.PRIORS_PER_HOUR = 0
    with pytest.raises(ValidationError):
        archive.clean()


def test_what_is_moved_to_the_listener_belongs_to_its_retrieval(archive: RemoteEntity, new: Study) -> None:
    row = retrieving._claim_next()
    assert row
    assert row.message_id
    assert PriorRetrieval.objects.moved_for(archive.clinic, row.message_id) == row
    assert PriorRetrieval.objects.moved_for(archive.clinic, row.message_id + 1) is None
    instance = Instance(CLASS, "1.2.3", "", b"", xray_dicom(**in_study(OLD, seed=1, **BERG)), "192.0.2.9")
    assert store(instance, entity=archive, retrieval=row).retrieval == row


def test_a_worker_starts_a_process_where_something_is_due(
    archive: RemoteEntity, pacs: Pacs, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], **_: Any) -> None:
            started.append(command)

        def wait(self) -> None: ...

    monkeypatch.setattr(tasks.subprocess, "Popen", Process)
    tasks.fetch_priors()
    assert not started
    upload()
    tasks.fetch_priors()
    (command,) = started
    call_command(command[-1])
    assert only().status == S.DONE


def test_images_that_join_a_prior_make_it_work(
    new: Study, pacs: Pacs, arrive: Arrive, administrator: User, patient: Patient
) -> None:
    """By a person who moves them there: they wait to be read, and go on doing so."""
    pacs.names = [answer()]
    go()
    prior = Study.objects.get(study_instance_uid=OLD)
    image = arrive(**in_study("1.5.4", seed=40, **BERG)).scan
    assert image
    move_images(by=administrator, images=[image.pk], study=image.study, target=prior, reason="Of the same day.")
    prior.refresh_from_db()
    assert not prior.is_prior
    assert prior.reviews.open().exists()
