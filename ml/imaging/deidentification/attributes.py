"""Which attributes of an image leave with it. Whatever is not named here is removed.

DICOM PS3.15, table E.1-1 (Basic Application Level Confidentiality Profile), names several hundred attributes to
remove, empty or replace, and each edition names more. A list of what stays needs no such edition: names, numbers, every
description, comment and protocol name, structured content, overlays, curves, previews, signatures, private groups and
what a later edition invents are gone because nobody asked for them. Beyond the table it leaves out all free text, also
where the table would keep it, and device and staff.

What stays describes how the picture was taken and how it is shown. Of the profile's options one is used, Retain
Longitudinal Temporal Information with Modified Dates: dates and times are shifted by the same span for all of a
patient's files.
"""

import re

_WORD = re.compile

# Replaced by others, the same for the same, so that images of a study still belong together (table E.1-1: U).
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")

# Shifted, with the time that belongs to each (table E.1-1: X, Z or D; C with modified dates).
MOMENTS = {
    "StudyDate": "StudyTime",
    "SeriesDate": "SeriesTime",
    "AcquisitionDate": "AcquisitionTime",
    "ContentDate": "ContentTime",
}
DATE = _WORD(r"(18|19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
TIME = _WORD(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")

# Required to be there, and empty (table E.1-1: Z).
EMPTY = (
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "Manufacturer",
)

# Words of the standard, believed only where they are such words; any other value is removed.
CODES = {
    "Modality": _WORD("CR|DX|CT"),
    "ImageType": _WORD(
        "ORIGINAL|DERIVED|PRIMARY|SECONDARY|AXIAL|LOCALIZER|HELICAL|VOLUME|MPR|REFORMATTED|MIP|MINIP|PROJECTION IMAGE"
    ),
    "ConversionType": _WORD("DV|DI|DF|WSD|SD|SI|DRW|SYN"),
    "PresentationIntentType": _WORD("FOR (PRESENTATION|PROCESSING)"),
    "BodyPartExamined": _WORD("CHEST|THORAX|LUNG|CHESTABDOMEN|CHESTABDPELVIS"),
    "ViewPosition": _WORD("AP|PA|LL|RL|RLD|LLD|RLO|LLO|LAT|LATERAL|AP LLD|AP RLD|PA LLD|PA RLD"),
    "PatientPosition": _WORD("(HF|FF)(P|S|DR|DL)"),
    "PatientOrientation": _WORD("[ALRPHF]{1,3}"),
    "Laterality": _WORD("[RL]"),
    "ImageLaterality": _WORD("[RLUB]"),
    "PixelIntensityRelationship": _WORD("LIN|LOG|DISP"),
    "LossyImageCompression": _WORD("0[01]"),
    "LossyImageCompressionMethod": _WORD(r"ISO_\d{5}(_\d{1,2})?"),
    "PresentationLUTShape": _WORD("IDENTITY|INVERSE"),
    "RescaleType": _WORD("HU|US|OD|HU_MOD|MGML|Z_EFF|ED|PCT"),
    "VOILUTFunction": _WORD("LINEAR|LINEAR_EXACT|SIGMOID"),
    "RotationDirection": _WORD("CW|CC"),
}
# Takes the place of a word in a list whose places count.
OTHER = "OTHER"

NUMBERS = (
    "SeriesNumber",
    "AcquisitionNumber",
    "InstanceNumber",
    "SliceThickness",
    "SpacingBetweenSlices",
    "KVP",
    "DataCollectionDiameter",
    "ReconstructionDiameter",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "EstimatedRadiographicMagnificationFactor",
    "GantryDetectorTilt",
    "TableHeight",
    "ExposureTime",
    "XRayTubeCurrent",
    "Exposure",
    "FocalSpots",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SliceLocation",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "PixelAspectRatio",
    "PixelIntensityRelationshipSign",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "WindowCenter",
    "WindowWidth",
    "RescaleIntercept",
    "RescaleSlope",
    "LossyImageCompressionRatio",
)
# Tables that turn stored values into shown ones: of each item these alone.
TABLES = ("ModalityLUTSequence", "VOILUTSequence")

# PS3.16 CID 7050, scheme DCM: the methods that were used.
METHODS = {
    "113100": "Basic Application Confidentiality Profile",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
}
