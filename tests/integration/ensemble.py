"""How many classifiers answer about a scan here."""

from diagnosis.analyses.classifiers import active_specs
from diagnosis.models.scan import Modality


def ensemble_members(modality: Modality = Modality.CXR) -> int:
    """The number of predictions that a finished analysis has."""
    return sum(spec.modality.value == modality.value for spec in active_specs())
