"""Signed reads leave as a data set: training reads it, nobody is named in it, and it is whole or not there."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image

from accounts.models import Clinic, User
from audit.models import AuditEvent
from diagnosis.actions.correction import merge_patients
from diagnosis.actions.report import sign_report
from diagnosis.actions.report_correction import correct_report
from diagnosis.actions.scan import upload_scan
from diagnosis.exports import dataset, folder
from diagnosis.models import Patient, Report, Scan
from diagnosis.models.modality import Modality as Kind
from ml.imaging import render_png
from ml.imaging.phantom import chest_xray
from ml.spec import Modality
from ml.training.data.manifest import label_indices, read_rows
from ml.training.data.sampler import Sampler
from ml.training.data.split import by_group
from ml.training.modalities import LABELS
from tests.conftest import PASSWORD
from tests.factories import new_patient, read
from tests.images import SIDE, xray_dicom, xray_jpeg
from tests.integration.test_second_factor import SECRET, code_of_now

pytestmark = pytest.mark.django_db
NAME, REASON = "chest-2026", "For the thesis of Plantedcandidate"
NO_TEXT = {"BurnedInAnnotation": "NO"}
Reader = Callable[..., Report]


@pytest.fixture(autouse=True)
def _nothing_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The phantoms' word would keep every one of them here; `xray_jpeg` is drawn before, and has it."""
    xray_jpeg()
    monkeypatch.setattr("ml.imaging.phantom.xray.label_mask", lambda high, wide: np.zeros((high, wide), np.bool_))


@pytest.fixture
def uploaded(patient: Patient, radiographer: User) -> Callable[..., Scan]:
    def make(data: bytes | int, *, of: Patient = patient, name: str = "a") -> Scan:
        picture = render_png(chest_xray(SIDE, SIDE, seed=data)) if isinstance(data, int) else data
        return upload_scan(by=radiographer, patient=of, data=picture, name=name, modality=Kind.CXR).scan

    return make


@pytest.fixture
def signed(radiologist: User) -> Reader:
    """`signed(scan, "typical")`: its study is read without a result, unless `decision` says otherwise, and signed."""

    def make(scan: Scan, category: str = "negative", **words: Any) -> Report:
        report = read(radiologist, scan.reviews.get(), category=category, **words).report
        return sign_report(by=radiologist, report=report, password=PASSWORD)

    return make


@pytest.fixture
def export(
    clinic: Clinic, administrator: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Path, dict[str, Any]]]:
    """`export("1", "--since", "2026-01-01")`: the folder of that name, and its dataset.json."""

    def make(
        name: str, *further: object, called: str = NAME, by: User = administrator, password: str = PASSWORD
    ) -> tuple[Path, dict[str, Any]]:
        monkeypatch.setattr("diagnosis.management.commands.export_dataset.getpass", lambda _prompt: password)
        place = tmp_path / name
        told = ["--clinic", clinic.name, "--name", called, "--by", by.email, "--reason", REASON, *map(str, further)]
        call_command("export_dataset", str(place), *told, stdout=StringIO())
        return place, json.loads((place / "dataset.json").read_text())

    return make


