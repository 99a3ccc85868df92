"""Synthetic chest images drawn by formulas, for demonstrations and tests.

They show a schematic thorax marked SYNTHETIC. No person was imaged, and no classifier
should be judged by them.
"""

from ml.imaging.phantom.ct import chest_ct, chest_ct_lungs
from ml.imaging.phantom.dicom import phantom_dicom
from ml.imaging.phantom.xray import chest_xray, chest_xray_lungs

__all__ = ["chest_ct", "chest_ct_lungs", "chest_xray", "chest_xray_lungs", "phantom_dicom"]
