"""What is built for an archive: whose it is, what it says, and that it is the same whenever it is built."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import highdicom as hd
import pydicom
import pytest
from django.utils import timezone
from django.utils.translation import override

from accounts.models import Clinic, User
from delivery.dicom import sending as dicom
from delivery.models import Content, Delivery, Destination, Kind
from delivery.release import (
    CONFIDENTIAL,
    MOVED,
    MOVED_TO_ANOTHER,
    NEWER_VERSION,
    NOT_READ,
    NOT_SHOWN,
    OTHER_IN_FILE,
    RESEARCH_ONLY,
    STOPPED,
    SUPERSEDED,
    WITHDRAWN,
)
from delivery.senders import NotYet, Refused
from diagnosis.actions.report import add_addendum, sign_report
from diagnosis.actions.report_correction import correct_report, enter_in_error
from diagnosis.actions.review import claim_review, commit_first_impression, decide_review
from diagnosis.actions.scan import upload_scan
from diagnosis.analyses.aggregation import note_of_thinning
from diagnosis.models import (
    Analysis,
    ClassifierRule,
    Confidentiality,
    EnsemblePrediction,
    Patient,
    Prediction,
    ReadingPolicy,
    ReadingPreference,
    Report,
    Scan,
    Study,
    Withdrawal,
)
from diagnosis.models.review import Category, Decision
from diagnosis.models.scan import Modality
from diagnosis.states import STANDING_ELSEWHERE, ReportStanding
from tests.conftest import PASSWORD
from tests.factories import ABNORMALITY, BOTH, POINT, WORDS, ZONED, finish, new_patient, read
from tests.images import xray_dicom

pytestmark = pytest.mark.django_db
UID = "1.2.826.0.1.3680043.8.498.1"


@pytest.fixture
def archive(clinic: Clinic) -> Destination:
    return Destination.objects.create(
        clinic=clinic,
        kind=Kind.DICOM,
        name="Archive",
        host="127.0.0.1",
        port=104,
        called_title="ARCHIVE",
        calling_title="PORTAL",
        contents=[Content.STUDY_RESULT, Content.SIGNED_REPORT],
    )


@pytest.fixture
def image(patient: Patient, radiographer: User) -> Scan:
    """A DICOM file with words of its own for patient and study."""
    data = xray_dicom(
        patient_id=patient.medical_record_number,
        patient_name="Berg^Alma^Maria",
        birth_date=patient.birth_date,
        overrides={"StudyInstanceUID": UID, "AccessionNumber": "A-17", "PatientSex": "F"},
    )
    return upload_scan(by=radiographer, patient=patient, data=data, name="a.dcm", modality=Modality.CXR).scan


def result_of(image: Scan, archive: Destination) -> Delivery:
    finish(image, 0.123456789, 0.91, combined=0.61803398, abnormality=ABNORMALITY)
    return archive.deliveries.get(content=Content.STUDY_RESULT)


def signed(image: Scan, radiologist: User) -> Report:
    has_result = image.analyses.filter(status="succeeded").exists()
    read(radiologist, image.reviews.get(), findings="Clear.", decision="agree" if has_result else "no_result")
    return sign_report(by=radiologist, report=image.study.reports.get(), password=PASSWORD)


def built(delivery: Delivery) -> dict[str, pydicom.Dataset]:
    return {one.Modality: one for one in (pydicom.dcmread(BytesIO(made.data)) for made in dicom.build(delivery))}


@pytest.fixture
def errors(tmp_path: Path) -> Callable[[Delivery], list[str]]:
    """What dciodvfy finds wrong with what is built for a delivery."""

    def look(delivery: Delivery) -> list[str]:
        found = []
        for number, made in enumerate(dicom.build(delivery)):
            path = tmp_path / f"{number}.dcm"
            path.write_bytes(made.data)
            said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
            found += [
                f"{pydicom.uid.UID(made.sop_class).name}: {line}" for line in said.splitlines() if "Error" in line
            ]
        return found

    return look


without_dciodvfy = pytest.mark.skipif(
    not shutil.which("dciodvfy") and not os.environ.get("CI"), reason="Debian's package dicom3tools is not installed"
)


@without_dciodvfy
def test_what_is_built_is_valid(
    archive: Destination, image: Scan, radiologist: User, errors: Callable[[Delivery], list[str]]
) -> None:
    assert errors(result_of(image, archive)) == []
    report = signed(image, radiologist)
    add_addendum(by=radiologist, report=report, text="Compared with 2019.", password=PASSWORD)
    enter_in_error(by=radiologist, report=report, reason="Another patient.", password=PASSWORD)
    for row in archive.deliveries.filter(content=Content.SIGNED_REPORT):
        assert errors(row) == [], row.key


def test_the_numbers_come_back_as_they_were(archive: Destination, image: Scan) -> None:
    row = result_of(image, archive)
    made = built(row)
    document = hd.sr.srread(BytesIO(next(one.data for one in dicom.build(row) if one.sop_class.endswith("88.33"))))
    groups = document.content.get_image_measurement_groups()
    analysis = Analysis.objects.get()
    said = [{one.value for one in group.get_measurements()} for group in groups]
    assert said[0] == {analysis.ensemble.abnormality["probability"]}
    assert said[1] == set(analysis.ensemble.probabilities.values())
    assert said[2:] == [set(one.probabilities.values()) for one in analysis.predictions.order_by("classifier")]
    zones = [group.get_qualitative_evaluations()[0].value.value for group in groups]
    assert zones == ["positive", "indeterminate", "negative", "positive"]
    text = made["SR"].to_json()
    for words in ("NOT A DIAGNOSIS", "Decision support", "classifier-0", "1.2.3", "weights SHA-256 000"):
        assert words in text
    assert "threshold 0.4321 for covid" in text
    assert (made["SR"].CompletionFlag, made["SR"].VerificationFlag) == ("COMPLETE", "UNVERIFIED")


def test_it_says_of_how_many_slices_it_speaks(archive: Destination, image: Scan) -> None:
    row = result_of(image, archive)
    Analysis.objects.update(aggregation={"notes": [note_of_thinning(61, 300)]})
    with override("de"):
        document = built(row)["SR"]
    comments = [
        one.TextValue for one in document.ContentSequence if one.ConceptNameCodeSequence[0].CodeValue == "121106"
    ]
    assert comments[-1].startswith("Of this series one slice in every 5 mm was classified: 61 of 300.")


def test_it_lies_in_the_study_that_it_is_about(archive: Destination, image: Scan) -> None:
    made = built(result_of(image, archive))
    for one in made.values():
        assert (one.StudyInstanceUID, one.AccessionNumber, one.PatientID) == (UID, "A-17", "MRN-0001")
        assert (one.PatientName, one.PatientBirthDate, one.PatientSex) == ("Berg^Alma^Maria", "19580314", "F")
    (study,) = made["SR"].CurrentRequestedProcedureEvidenceSequence
    (referred,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert referred.ReferencedSOPInstanceUID == image.sop_instance_uid
    assert "NOT A DIAGNOSIS" in made["OT"].ImageComments
    assert made["OT"].pixel_array.shape[2] == 3


def test_nothing_is_filed_where_file_and_record_name_others(archive: Destination, image: Scan) -> None:
    """Whoever attached it has compared the two; the archive has not."""
    row = result_of(image, archive)
    Patient.objects.update(medical_record_number="ANOTHER")
    with pytest.raises(Refused, match=OTHER_IN_FILE):
        dicom.build(row)


def test_an_image_without_a_header_gets_identifiers_of_ours(archive: Destination, scan: Scan) -> None:
    made = built(result_of(scan, archive))
    assert made["SR"].StudyInstanceUID == made["OT"].StudyInstanceUID == f"2.25.{scan.study_id.int}"
    assert (made["SR"].PatientName, made["SR"].PatientID) == ("Berg^Alma", "MRN-0001")
    (study,) = made["SR"].CurrentRequestedProcedureEvidenceSequence
    (referred,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert referred.ReferencedSOPClassUID == made["OT"].SOPClassUID


def test_it_is_the_same_whenever_it_is_built(archive: Destination, scan: Scan, radiologist: User) -> None:
    row = result_of(scan, archive)
    Delivery.objects.update(status="sending", held_until="2999-01-01T00:00Z")
    row.refresh_from_db()
    first = dicom.build(row)
    Patient.objects.update(family_name="Renamed")
    assert dicom.build(Delivery.objects.get(pk=row.pk)) == first
    signed(scan, radiologist)
    report = archive.deliveries.get(content=Content.SIGNED_REPORT)
    assert dicom.build(report) == dicom.build(report)


@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        ({"read_first": "never"}, False),
        ({"read_first": "reader"}, False),
        ({"read_first": "always"}, True),
        ({"read_first": "never", "hide_until_read": True}, True),
        ({"read_first": "reader", "chosen": True}, True),
    ],
)
def test_no_archive_has_a_result_before_everybody_may_see_it(
    archive: Destination, scan: Scan, radiologist: User, policy: dict[str, Any], waits: bool
) -> None:
    if policy.pop("chosen", False):
        ReadingPreference.objects.create(user=radiologist, read_first=True)
    ReadingPolicy.objects.create(clinic=scan.clinic, **policy)
    row = result_of(scan, archive)
    if waits:
        with pytest.raises(NotYet, match=NOT_READ):
            dicom.build(row)
        Delivery.objects.update(next_attempt_at="2999-01-01T00:00Z")
        held = claim_review(by=radiologist, review=scan.reviews.get())
        commit_first_impression(by=radiologist, review=held, category=Category.NEGATIVE)
        with pytest.raises(NotYet, match=NOT_READ):
            dicom.build(row)
        decide_review(
            by=radiologist,
            review=held,
            decision=Decision.AGREE,
            category=Category.NEGATIVE,
            findings="Clear.",
            **WORDS,
            **BOTH,
        )
        row.refresh_from_db()
        assert row.next_attempt_at < timezone.now()
    assert len(dicom.build(row)) == 3


def test_what_may_not_leave_is_refused(
    archive: Destination, scan: Scan, radiologist: User, clinic: Clinic, upload: Callable[..., Scan]
) -> None:
    row = result_of(scan, archive)
    report = signed(scan, radiologist)
    of_report = archive.deliveries.get(content=Content.SIGNED_REPORT)

    def refused(one: Delivery) -> str:
        with pytest.raises(Refused) as why:
            dicom.build(Delivery.objects.get(pk=one.pk))
        return str(why.value)

    confidential = Confidentiality.objects.create(patient=scan.patient, marked_by=radiologist)
    assert (refused(row), refused(of_report)) == (CONFIDENTIAL, CONFIDENTIAL)
    confidential.delete()
    asks = ReadingPolicy.objects.update_or_create(clinic=clinic, defaults={"requires_acceptance": True})[0]
    assert refused(row) == NOT_SHOWN
    asks.requires_acceptance = False
    asks.save()
    rule = ClassifierRule.objects.create(
        clinic=clinic, subject="classifier-0", state="stopped", reason="It errs.", made_by=radiologist
    )
    assert refused(row) == STOPPED
    ClassifierRule.objects.create(
        clinic=clinic, subject="classifier-0", state="active", reason="It does not.", made_by=radiologist
    )
    assert rule.pk
    Delivery.objects.filter(pk=row.pk).update(status="sending", held_until="2999-01-01T00:00Z")
    dicom.build(Delivery.objects.get(pk=row.pk))
    own, other = scan.patient, new_patient(clinic, radiologist, "OTHER")
    Study.objects.filter(pk=scan.study_id).update(patient=other)
    assert refused(row) == MOVED_TO_ANOTHER, "what was built under the one is not sent for the other"
    Study.objects.filter(pk=scan.study_id).update(patient=own)
    elsewhere = upload(seed=3)
    Scan.objects.filter(pk=scan.pk).update(series=elsewhere.series)
    assert refused(row) == MOVED
    Scan.objects.filter(pk=scan.pk).update(series=scan.series)
    Prediction.objects.update(operating_point={**POINT, "research_only": True})
    EnsemblePrediction.objects.update(operating_point={**ZONED, "research_only": True})
    assert refused(row) == RESEARCH_ONLY
    newer = Analysis.objects.create(
        study=scan.study, number=2, requested_by=radiologist, status="succeeded", finished_at=timezone.now()
    )
    assert refused(row) == SUPERSEDED
    newer.delete()
    gone = Withdrawal.objects.create(clinic=clinic, study=scan.study, scans=[], reason="x", made_by=radiologist)
    Study.objects.filter(pk=scan.study_id).update(withdrawal=gone)
    assert (refused(row), refused(of_report)) == (WITHDRAWN, WITHDRAWN)
    assert report.is_final


def test_what_is_written_is_in_the_language_that_it_names(
    archive: Destination, scan: Scan, radiologist: User, clinic: Clinic
) -> None:
    """A report in its clinic's, a result in the source language; whichever the thread has that builds them."""
    Clinic.objects.filter(pk=clinic.pk).update(language="de")
    with override("de"):
        result = built(result_of(scan, archive))["SR"].to_json()
    assert '"en-GB"' in result
    assert "Decision support" in result
    signed(scan, radiologist)
    row = archive.deliveries.get(content=Content.SIGNED_REPORT)
    Delivery.objects.filter(pk=row.pk).update(status="sending", held_until="2999-01-01T00:00Z")
    row.refresh_from_db()
    with override("de"):
        here = str(Category(scan.study.reports.get().category).label)
    first = dicom.build(row)
    report = pydicom.dcmread(BytesIO(next(one.data for one in first if one.sop_class.endswith("88.22"))))
    text = json.dumps(report.to_json_dict(), ensure_ascii=False)
    assert '"de"' in text
    assert here in text
    Clinic.objects.filter(pk=clinic.pk).update(language="en-gb")
    with override("fr"):
        assert dicom.build(Delivery.objects.get(pk=row.pk)) == first, "also where the clinic has another one since"