def rows_of(place: Path) -> list[dict[str, str]]:
    with (place / "manifest.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def opened(file: Path) -> Image.Image:
    return Image.open(BytesIO(file.read_bytes()))


def everything(place: Path) -> bytes:
    """Names, bytes, and what lies compressed in pictures."""
    files = [one for one in place.rglob("*") if one.is_file()]
    pixels = [np.asarray(opened(one)).tobytes() for one in files if one.suffix == ".png"]
    names = [str(one.relative_to(place)).encode() for one in place.rglob("*")]
    return b"\n".join([*names, *(one.read_bytes() for one in files), *pixels])


def test_training_reads_what_leaves_and_nobody_is_named_in_it(
    clinic: Clinic, radiographer: User, administrator: User, export: Any, uploaded: Any, signed: Reader
) -> None:
    born, planted = date(1931, 7, 23), ["Plantedgiven", "PLANTEDACC", "Plantedward", "Plantedreporter", REASON]
    reports = []
    for number, category in enumerate(["negative", "typical"] * 2):
        of = new_patient(clinic, radiographer, f"MRN-PLANTED-{number}", born=born)
        header = {
            **NO_TEXT,
            "AccessionNumber": planted[1],
            "StudyDescription": planted[2],
            "OtherPatientIDs": "MRN-PLANTED",
        }
        told = {"patient_name": f"{of.family_name}^{planted[0]}", "patient_id": of.medical_record_number}
        data = xray_dicom(seed=number, birth_date=born, overrides=header, **told)
        if number == 3:
            comment = BytesIO()
            Image.open(BytesIO(render_png(chest_xray(SIDE, SIDE, seed=number)))).save(
                comment, "JPEG", quality=95, comment=of.family_name
            )
            data = comment.getvalue()
        scan = uploaded(data, of=of, name=f"{of.family_name}-{number}.dcm")
        planted += [of.family_name, of.medical_record_number, str(of.pk), of.pk.hex, str(scan.pk), scan.pk.hex]
        planted += filter(None, (scan.study_instance_uid, scan.series_instance_uid, scan.sop_instance_uid))
        reports.append(signed(scan, category, impression=planted[3]))
    planted += [clinic.name, str(clinic.pk), born.isoformat(), f"{born:%Y%m%d}", f"{born:%d.%m.%Y}"]

    place, said = export("1")
    found = everything(place).lower()
    assert [one for one in planted if one.encode().lower() in found] == []
    assert {(one.mode, one.size, *one.info) for one in map(opened, place.rglob("*.png"))} == {("L", (SIDE, SIDE))}
    assert {one.suffix for one in place.rglob("*") if one.is_file()} == {".png", ".csv", ".json", ".txt"}
    assert {one.stat().st_mode & 0o777 for one in [place, *place.rglob("*")]} == {0o700, 0o600}
    assert list(place.parent.iterdir()) == [place]

    rows = read_rows(place, Modality.CXR)
    assert (said["images"], said["groups"], said["labels"], said["left_out"]) == (4, 4, {"covid": 2, "normal": 2}, {})
    assert {row.source for row in rows} == {NAME}
    for row in rows_of(place):
        assert hashlib.sha256((place / row["path"]).read_bytes()).hexdigest() == row["sha256"]
    parts = by_group(place, Modality.CXR)
    sides = [{row.group for row in members} for members in parts.values()]
    assert sum(map(len, sides)) == len(set().union(*sides)) == 4
    labels = LABELS[Modality.CXR]
    drawn = Sampler.over(rows, label_indices(rows, labels)).draw(np.random.default_rng(1))
    assert sorted(drawn) == list(range(4))

    # Named by its content, and the trail vouches for it.
    assert said["manifest_sha256"] == hashlib.sha256((place / "manifest.csv").read_bytes()).hexdigest()
    assert said["version"] == f"{timezone.now():%Y-%m-%d}-{said['manifest_sha256'][:16]}"
    assert (said["exported_by"], said["previous"]) == (administrator.full_name, None)
    entry = AuditEvent.objects.get(event="110106")
    assert (entry.person, entry.outcome) == (administrator.pk, "0")
    assert set(entry.patients.split()) == {report.study.patient_id.hex for report in reports}
    description = hashlib.sha256((place / "dataset.json").read_bytes()).hexdigest()
    told = {"purpose": NAME, "reason": REASON, "version": said["version"], "dataset_sha256": description, "images": "4"}
    assert told.items() <= entry.detail.items()


def test_a_group_is_the_same_in_every_version_and_each_names_the_one_before(
    patient: Patient, radiographer: User, export: Any, uploaded: Any, signed: Reader, settings: Any,
    administrator: User, radiologist: User, other_clinic: Clinic,
) -> None:  # fmt: skip
    other = new_patient(patient.clinic, radiographer, "SECOND")
    report = signed(uploaded(1))
    signed(uploaded(2, of=other))
    first, before = export("1")
    group_of = {row["image"]: row["group"] for row in rows_of(first)}
    assert len(set(group_of.values())) == 2

    signed(uploaded(3))
    correct_report(by=radiologist, report=report, reason="Overlooked.", password=PASSWORD, category="typical")
    second, after = export("2", "--previous", first)
    again = {row["image"]: row["group"] for row in rows_of(second)}
    assert group_of.items() < again.items()
    assert set(again.values()) == set(group_of.values())
    assert after["previous"] == {
        "version": before["version"],
        "dataset_sha256": hashlib.sha256((first / "dataset.json").read_bytes()).hexdigest(),
        "added": 1,
        "removed": 0,
        "relabelled": 1,
        "regrouped": 0,
    }
    # The same images with the same labels are the same version of a day.
    assert export("3")[1]["manifest_sha256"] == after["manifest_sha256"]
    assert {row["group"] for row in rows_of(export("4", called="another")[0])}.isdisjoint(again.values())

    # One person's records become one group.
    merge_patients(by=administrator, source=other, target=patient, reason="The same person.")
    third, merged = export("5", "--previous", second)
    assert {row["group"] for row in rows_of(third)} < set(again.values())
    assert merged["previous"]["regrouped"] == 1

    refused = {"no version": third.parent, "another data set": first}
    for words, previous in refused.items():
        with pytest.raises(CommandError, match=words):
            export("6", "--previous", previous, called="another")
    (first / "manifest.csv").write_bytes((first / "manifest.csv").read_bytes().replace(b"normal", b"covid"))
    with pytest.raises(CommandError, match="not the one"):
        export("6", "--previous", first)
    settings.PSEUDONYM_KEY = "another key"
    with pytest.raises(CommandError, match="another key"):
        export("6", "--previous", second)
    assert not (third.parent / "6").exists()


def test_what_a_picture_or_a_patient_forbids_is_left_out(
    clinic: Clinic, radiographer: User, export: Any, uploaded: Any, signed: Reader, tmp_path: Path
) -> None:
    for number, data in enumerate([1, xray_jpeg(), xray_dicom(seed=2, overrides={"BurnedInAnnotation": "YES"}), 3]):
        scan = uploaded(data)
        signed(scan)
        if number == 3:
            Path(scan.original.path).unlink()
    refusing = tmp_path / "refusing.txt"
    refusing.write_text("N-refusing\n\n")
    with pytest.raises(CommandError, match="line 1"):
        export("1", "--refusing", refusing)
    signed(uploaded(4, of=new_patient(clinic, radiographer, "N-refusing")))
    day = timezone.localdate()
    place, said = export("1", "--refusing", refusing, "--since", day, "--until", day)
    assert len(rows_of(place)) == said["images"] == 1
    assert said["left_out"] == {
        "patient refuses": 1,
        "file cannot be opened": 1,
        "text suspected in the picture": 2,
    }
    for number, bound in enumerate([("--since", day + timedelta(1)), ("--until", day - timedelta(1))]):
        with pytest.raises(CommandError, match="No image"):
            export(f"none-{number}", *bound)


def test_the_folder_is_whole_or_not_there(
    export: Any, uploaded: Any, signed: Reader, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = uploaded(1)
    signed(scan)
    (tmp_path / "there").mkdir()
    with pytest.raises(CommandError, match="exists"):
        export("there")
    for root in (settings.PRIVATE_ROOT, settings.STATIC_ROOT):
        with pytest.raises(CommandError, match="folder of the portal"):
            export(str(Path(root) / "set"))
    with pytest.raises(CommandError, match="Make it first"):
        export("nowhere/set")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def meanwhile(*_: object) -> str:
        Scan.objects.filter(pk=scan.pk).update(pixel_sha256="0" * 64)
        return ""

    with monkeypatch.context() as patch:
        patch.setattr(folder, "flush", full)
        with pytest.raises(CommandError, match="No space left"):
            export("1")
    with monkeypatch.context() as patch:
        patch.setattr(dataset, "_read_me", meanwhile)
        with pytest.raises(CommandError, match="changed while"):
            export("1")
    assert not AuditEvent.objects.filter(event="110106").exists()
    assert [one.name for one in tmp_path.iterdir()] == ["there"]
    assert export("1")[1]["images"] == 1


def test_who_has_no_password_here_types_a_code(
    export: Any, uploaded: Any, signed: Reader, administrator: User, django_capture_on_commit_callbacks: Any
) -> None:
    """As people do who sign in at a provider."""
    cache.clear()
    signed(uploaded(1))
    administrator.set_unusable_password()
    administrator.save()
    totp.TOTP.activate(administrator, SECRET)
    wrong = "123456" if code_of_now() != "123456" else "654321"
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(CommandError, match="This code is not right"):
        export("1", password=wrong)
    assert AuditEvent.objects.get(event="110106", outcome="4").person == administrator.pk
    code = code_of_now()
    assert export("1", password=code)[1]["images"] == 1
    with pytest.raises(CommandError, match="This code is not right"):
        export("2", password=code)


def test_only_who_may_and_only_with_their_password(
    export: Any, uploaded: Any, signed: Reader, radiologist: User, administrator: User, tmp_path: Path,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    signed(uploaded(1))
    with django_capture_on_commit_callbacks(execute=True):
        with pytest.raises(CommandError, match="does not allow"):
            export("1", by=radiologist)
        with pytest.raises(CommandError, match="not the password"):
            export("1", password="wrong")
    refused = AuditEvent.objects.filter(event="110106", outcome="4").order_by("pk")
    assert [entry.person for entry in refused] == [radiologist.pk, administrator.pk]
    administrator.set_unusable_password()
    administrator.save()
    with pytest.raises(CommandError, match=r"no password here\. They set up an authenticator app"):
        export("1")
    with pytest.raises(CommandError, match="small letters"):
        export("1", called="Mrs Smith")
    assert not list(tmp_path.iterdir())
