"""One table for each noun of the flow; each file says what its rows are and which constraints hold."""

from diagnosis.models.acceptance import Acceptance, AcceptanceCase, AcceptanceSet
from diagnosis.models.analysis import Analysis
from diagnosis.models.attention import AttentionMap, Drawing
from diagnosis.models.classifier_rule import ClassifierRule
from diagnosis.models.confidentiality import Confidentiality, EmergencyAccess, NamedPerson
from diagnosis.models.correction import Correction
from diagnosis.models.critical_result import CriticalResult
from diagnosis.models.deletion import Deletion
from diagnosis.models.dismissal import Dismissal
from diagnosis.models.drift_alarm import DriftAlarm
from diagnosis.models.ensemble_prediction import EnsemblePrediction
from diagnosis.models.follow import Follow
from diagnosis.models.image_result import ImageResult
from diagnosis.models.kept_answer import KeptAnswer
from diagnosis.models.key_image import KeyImage
from diagnosis.models.legal_hold import LegalHold
from diagnosis.models.notification import Notification
from diagnosis.models.patient import Patient
from diagnosis.models.phrase import Phrase
from diagnosis.models.prediction import Prediction
from diagnosis.models.reading_policy import ReadingPolicy
from diagnosis.models.reading_preference import ReadingPreference
from diagnosis.models.report import Addendum, EnteredInError, Report
from diagnosis.models.retention_rule import RetentionRule
from diagnosis.models.review import Draft, FirstImpression, Review
from diagnosis.models.saved_filter import SavedFilter
from diagnosis.models.scan import Scan
from diagnosis.models.seal import Seal
from diagnosis.models.second_look import SecondLook
from diagnosis.models.shadow_prediction import ShadowPrediction
from diagnosis.models.study import Series, Study
from diagnosis.models.study_change import StudyChange
from diagnosis.models.threshold_decision import ThresholdDecision
from diagnosis.models.transition import ReportTransition, ReviewTransition, Transition
from diagnosis.models.withdrawal import Withdrawal

__all__ = [
    "Acceptance",
    "AcceptanceCase",
    "AcceptanceSet",
    "Addendum",
    "Analysis",
    "AttentionMap",
    "ClassifierRule",
    "Confidentiality",
    "Correction",
    "CriticalResult",
    "Deletion",
    "Dismissal",
    "Draft",
    "Drawing",
    "DriftAlarm",
    "EmergencyAccess",
    "EnsemblePrediction",
    "EnteredInError",
    "FirstImpression",
    "Follow",
    "ImageResult",
    "KeptAnswer",
    "KeyImage",
    "LegalHold",
    "NamedPerson",
    "Notification",
    "Patient",
    "Phrase",
    "Prediction",
    "ReadingPolicy",
    "ReadingPreference",
    "Report",
    "ReportTransition",
    "RetentionRule",
    "Review",
    "ReviewTransition",
    "SavedFilter",
    "Scan",
    "Seal",
    "SecondLook",
    "Series",
    "ShadowPrediction",
    "Study",
    "StudyChange",
    "ThresholdDecision",
    "Transition",
    "Withdrawal",
]
