"""DICOMweb, asked by dicomweb-client over a socket: what it finds, what it fetches, and what it is never shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from django.test import Client
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless, generate_uid
from pytest_django.live_server_helper import LiveServer

from accounts.models import ApiToken, Clinic, User
from audit.models import AuditEvent
from diagnosis.actions.confidentiality import mark_confidential
from diagnosis.actions.regrouping import move_images
from diagnosis.actions.scan import upload_scan
from diagnosis.actions.study import amend_study
from diagnosis.actions.withdrawal import take_back
from diagnosis.models import Patient, Scan
from diagnosis.models.scan import Modality
from network import sorting, tasks
from network.models import ReceivedInstance, ReceivedStudy
from tests.factories import new_patient
from tests.images import ct_dicom, xray_dicom, xray_png

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = "/api/dicom-web"
RELATED = 'multipart/related; type="application/dicom"'


@dataclass
class World:
    """`files`: what was sent, by its SOP instance UID. The file of the X-ray names its patient wrongly."""

    patient: Patient
    ct: str
    x_ray: str
    hidden: dict[str, str]
    files: dict[str, bytes] = field(default_factory=dict)

    def send(self, by: User, patient: Patient, data: bytes) -> Scan:
        scan = upload_scan(by=by, patient=patient, data=data, name="a.dcm", identity_confirmed=True).scan
        self.files[scan.sop_instance_uid] = data
        return scan


def _rle(data: bytes) -> bytes:
    dataset = pydicom.dcmread(BytesIO(data))
    dataset.compress(RLELossless, generate_instance_uid=False)
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


@pytest.fixture
def world(
    patient: Patient,
    radiographer: User,
    administrator: User,
    member: Callable[..., User],
    clinic: Clinic,
    other_clinic: Clinic,
) -> World:
    """A CT of two slices, an X-ray that is stored encoded, a PNG; and what nobody of the clinic may be shown here."""
    other = member("radiographer", at=other_clinic)
    hidden = {name: generate_uid() for name in ("elsewhere", "closed", "taken back")}
    made = World(patient, generate_uid(), generate_uid(), hidden)
    series = generate_uid()
    for number in (1, 2):
        uids = {"StudyInstanceUID": made.ct, "SeriesInstanceUID": series, "SOPInstanceUID": generate_uid()}
        told = {"InstanceNumber": number, "AccessionNumber": "A17", "StudyDate": "20260102", "AcquisitionDate": ""}
        told |= {"ContentDate": "", "SeriesDate": "", "StudyTime": "101500"}
        made.send(radiographer, patient, ct_dicom(overrides={**uids, **told}, seed=number))
    wrong = xray_dicom(overrides={"StudyInstanceUID": made.x_ray, **of_person()}, patient_name="W^N", patient_id="W")
    made.send(radiographer, patient, _rle(wrong))
    upload_scan(by=radiographer, patient=patient, data=xray_png(), name="a.png", modality=Modality.CXR)
    closed = new_patient(clinic, radiographer, "CLOSED")
    for number, (by, whose, uid) in enumerate(
        [
            (other, new_patient(other_clinic, other, "OTHER"), hidden["elsewhere"]),
            (radiographer, closed, hidden["closed"]),
            (radiographer, patient, hidden["taken back"]),
        ]
    ):
        scan = made.send(by, whose, xray_dicom(overrides={"StudyInstanceUID": uid}, seed=number + 3))
    take_back(by=radiographer, study=scan.study)
    mark_confidential(by=administrator, patient=closed)
    return made


def of_person() -> dict[str, Any]:
    """What a file says of a person beside the four attributes that the record has."""
    replaced = Dataset()
    replaced.ModifiedAttributesSequence = [Dataset()]
    replaced.ModifiedAttributesSequence[0].PatientID = "WITHHELD before"
    asked = Dataset()
    asked.RequestedProcedureID, asked.PatientComments = "P1", "WITHHELD within"
    return {
        "OtherPatientIDs": ["WITHHELD 1", "WITHHELD 2"],
        "PatientAddress": "WITHHELD",
        "PatientComments": "WITHHELD",
        "PatientBirthTime": "081500",
        "AdmissionID": "WITHHELD",
        "ClinicalTrialSubjectID": "WITHHELD",
        "OriginalAttributesSequence": [replaced],
        "RequestAttributesSequence": [asked],
    }


@pytest.fixture
def client(live_server: LiveServer, clinician: User) -> DICOMwebClient:
    return _client(live_server, clinician)


def _client(live_server: LiveServer, user: User) -> DICOMwebClient:
    _, secret = ApiToken.objects.issue(membership=user.memberships.get(), name="viewer")
    return DICOMwebClient(live_server.url + ROOT, headers={"Authorization": f"Bearer {secret}"})


def values(found: list[dict[str, Any]], tag: str) -> list[Any]:
    return [one[tag].get("Value", [None])[0] for one in found]


def test_what_a_program_finds_and_fetches(world: World, client: DICOMwebClient, live_server: LiveServer) -> None:
    studies = client.search_for_studies()
    assert values(studies, "0020000D") == [world.x_ray, world.ct]  # no PNG, and nothing that is hidden
    assert [one["00080061"]["Value"] for one in studies] == [["DX"], ["CT"]]
    assert values(studies, "00201208") == [1, 2]
    _finds_by_keys(world, client)
    _fetches_the_ct(world, client)
    _fetches_the_encoded_x_ray(world, client)
    _draws(world, client)
    _says_who_looked(world)


def _finds_by_keys(world: World, client: DICOMwebClient) -> None:
    """Each key finds the CT, and not everything."""
    name = f"{world.patient.family_name[:3].lower()}*"
    for keys in (
        {"StudyDate": "20260101-20260131", "StudyTime": "10-1015"},
        {"StudyDate": "20260102-", "PatientName": name, "PatientID": world.patient.medical_record_number},
        {"AccessionNumber": "A?7"},
        {"00080050": "A17", "StudyInstanceUID": f"{world.ct},1.2.3"},
        {"ModalitiesInStudy": "CT", "StudyDescription": "*"},
    ):
        found = client.search_for_studies(search_filters=keys, fields=["StudyDescription"])
        assert values(found, "0020000D") == [world.ct], keys
    for keys in (
        {"StudyDate": "20260103-"},
        {"AccessionNumber": "a17"},
        {"PatientName": "wrong*"},
        {"StudyTime": "11"},
    ):
        assert not client.search_for_studies(search_filters=keys), keys
    assert values(client.search_for_studies(limit=1, offset=1), "0020000D") == [world.ct]
    assert len(client.search_for_series()) == 2
    assert len(client.search_for_instances()) == 3
    [series] = client.search_for_series(world.ct, search_filters={"Modality": "CT"})
    assert values([series], "00201209") == [2]
    [second] = client.search_for_instances(
        world.ct, series["0020000E"]["Value"][0], search_filters={"InstanceNumber": 2}
    )
    assert {"00080016", "00080018", "00280010", "00080056", "00081190"} <= second.keys()
    [whole] = client.search_for_instances(world.ct, search_filters={"InstanceNumber": 2}, fields=["all"])
    assert "00281052" in whole
    for asked in ("NoKey=1", "SOPClassUID=1.2.3", "StudyDate=yesterday", "limit=-1", "includefield=Nothing"):
        assert _get(client, f"studies?{asked}").status_code == 400, asked
    fuzzy = _get(client, "studies?fuzzymatching=true&PatientName=nobody")
    assert (fuzzy.json(), fuzzy.headers["Warning"][:4]) == ([], "299 ")


def _fetches_the_ct(world: World, client: DICOMwebClient) -> None:
    told = client.retrieve_study_metadata(world.ct)
    assert values(told, "00200013") == [1, 2]
    series = told[0]["0020000E"]["Value"][0]
    assert client.retrieve_series_metadata(world.ct, series) == told
    uids = values(told, "00080018")
    for fetched in (client.retrieve_study(world.ct), client.retrieve_series(world.ct, series)):
        assert [dataset.SOPInstanceUID for dataset in fetched] == uids
    for uid in uids:
        assert client.retrieve_instance(world.ct, series, uid) == pydicom.dcmread(BytesIO(world.files[uid]))
        [frame] = client.retrieve_instance_frames(world.ct, series, uid, [1])
        assert frame == pydicom.dcmread(BytesIO(world.files[uid])).PixelData
    # Byte for byte, between the boundaries.
    answer = _get(client, f"studies/{world.ct}", accept=RELATED)
    boundary = answer.headers["Content-Type"].rpartition("boundary=")[2].encode()
    parts = [part.partition(b"\r\n\r\n")[2] for part in answer.content.split(b"--" + boundary)[1:-1]]
    assert [part.removesuffix(b"\r\n") for part in parts] == [world.files[uid] for uid in uids]
    assert _get(client, f"studies/{world.ct}/series/{series}/instances/{uids[0]}/frames/2").status_code == 404


def _fetches_the_encoded_x_ray(world: World, client: DICOMwebClient) -> None:
    """As it is stored, and only to a client that takes it so. The metadata say who it is by the record."""
    [told] = client.retrieve_study_metadata(world.x_ray)
    assert told["00100020"]["Value"] == [world.patient.medical_record_number]
    assert told["00100010"]["Value"][0]["Alphabetic"].startswith(world.patient.family_name)
    assert told["00083002"]["Value"] == [RLELossless]
    # Of the person nothing beside that; the instance itself is the bytes as they came.
    assert sorted(tag for tag in told if tag.startswith("0010")) == ["00100010", "00100020", "00100030", "00100040"]
    assert "WITHHELD" not in str(told)
    assert "'081500" not in str(told)  # at the beginning of a value: some UID may have the digits
    assert told["00400275"]["Value"][0] == {"00401001": {"vr": "SH", "Value": ["P1"]}}
    series, uid = told["0020000E"]["Value"][0], told["00080018"]["Value"][0]
    stored = pydicom.dcmread(BytesIO(world.files[uid]))
    [fetched] = client.retrieve_study(world.x_ray, media_types=(("application/dicom", "*"),))
    assert fetched == stored
    where = f"studies/{world.x_ray}/series/{series}/instances/{uid}"
    [expected] = pydicom.encaps.generate_frames(stored.PixelData, number_of_frames=1)
    for accept, kind in {
        'multipart/related; type="application/octet-stream"; transfer-syntax=*': b"application/octet-stream",
        "multipart/related; type=image/dicom-rle": b"image/dicom-rle",
        "*/*": b"image/dicom-rle",
    }.items():
        answer = _get(client, f"{where}/frames/1", accept=accept)
        assert expected in answer.content
        assert b"Content-Type: %s; transfer-syntax=%s" % (kind, RLELossless.encode()) in answer.content
    for path, accept in {
        f"studies/{world.x_ray}": RELATED,
        where: f"{RELATED}; transfer-syntax=1.2.840.10008.1.2.4.50",
        f"{where}/frames/1": 'multipart/related; type="application/octet-stream"',
        f"{where}/metadata": 'multipart/related; type="application/dicom+xml"',
        f"{where}/rendered": "video/mpeg",
        "studies": "text/html",
    }.items():
        assert _get(client, path, accept=accept).status_code == 406, (path, accept)


def _draws(world: World, client: DICOMwebClient) -> None:
    [told] = client.retrieve_study_metadata(world.x_ray)
    series, uid = told["0020000E"]["Value"][0], told["00080018"]["Value"][0]
    where = f"studies/{world.x_ray}/series/{series}/instances/{uid}"
    png = client.retrieve_instance_rendered(world.x_ray, series, uid, media_types=("image/png",))
    jpeg = _get(client, f"{where}/frames/1/rendered?viewport=100,100", accept="*/*")
    drawn, small = Image.open(BytesIO(png)), Image.open(BytesIO(jpeg.content))
    assert (drawn.size, small.size, small.format) == ((256, 256), (100, 100), "JPEG")
    assert np.asarray(drawn).std() > 10
    for path in (f"studies/{world.x_ray}/thumbnail", f"{where}/thumbnail"):
        assert _get(client, path, accept="image/*").headers["Content-Type"] == "image/jpeg"
    assert _get(client, f"{where}/rendered?window=1,2,linear").status_code == 400


def _says_who_looked(world: World) -> None:
    entries = AuditEvent.objects.filter(route__contains="dicomweb:")
    assert entries.exclude(patient=None).count() > 20
    assert {entry.patient for entry in entries} <= {world.patient.pk, None}
    listed = entries.filter(route="GET dicomweb:dicom-find-studies").first()
    assert listed and world.patient.pk.hex in listed.patients.split()


def _get(client: DICOMwebClient, path: str, accept: str = "*/*") -> requests.Response:
    headers = {**client._session.headers, "Accept": accept}
    return requests.get(f"{client.base_url}/{path}", headers=headers, timeout=30)


def test_searches_and_metadata_say_the_same_of_a_study(
    patient: Patient, radiographer: User, administrator: User, clinician: User
) -> None:
    """Where the header has several dates or none, where images were moved, and where a study was split."""
    Patient.objects.filter(pk=patient.pk).update(given_name="")
    patient.clinic.time_zone = "Asia/Tokyo"  # no header says it
    patient.clinic.save()
    made = World(patient, "", "", {})

    def sent(seed: int, **header: Any) -> Scan:
        header = {"StudyInstanceUID": generate_uid(), "SOPInstanceUID": generate_uid()} | header
        header |= {"StudyDate": "20200101", "StudyTime": "101500", "StudyID": f"S{min(seed, 4)}"}
        return made.send(radiographer, patient, xray_dicom(overrides=header | without.get(seed, {}), seed=seed))

    without = {2: dict.fromkeys(("StudyDate", "StudyTime", "AcquisitionDate", "AcquisitionTime"), "")}
    later = {"AcquisitionDate": "20200102", "AcquisitionTime": "000130"}
    dated = sent(1, AccessionNumber="A1", ReferringPhysicianName="Holm^Anna", StudyDescription="Chest PA", **later)
    undated = sent(2, AccessionNumber="A2")
    amend_study(by=radiographer, study=undated.study, examined_on=date(2024, 5, 6))
    moved = sent(3, AccessionNumber="A3", **later)
    how: dict[str, Any] = {"by": administrator, "reason": "One examination."}
    move_images(study=moved.study, images=[moved.pk], target=undated.study, **how)
    uid = {"StudyInstanceUID": generate_uid()}
    split = [sent(seed, AcquisitionDate=f"2021010{seed}", AcquisitionTime="0900", **uid) for seed in (4, 5)]
    move_images(study=split[0].study, images=[split[1].pk], target=None, **how)

    expected = {
        dated.study_instance_uid: ("20200102", "000130", "A1", "S1", 1),
        undated.study_instance_uid: ("20240506", None, "A2", "S2", 2),
        uid["StudyInstanceUID"]: ("20210105", "090000", None, "S4", 2),
    }
    browser = Client()
    browser.force_login(clinician)

    def asked(path: str, **keys: str) -> list[dict[str, Any]]:
        answer = browser.get(f"{ROOT}/{path}", keys, headers={"Accept": "application/dicom+json"})
        return answer.json() if answer.status_code == 200 else []

    studies = asked("studies", PatientName=f"{patient.family_name.lower()}^^")
    assert dict(zip(values(studies, "0020000D"), told_of(studies), strict=True)) == expected
    for found in studies:
        [study] = values([found], "0020000D")
        for one in asked(f"studies/{study}/metadata"):
            assert {tag: one[tag] for tag in OF_EXAMINATION} == {tag: found[tag] for tag in OF_EXAMINATION}
        held = {tag: element["Value"][0] for tag, element in found.items() if tag in MATCHED and "Value" in element}
        keys = {tag: one["Alphabetic"] if isinstance(one, dict) else one for tag, one in held.items()}
        assert "00080020" in keys
        for level in ("studies", "series", "instances"):
            assert {*values(asked(level, **keys), "0020000D")} == {study}, (level, keys)
    # By the day of the file, of which the record has another one, and by what was there before, nothing is found.
    for keys in ({"StudyDate": "20200101"}, {"AccessionNumber": "A3"}, {"StudyDate": "20210104"}):
        for level in ("studies", "series", "instances"):
            assert asked(level, **keys) == [], (level, keys)


MATCHED = ("00080020", "00080030", "00080050", "00080090", "00081030", "00100010")
OF_EXAMINATION = (*MATCHED, "00100020", "00100030", "00100040", "0020000D")


def told_of(studies: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return list(zip(*(values(studies, tag) for tag in (*MATCHED[:3], "00200010", "00201208")), strict=True))


def test_a_study_leads_to_the_viewer_of_the_site(world: World, clinician: User, settings: Any) -> None:
    """Only where there is one, and only what it can show."""
    browser = Client()
    browser.force_login(clinician)
    pages = {scan.file_format: f"/studies/{scan.study_id}/" for scan in Scan.objects.filter(patient=world.patient)}
    assert "Open in OHIF" not in browser.get(pages["dicom"]).content.decode()
    settings.OHIF_URL = "https://portal.example/ohif/viewer"
    assert "Open in OHIF" not in browser.get(pages["png"]).content.decode()
    shown = browser.get(pages["dicom"]).content.decode()
    assert any(f"{settings.OHIF_URL}?StudyInstanceUIDs={uid}" in shown for uid in (world.ct, world.x_ray))


def test_what_a_program_is_never_shown(
    world: World, client: DICOMwebClient, live_server: LiveServer, member: Callable[..., User], clinic: Clinic
) -> None:
    """Another clinic's, closed, and taken back: there is no such study. Nor is there anything without a token."""
    scans = {scan.study_instance_uid: scan for scan in Scan.with_withdrawn.select_related("series")}
    for name, uid in world.hidden.items():
        scan = scans[uid]
        series = f"studies/{uid}/series/{scan.series.series_instance_uid}"
        instance = f"{series}/instances/{scan.sop_instance_uid}"
        for below in ("", "/metadata", "/thumbnail"):
            for where in (f"studies/{uid}", series, instance):
                assert _get(client, where + below).status_code == 404, (name, where + below)
        for where in (f"{instance}/frames/1", f"{instance}/rendered", f"{instance}/frames/1/rendered"):
            assert _get(client, where).status_code == 404, (name, where)
        assert not client.search_for_studies(search_filters={"StudyInstanceUID": uid}), name
        for where in (f"studies/{uid}/series", f"studies/{uid}/instances", f"{series}/instances"):
            assert _get(client, where).status_code == 404, (name, where)
    assert requests.get(f"{live_server.url}{ROOT}/studies", timeout=30).status_code == 401
    # A UID that stands with two people is nobody's, until somebody has corrected it.
    radiographer = member("radiographer")
    second = new_patient(clinic, radiographer, "SECOND", born=date(1970, 1, 1))
    world.send(radiographer, second, ct_dicom(overrides={"StudyInstanceUID": world.ct}, seed=9))
    assert _get(client, f"studies/{world.ct}/metadata").json()["code"] == "ambiguous_study"


