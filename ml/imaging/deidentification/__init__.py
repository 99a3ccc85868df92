"""A file that names nobody, made from one that does: for a process that is shut in, like all that reads such files.

dicognito (https://github.com/blairconrad/dicognito) gives new identifiers and shifts dates. What else the Basic
Application Level Confidentiality Profile of DICOM PS3.15 asks for is in `attributes`. PNG and JPEG files leave as their
pixels alone.
"""

from ml.imaging.deidentification.attributes import METHODS
from ml.imaging.deidentification.making import Deidentified, deidentify
from ml.imaging.deidentification.pseudonym import Pseudonym
from ml.imaging.deidentification.suspicion import Suspicion

__all__ = ["METHODS", "Deidentified", "Pseudonym", "Suspicion", "deidentify"]
