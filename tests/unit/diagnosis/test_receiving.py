"""Several files at once: each by itself to whoever sent them, together where it saves work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from diagnosis.actions.patient import register_patient
from diagnosis.actions.receiving import SentFile, Upload, receive_scans
from diagnosis.errors import AttachedElsewhere, FileRefused, IdentityMismatch, NotAllowedNow, Refusal
from diagnosis.models import Analysis, Patient, Review, Scan, Series, Study
from diagnosis.models.scan import Modality
from diagnosis.scans import identity, intake
from tests.images import NO_IMAGE, ct_dicom, xray_dicom, xray_png

pytestmark = pytest.mark.django_db
Send = Callable[..., list[Upload | Refusal]]


@pytest.fixture
def send(patient: Patient, radiographer: User) -> Send:
    def make(*files: bytes, to: Patient = patient, **options: Any) -> list[Upload | Refusal]:
        sent = [SentFile(data, f"{number}.dcm") for number, data in enumerate(files)]
        return receive_scans(by=radiographer, patient=to, files=sent, **options)

    return make


@pytest.fixture
def other(patient: Patient, radiographer: User) -> Patient:
    return register_patient(
        by=radiographer, clinic=patient.clinic, medical_record_number="MRN-0002", family_name="Holm", given_name="Per"
    )


def slice_of(number: int, *, series: str = "1.2.3.4") -> bytes:
    return ct_dicom(
        seed=number, instance_number=number, overrides={"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": series}
    )


def scans(outcomes: list[Upload | Refusal]) -> list[Scan]:
    found = [outcome.scan for outcome in outcomes if isinstance(outcome, Upload)]
    assert len(found) == len(outcomes), outcomes
    return found


def test_slices_of_one_series_become_one_study(send: Send) -> None:
    first, second, other_series = scans(send(slice_of(1), slice_of(2), slice_of(3, series="1.2.3.5")))
    assert first.series == second.series != other_series.series
    study = Study.objects.get()
    assert (study.representative, study.reviews.count(), study.analyses.count()) == (first, 1, 1)
    scans(send(slice_of(4), slice_of(5)))
    assert (Study.objects.count(), Series.objects.count(), Scan.objects.count()) == (1, 2, 5)
    assert (Analysis.objects.count(), Review.objects.count()) == (1, 1)


def test_what_they_cost_together_does_not_grow_with_them(send: Send) -> None:
    scans(send(slice_of(1)))
    with CaptureQueriesContext(connection) as two:
        scans(send(*map(slice_of, (2, 3))))
    with CaptureQueriesContext(connection) as six:
        scans(send(*map(slice_of, range(4, 10))))
    assert len(six) == len(two)


def test_each_has_an_outcome_of_its_own(send: Send, other: Patient) -> None:
    """In the order in which they were sent; what is refused stops no other."""
    send(xray_png(7), to=other, modality=Modality.CXR)
    [earlier] = scans(send(slice_of(1)))
    good, nothing, elsewhere, again, another = send(
        slice_of(2), NO_IMAGE, xray_png(7), slice_of(1), xray_dicom(patient_name="Else^Somebody")
    )
    assert isinstance(good, Upload)
    assert not good.duplicate
    assert isinstance(nothing, FileRefused)
    assert isinstance(elsewhere, AttachedElsewhere)
    assert again == Upload(earlier, duplicate=True)
    assert isinstance(another, IdentityMismatch)
    assert Scan.objects.filter(patient=earlier.patient).count() == 2


def test_a_second_one_of_the_same_image_waits_for_the_first(send: Send) -> None:
    same = {"overrides": {"SOPInstanceUID": "1.2.9"}}
    first, twice, exported_again, other_pixels = send(
        xray_dicom(seed=1, **same),
        xray_dicom(seed=1, **same),
        xray_dicom(seed=1, overrides={**same["overrides"], "InstitutionName": "Another name for the clinic"}),
        xray_dicom(seed=2, **same),
    )
    [scan] = Scan.objects.all()
    assert first == Upload(scan, duplicate=False)
    assert twice == exported_again == Upload(scan, duplicate=True)
    assert isinstance(other_pixels, IdentityMismatch)


def test_images_that_get_no_probability_do_not_stand_for_a_study_of_others(send: Send) -> None:
    uid = {"StudyInstanceUID": "1.2.3"}
    lateral = xray_dicom(seed=1, overrides={**uid, "ViewPosition": "LL"})
    frontal = xray_dicom(seed=2, overrides={**uid, "ViewPosition": "PA"})
    _, shown = scans(send(lateral, frontal))
    study = Study.objects.get()
    assert study.representative == shown
    # Nothing is waited for: the image that is classified is there.
    assert study.analyses.get().not_before is None


def test_one_that_the_database_refuses_costs_only_itself(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes came by another road between the look and the row."""
    [earlier] = scans(send(slice_of(1)))
    from diagnosis.actions import receiving

    known, looks = receiving._Receiver._known, []

    def blind(self: Any, fingerprints: Any) -> dict[str, Scan]:
        looks.append(fingerprints)
        return {} if len(looks) == 1 else known(self, fingerprints)

    monkeypatch.setattr(receiving._Receiver, "_known", blind)
    monkeypatch.setattr(identity, "find_namesakes", lambda *_: {})
    outcomes = send(slice_of(2), slice_of(1), slice_of(3))
    assert [outcome.duplicate for outcome in outcomes if isinstance(outcome, Upload)] == [False, True, False]
    assert outcomes[1] == Upload(earlier, duplicate=True)
    files = {path for path in (Path(settings.PRIVATE_ROOT) / "originals").rglob("*") if path.is_file()}
    kept = {Path(scan.original.path) for scan in Scan.objects.all()}
    assert kept <= files
    assert not [path for path in files - kept if path.stat().st_mtime > earlier.uploaded_at.timestamp()]


def test_a_record_that_was_merged_meanwhile_gets_none(
    send: Send, patient: Patient, other: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept = intake.accept

    def slow(data: bytes, **options: Any) -> intake.AcceptedFile:
        Patient.objects.filter(pk=patient.pk).update(merged_into=other)
        return accept(data, **options)

    monkeypatch.setattr(intake, "accept", slow)
    outcomes = send(slice_of(1), slice_of(2))
    assert [type(outcome) for outcome in outcomes] == [NotAllowedNow] * 2
    assert not Scan.objects.exists()
    with pytest.raises(NotAllowedNow):
        send(slice_of(1))
