from __future__ import annotations

from uuid import uuid4

from diagnosis.models import Scan, Series, Study
from diagnosis.models.scan import Modality
from diagnosis.reports.sections import technique
from ml.imaging import Role


def test_technique_names_the_reconstructions_and_no_scout() -> None:
    study = Study(modality=Modality.CT)
    lung = Series(pk=uuid4(), study=study, slice_thickness=2, kernel="D40s")
    scout = Series(pk=uuid4(), study=study, slice_thickness=5)
    images = [
        Scan(series=series, modality=Modality.CT, role=role)
        for series, role in ((lung, Role.AXIAL), (lung, Role.AXIAL), (scout, Role.SCOUT))
    ]
    assert technique(study, images) == "Chest CT. 3 images in 2 series. Slice thickness 2.0 mm, kernel D40s."
