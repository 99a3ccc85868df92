"""No name leaves with a file, wherever it stood; pictures and what belongs together stay as they were."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin
from pydicom import config, uid
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from ml.imaging import DEFAULT_LIMITS, ImageRefused, decode
from ml.imaging.deidentification import Pseudonym, Suspicion, deidentify
from ml.imaging.deidentification.text import find_text
from ml.imaging.phantom import chest_xray, phantom_dicom
from ml.imaging.sandbox import Sandbox
from tests.unit.ml.imaging.samples import grey_jpeg, grey_png

PLANTED = "Plantedson"
PSEUDONYM = Pseudonym("P-0123", "secret of one patient", {"SOPInstanceUID": "a", "SeriesInstanceUID": "b"})
TEXTS = frozenset({"PN", "LO", "SH", "ST", "LT", "UT", "UC", "UR", "AE", "CS"})
BYTES = frozenset({"OB", "OW", "OB or OW", "UN"})
# What the image needs to be admitted and decoded; each is tested below by a value that is no word of the standard.
NEEDED = frozenset(
    {"Modality", "PhotometricInterpretation", "BodyPartExamined", "SOPClassUID", "SOPInstanceUID"}
    | {"PixelData", "SpecificCharacterSet", "DirectoryRecordSequence"}
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(seconds=60)
    yield sandbox
    sandbox.close()


def full_of_names(**changes: Any) -> bytes:
    """A CT slice with a name in every attribute of the dictionary that takes text or bytes, and where none is."""
    dataset = pydicom.dcmread(BytesIO(phantom_dicom("CT", side=256, overrides=changes)))
    nested = Dataset()
    nested.PatientName = nested.ImageComments = PLANTED
    with config.disable_value_validation():
        for tag, (kind, _, _, retired, keyword) in DicomDictionary.items():
            if keyword and keyword not in NEEDED and tag >> 16 > 2 and not retired:
                if kind in TEXTS:
                    dataset.add_new(tag, kind, PLANTED)
                elif kind in BYTES:
                    dataset.add_new(tag, kind[:2], f"{PLANTED}!!".encode())
                elif kind == "SQ" and "LUT" not in keyword:
                    dataset.add_new(tag, kind, [nested])
        for group in (0x5000, 0x6000):
            dataset.add_new((group, 0x3000), "OW", f"{PLANTED}!!".encode())
            dataset.add_new((group, 0x0022), "LO", PLANTED)
        private = dataset.private_block(0x0009, PLANTED, create=True)
        private.add_new(1, "LO", PLANTED)
        private.add_new(2, "SQ", [nested])
        dataset.BurnedInAnnotation = "NO"
        dataset.ViewPosition = dataset.PatientPosition = PLANTED
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", PLANTED]
        out = BytesIO()
        dataset.save_as(out, enforce_file_format=True)
    data = out.getvalue()
    return PLANTED.encode().ljust(128, b"\0") + data[128:]


def names(data: bytes) -> bool:
    return PLANTED.lower().encode() in data.lower()


def read(data: bytes) -> Dataset:
    return pydicom.dcmread(BytesIO(data))


def test_no_planted_name_leaves_and_the_pixels_are_the_same(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    data = full_of_names()
    assert data.count(PLANTED.encode()) > 1500
    made = sandbox.deidentify(data, PSEUDONYM)
    assert not names(made.dicom + made.greys.tobytes())
    assert "not loaded ahead" not in caplog.text
    old, new = read(data), read(made.dicom)
    np.testing.assert_array_equal(old.pixel_array, new.pixel_array)
    # The phantom has a word drawn into it, so its header's NO is not repeated.
    assert (new.BurnedInAnnotation, new.PatientIdentityRemoved) == ("YES", "NO")
    assert made.suspicions == (Suspicion.TEXT,)
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113100", "113107"]
    assert (new.PatientName, new.PatientID, new.PatientBirthDate) == ("P-0123", "P-0123", "")
    assert list(new.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL", "OTHER"]
    assert (new.RescaleIntercept, list(new.PixelSpacing)) == (old.RescaleIntercept, list(old.PixelSpacing))
    assert not any(element.tag.is_private for element in new.iterall())
    # What is shown of both files is the same picture.
    assert decode(made.dicom).pixel_sha256 == decode(data).pixel_sha256
    with pytest.raises(ImageRefused):
        sandbox.deidentify(data[:3000], PSEUDONYM)


def test_images_of_one_patient_belong_together_as_before() -> None:
    """By new identifiers and one span of time; those of another patient or purpose share nothing with them."""
    days = {"StudyDate": "20240131", "StudyTime": "2315", "AcquisitionDate": "20240201", "AcquisitionTime": "0010"}
    one, two = (read(phantom_dicom("CT", side=160, seed=n, overrides=days)) for n in (1, 2))
    uids = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    two.StudyInstanceUID, two.SeriesInstanceUID = one.StudyInstanceUID, one.SeriesInstanceUID

    def made(dataset: Dataset, seed: str) -> Dataset:
        out = BytesIO()
        dataset.save_as(out)
        pseudonym = Pseudonym("P", seed, {})
        return read(deidentify(out.getvalue(), pseudonym, DEFAULT_LIMITS).dicom)

    first, second, elsewhere = made(one, "a"), made(two, "a"), made(one, "b")
    for keyword in uids[:2]:
        assert first[keyword].value == second[keyword].value
        assert uid.UID(first[keyword].value).is_valid
    assert first.SOPInstanceUID == first.file_meta.MediaStorageSOPInstanceUID != second.SOPInstanceUID
    for keyword in uids:
        assert len({one[keyword].value, first[keyword].value, elsewhere[keyword].value}) == 3
    assert (first.StudyDate, first.StudyTime) == (second.StudyDate, second.StudyTime)
    assert first.StudyDate < "20240131" != elsewhere.StudyDate
    # Over midnight by 55 minutes, as before.
    shifted = [np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}") for day, time in (
        (first.StudyDate, first.StudyTime), (first.AcquisitionDate, first.AcquisitionTime)
    )]  # fmt: skip
    assert shifted[1] - shifted[0] == np.timedelta64(55, "m")


def test_words_of_the_standard_alone_stay_in_what_is_kept() -> None:
    bad = {"ViewPosition": PLANTED, "StudyDate": PLANTED, "BurnedInAnnotation": PLANTED, "PatientOrientation": PLANTED}
    with config.disable_value_validation():
        data = phantom_dicom("DX", side=160, overrides=bad)
    assert names(data)
    assert not names(deidentify(data, PSEUDONYM, DEFAULT_LIMITS).dicom)


def test_comments_inside_a_compressed_picture_stay_behind() -> None:
    dataset = read(phantom_dicom("DX", side=160))
    grey = Image.fromarray((dataset.pixel_array >> 4).astype(np.uint8))
    stream = BytesIO()
    grey.save(stream, "JPEG", quality=95, comment=PLANTED)
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.WindowCenter, dataset.WindowWidth = 128, 256
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    out = BytesIO()
    dataset.save_as(out)
    made = deidentify(out.getvalue(), PSEUDONYM, DEFAULT_LIMITS)
    assert names(out.getvalue())
    assert not names(made.dicom)
    new = read(made.dicom)
    np.testing.assert_array_equal(new.pixel_array, np.asarray(Image.open(stream)))
    assert new.LossyImageCompression == "01"


def test_a_photograph_leaves_as_its_pixels() -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("Title", PLANTED)
    exif = Image.Exif()
    exif[0x010E] = PLANTED
    for plain, kind, options in ((grey_png(), "PNG", {"pnginfo": words}), (grey_jpeg(), "JPEG", {"comment": PLANTED})):
        out = BytesIO()
        Image.open(BytesIO(plain)).save(out, kind, exif=exif, **options)
        assert out.getvalue().count(PLANTED.encode()) == 2
        made = deidentify(out.getvalue(), PSEUDONYM, DEFAULT_LIMITS)
        assert made.dicom == b""
        np.testing.assert_array_equal(made.greys, np.asarray(Image.open(out)))


@pytest.mark.parametrize(
    ("changes", "suspicions"),
    [
        ({"BurnedInAnnotation": "YES"}, {Suspicion.STATED}),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage}, {Suspicion.CAPTURE}),
        ({"ConversionType": "DF"}, {Suspicion.CAPTURE}),
        ({"BurnedInAnnotation": "NO"}, set()),
        ({}, set()),
    ],
)
def test_text_in_the_picture_is_said_as_far_as_it_is_known(
    changes: dict[str, Any], suspicions: set[Suspicion], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.imaging.deidentification.suspicion.find_text", lambda _: ())
    made = deidentify(
        phantom_dicom("DX", side=160, overrides={"BurnedInAnnotation": None, **changes}), PSEUDONYM, DEFAULT_LIMITS
    )
    new = read(made.dicom)
    said = "YES" if suspicions else "NO" if changes else None
    removed = {"YES": "NO", "NO": "YES"}.get(said or "")
    assert set(made.suspicions) == suspicions
    assert (new.get("BurnedInAnnotation"), new.get("PatientIdentityRemoved")) == (said, removed)


@pytest.mark.parametrize("size", [9, 12, 24])
def test_drawn_letters_are_found_and_lungs_are_not(size: int) -> None:
    bare = chest_xray(400, 400, seed=3)
    # Without the word that every phantom carries.
    assert min(box.top for box in find_text(bare)) > 360
    bare[360:] = 0
    assert find_text(bare) == ()
    for fill, place in ((255, (8, 8)), (230, (250, 370))):
        picture = Image.fromarray((bare * 255).astype(np.uint8))
        ImageDraw.Draw(picture).text(place, f"{PLANTED} 1961", fill=fill, font=ImageFont.load_default(size))
        assert find_text(np.asarray(picture, np.float32) / np.float32(255))
