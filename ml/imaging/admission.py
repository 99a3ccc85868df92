"""Which DICOM files are frontal chest X-rays or axial chest CT slices, by their header.

Refuse what has not been tested: every rule names what it lets in, and what it keeps out
gets a sentence.
"""

import re

from pydicom import uid

from ml.imaging.refusal import ImageRefused
from ml.imaging.tags import Tags
from ml.spec import Modality

MODALITIES = {"CR": Modality.CXR, "DX": Modality.CXR, "CT": Modality.CT}

_XRAY_CLASSES = {
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForProcessing,
    uid.SecondaryCaptureImageStorage,
}
# A file without a class is judged by its modality alone. A CT slice saved as secondary
# capture has lost its Hounsfield units, an X-ray loses nothing.
CLASSES = {
    Modality.CXR: _XRAY_CLASSES | {""},
    Modality.CT: {uid.CTImageStorage, ""},
}

_CHEST = re.compile(r"CHEST|THORAX|THORAC|TORAX|LUNG|PULM|HEART|CARDIAC|CORONAR|CTA_COR")
_NO_REGION = frozenset({"", "UNKNOWN", "DEFAULT", "OTHER", "NONE", "UNDEFINED", "UNSPECIFIED"})
_OTHER_REGION = re.compile(
    r"\b(HEAD|SKULL|BRAIN|CRANI\w*|FACE|FACIAL|SINUS\w*|ORBIT\w*|NECK|JAW|DENTAL|ABDOM\w*|PELVI\w*|"
    r"L?SPINE|LUMBAR|SACR\w*|EXTREMIT\w*|ARM|ELBOW|WRIST|HAND|FINGER|HIP|LEG|FEMUR|KNEE|TIBIA|"
    r"ANKLE|FOOT|FEET|TOE|SHOULDER|CLAVICLE|BREAST|LIVER|KIDNEY|COLON|BLADDER|PROSTATE)\b"
)
_NOT_FRONTAL = re.compile(r"\b(LL|RL|LAT|LATERAL|LLD|RLD|LAO|RAO|LPO|RPO|LLO|RLO|OBL\w*)\b")
_FRONTAL = re.compile(r"\b(PA|AP|FRONTAL|POSTERO\W?ANTERIOR|ANTERO\W?POSTERIOR)\b")
_AXIAL_COSINE = 0.8


def admit_modality(tags: Tags) -> Modality:
    code = tags.text("Modality").upper()
    if code in MODALITIES:
        return MODALITIES[code]
    if not code:
        raise ImageRefused("modality", variant="none")
    raise ImageRefused("modality", variant="other", modality=code)


def admit_class(tags: Tags, modality: Modality) -> None:
    storage = tags.text("SOPClassUID")
    if storage in CLASSES[modality]:
        return
    if storage == uid.MediaStorageDirectoryStorage:
        raise ImageRefused("sop-class", variant="directory")
    raise ImageRefused("sop-class", variant="other", kind=uid.UID(storage).name[:60])


def admit_colours(tags: Tags) -> None:
    photometric = tags.text("PhotometricInterpretation").upper()
    samples = tags.integer("SamplesPerPixel")
    if photometric in ("MONOCHROME1", "MONOCHROME2") and samples in (None, 1):
        return
    if not photometric:
        raise missing("PhotometricInterpretation")
    raise ImageRefused("colour", variant="dicom")


def admit_single_frame(tags: Tags) -> None:
    if (tags.integer("NumberOfFrames") or 1) != 1:
        raise ImageRefused("multi-frame")


def _region_words(tags: Tags) -> str:
    regions = [item.text("CodeMeaning") for item in tags.items("AnatomicRegionSequence")]
    return " ".join([tags.text("BodyPartExamined"), *regions]).replace("_", " ").strip().upper()


def admit_region(tags: Tags) -> None:
    """The body part, or where it is missing the descriptions, must not name another region."""
    region = _region_words(tags)
    if region not in _NO_REGION:
        if not _CHEST.search(region) or "SPINE" in region:
            raise ImageRefused("body-part", region=region.lower())
        return
    described = ("SeriesDescription", "ProtocolName", "StudyDescription")
    words = " ".join(tags.text(keyword) for keyword in described).replace("_", " ").upper()
    found = _OTHER_REGION.search(words)
    if found and not _CHEST.search(words):
        raise ImageRefused("body-part", region=found.group().lower())


def _lies_sideways(tags: Tags) -> bool:
    """Rows of a frontal view run left-right; those of a lateral one front-back."""
    return tags.text("PatientOrientation")[:1] in ("A", "P")


def admit_view(tags: Tags) -> None:
    """Frontal X-rays only."""
    codes = [item.text("CodeMeaning") for item in tags.items("ViewCodeSequence")]
    view = " ".join([tags.text("ViewPosition"), *codes]).strip().upper()
    words = (view or tags.text("SeriesDescription").upper()).replace("_", " ")
    stated = _NOT_FRONTAL.search(words) and not _FRONTAL.search(words)
    if stated or (not view and _lies_sideways(tags)):
        raise ImageRefused("view")


def admit_slice(tags: Tags) -> None:
    """Axial CT slices only."""
    if "LOCALIZER" in {text.upper() for text in tags.texts("ImageType")}:
        raise ImageRefused("localizer")
    cosines = tags.numbers("ImageOrientationPatient")
    if len(cosines) == 6 and _axial_cosine(cosines) < _AXIAL_COSINE:
        raise ImageRefused("not-axial")


def _axial_cosine(cosines: tuple[float, ...]) -> float:
    """How far the slice's normal points along the patient's axis: 1 for an axial slice."""
    row, column = cosines[:3], cosines[3:]
    return abs(row[0] * column[1] - row[1] * column[0])


def missing(keyword: str) -> ImageRefused:
    return ImageRefused("missing-tag", keyword=keyword)


def admit(tags: Tags) -> Modality:
    """Which kind of image this is, or ImageRefused with the first rule that it breaks."""
    modality = admit_modality(tags)
    admit_single_frame(tags)
    admit_colours(tags)
    admit_class(tags, modality)
    admit_region(tags)
    if modality.is_tomographic:
        admit_slice(tags)
    else:
        admit_view(tags)
    return modality