def test_what_a_program_sends(
    world: World, live_server: LiveServer, radiographer: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored as by C-STORE, and filed by the same rules; what is refused is named with its reason."""
    woken: list[str] = []
    monkeypatch.setattr(tasks, "wake", lambda: woken.append("once"))
    settings.DICOMWEB_STORE = True
    sender = _client(live_server, radiographer)
    known, unknown = generate_uid(), generate_uid()
    person = {"patient_id": world.patient.medical_record_number, "birth_date": world.patient.birth_date}
    person |= {"patient_name": f"{world.patient.family_name}^{world.patient.given_name}"}
    ours = xray_dicom(overrides={"StudyInstanceUID": known}, seed=11, **person)
    theirs = xray_dicom(overrides={"StudyInstanceUID": unknown}, seed=12, patient_name="Nobody^Known", patient_id="N1")
    answer = _send(sender, "studies", ours, theirs)
    assert (answer.status_code, answer.json().keys()) == (200, {"00081199"})
    assert len(answer.json()["00081199"]["Value"]) == 2
    while sorting.sort_some(seconds=600):
        pass
    assert Scan.objects.get(study_instance_uid=known).patient == world.patient
    assert [dataset.StudyInstanceUID for dataset in sender.retrieve_study(known)] == [known]
    assert AuditEvent.objects.filter(route="DICOMweb STOW-RS", patient=world.patient.pk).count() == 1
    assert woken == ["once"]
    waiting = ReceivedStudy.objects.waiting().get()
    assert (waiting.study_instance_uid, waiting.entity.networks) == (unknown, "")
    # The same again is known; what cannot be taken is said, and the rest is taken.
    film = pydicom.dcmread(BytesIO(theirs))
    film.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.1"
    other = BytesIO()
    pydicom.dcmwrite(other, film)
    settings.UPLOAD_MAX_BYTES = len(theirs) + 1000
    answer = _send(sender, f"studies/{known}", ours, theirs, other.getvalue(), b"no DICOM", bytes(len(theirs) + 2000))
    assert answer.status_code == 202
    reasons = [one["00081197"]["Value"][0] for one in answer.json()["00081198"]["Value"]]
    assert reasons == [0xA900, 0x0122, 0xC000, 0xA700]
    assert ReceivedInstance.objects.count() == 2
    assert _send(sender, "studies", b"no DICOM").status_code == 409
    # Nobody else, nothing else, and not by half.
    assert requests.post(f"{live_server.url}{ROOT}/studies", data=b"", timeout=30).status_code == 401
    assert _send(sender, "studies", ours, kind="application/dicom+json").status_code == 415
    del woken[:]
    late = xray_dicom(overrides={"StudyInstanceUID": unknown}, seed=13, patient_name="Nobody^Known", patient_id="N1")
    assert _send(sender, "studies", late, late[:2000], end=b"").json()["code"] == "bad_multipart"
    # What came before the body broke off is stored, told and sorted.
    assert ReceivedInstance.objects.count() == 3
    broken = AuditEvent.objects.filter(route="POST dicomweb:dicom-find-studies").order_by("pk").last()
    assert broken and broken.detail["stored"] == "1"
    assert woken == ["once"]
    settings.DICOMWEB_STORE = False
    assert _send(sender, "studies", ours).json()["code"] == "dicomweb_store_off"
    entry = AuditEvent.objects.filter(route="POST dicomweb:dicom-find-studies").first()
    assert entry and (entry.person, entry.detail["stored"]) == (radiographer.pk, "2")


def _send(
    client: DICOMwebClient, path: str, *files: bytes, kind: str = "application/dicom", end: bytes = b"--x--"
) -> requests.Response:
    parts = [b"--x\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n" for data in files]
    headers = {**client._session.headers, "Content-Type": f'multipart/related; type="{kind}"; boundary=x'}
    body = b"".join(parts) + end
    return requests.post(f"{client.base_url}/{path}", data=body, headers=headers, timeout=60)