def test_each_state_of_a_report_names_the_one_before(archive: Destination, scan: Scan, radiologist: User) -> None:
    first = signed(scan, radiologist)
    add_addendum(by=radiologist, report=first, text="Compared with 2019.", password=PASSWORD)
    second = correct_report(
        by=radiologist, report=first, reason="Typing.", impression="No sign of pneumonia.", password=PASSWORD
    )
    enter_in_error(by=radiologist, report=second, reason="Another patient.", password=PASSWORD)
    rows = list(archive.deliveries.filter(content=Content.SIGNED_REPORT).order_by("queued_at"))
    made = [built(row) for row in rows]
    with pytest.raises(Refused, match=NEWER_VERSION):
        dicom.send(rows[0])
    documents = [one["SR"] for one in made]
    standings = ["final", "appended", "corrected", "entered-in-error"]
    flags = [STANDING_ELSEWHERE[ReportStanding(one)] for one in standings]
    assert [(d.CompletionFlag, d.VerificationFlag, d.PreliminaryFlag) for d in documents] == [
        (one.completion, one.verification, one.preliminary) for one in flags
    ]
    assert "PredecessorDocumentsSequence" not in documents[0]
    for before, after in pairwise(documents):
        (named,) = after.PredecessorDocumentsSequence
        uid = named.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        assert uid == before.SOPInstanceUID
    assert ["KO" in one for one in made] == [False, False, False, True]
    (observer,) = documents[0].VerifyingObserverSequence
    assert first.signer_name in str(observer.VerifyingObserverName)
    assert made[0]["DOC"].EncapsulatedDocument.startswith(b"%PDF")
    assert "Compared with 2019." in documents[1].to_json()
    assert "Compared with 2019." not in documents[0].to_json()
