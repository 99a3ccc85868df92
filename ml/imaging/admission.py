"""Which DICOM files are images of a chest examination, by their header.

Only what cannot be decoded rightly, or shows another body part, is refused, with a sentence. Whether a classifier may
see what was admitted is another question, which `ml.imaging.role` answers.
"""

from dataclasses import dataclass

from pydicom import uid

from ml.imaging.facts import Fact
from ml.imaging.refusal import ImageRefused
from ml.imaging.role import Role, ct_reason, ct_role, xray_reason, xray_role
from ml.imaging.tags import Tags
from ml.imaging.words import folded, names_chest, names_elsewhere
from ml.spec import Modality

MODALITIES = {"CR": Modality.CXR, "DX": Modality.CXR, "CT": Modality.CT}

_XRAY_CLASSES = {
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForProcessing,
    uid.SecondaryCaptureImageStorage,
}
# A file without a class is judged by its modality alone.
CLASSES = {
    Modality.CXR: _XRAY_CLASSES | {""},
    Modality.CT: {uid.CTImageStorage, uid.SecondaryCaptureImageStorage, ""},
}


@dataclass(frozen=True, slots=True)
class Admission:
    """`not_classified` says why no classifier may see the image; None where one may, as far as the header tells."""

    modality: Modality
    role: Role
    not_classified: Fact | None


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


_PHOTOMETRICS = {
    1: {"MONOCHROME1", "MONOCHROME2"},
    3: {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT"},
}


def admit_colours(tags: Tags) -> None:
    """One sample of grey, or three, of which the pixels show later whether they are grey."""
    photometric = tags.text("PhotometricInterpretation").upper()
    if not photometric:
        raise missing("PhotometricInterpretation")
    if photometric not in _PHOTOMETRICS.get(tags.integer("SamplesPerPixel") or 1, ()):
        raise ImageRefused("colour", variant="dicom")


def admit_single_frame(tags: Tags) -> None:
    if (tags.integer("NumberOfFrames") or 1) != 1:
        raise ImageRefused("multi-frame")


_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "StudyDescription")


def admit_region(tags: Tags) -> None:
    """The body part, or where it names none the descriptions, must not name another part than the chest."""
    stated = _stated_region(tags)
    if names_elsewhere(folded(stated)):
        raise ImageRefused("body-part", region=stated.lower())
    if names_chest(folded(stated)):
        return
    described = folded(" ".join(tags.text(keyword) for keyword in _DESCRIPTIONS))
    if elsewhere := names_elsewhere(described):
        raise ImageRefused("body-part", region=elsewhere.lower())


def _stated_region(tags: Tags) -> str:
    regions = [item.text("CodeMeaning") for item in tags.items("AnatomicRegionSequence")]
    return " ".join([tags.text("BodyPartExamined"), *regions]).replace("_", " ").strip()


def missing(keyword: str) -> ImageRefused:
    return ImageRefused("missing-tag", keyword=keyword)


def admit(tags: Tags) -> Admission:
    """Which kind of image this is, or ImageRefused with the first rule that it breaks."""
    modality = admit_modality(tags)
    admit_single_frame(tags)
    admit_colours(tags)
    admit_class(tags, modality)
    admit_region(tags)
    if modality.is_tomographic:
        role = ct_role(tags)
        return Admission(modality, role, ct_reason(role, tags))
    role = xray_role(tags)
    return Admission(modality, role, xray_reason(role))
