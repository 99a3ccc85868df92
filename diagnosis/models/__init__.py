from diagnosis.models.analysis import Analysis
from diagnosis.models.patient import Patient
from diagnosis.models.prediction import Prediction
from diagnosis.models.scan import Scan
from diagnosis.models.transition import Transition

__all__ = ["Analysis", "Patient", "Prediction", "Scan", "Transition"]
