"""Synthetic chest images drawn by formulas, for demonstrations and tests.

They show a schematic thorax marked SYNTHETIC. No person was imaged, and no classifier
should be judged by them.
"""

from ml.imaging.phantom.ct import chest_ct
from ml.imaging.phantom.dicom import phantom_dicom
from ml.imaging.phantom.xray import chest_xray

__all__ = ["chest_ct", "chest_xray", "phantom_dicom"]
