"""What the listener accepts: storage SOP classes and transfer syntaxes. docs/dicom_conformance.md is made of this."""

from __future__ import annotations

import re

from pydicom import uid

from ml.imaging.admission import CLASSES
from ml.imaging.frame import DECODERS

# What the decoder shows; a file of such a class that it refuses waits for a person.
SHOWN: frozenset[str] = frozenset(one for classes in CLASSES.values() for one in classes if one)
# What belongs to an examination of the chest and is kept with it, although nothing here shows it.
KEPT: frozenset[str] = frozenset(
    {
        uid.EnhancedCTImageStorage,
        uid.LegacyConvertedEnhancedCTImageStorage,
        uid.MRImageStorage,
        uid.EnhancedMRImageStorage,
        uid.UltrasoundImageStorage,
        uid.UltrasoundMultiFrameImageStorage,
        uid.XRayAngiographicImageStorage,
        uid.XRayRadiofluoroscopicImageStorage,
        uid.NuclearMedicineImageStorage,
        uid.PositronEmissionTomographyImageStorage,
        uid.DigitalMammographyXRayImageStorageForPresentation,
        uid.MultiFrameSingleBitSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
        uid.GrayscaleSoftcopyPresentationStateStorage,
        uid.ColorSoftcopyPresentationStateStorage,
        uid.KeyObjectSelectionDocumentStorage,
        uid.BasicTextSRStorage,
        uid.EnhancedSRStorage,
        uid.ComprehensiveSRStorage,
        uid.Comprehensive3DSRStorage,
        uid.XRayRadiationDoseSRStorage,
        uid.SegmentationStorage,
        uid.EncapsulatedPDFStorage,
    }
)
STORAGE: tuple[str, ...] = tuple(sorted(SHOWN | KEPT))
TRANSFER_SYNTAXES: tuple[str, ...] = tuple(DECODERS)
# What UIDs are made of, and a little more: some systems are careless. PS3.5 9.1 has digits and full stops.
UID = re.compile(r"[\w.\-]{1,64}", re.ASCII)
VERIFICATION = "1.2.840.10008.1.1"
COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
# Of what is said about instances, which is no image.
COMMITMENT_SYNTAXES: tuple[str, ...] = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)


def name_of(text: str) -> str:
    """The name that PS3.6 gives it."""
    return uid.UID(text).name
