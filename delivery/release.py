"""May something of this study leave the portal, now? Asked when it is sent, not when it was queued."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from delivery.senders import NotYet, Refused
from diagnosis.errors import AnalysisFailed
from diagnosis.models import Analysis, Confidentiality, ReadingPolicy, Report, Study
from diagnosis.models.analysis import CLASSIFIERS_OFF
from diagnosis.models.modality import Modality
from diagnosis.results import words
from diagnosis.rules import blinding, classifiers, corrections
from diagnosis.states import AnalysisStatus, ReportStatus

WITHDRAWN = gettext_noop("The study was taken back.")
CONFIDENTIAL = gettext_noop("The record is confidential. Nothing of it leaves the portal by itself.")
MOVED = gettext_noop("Images of it were taken back or moved to another study since.")
SUPERSEDED = gettext_noop("A newer result has taken its place.")
NO_RESULT = gettext_noop("There is no result to send.")
RESEARCH_ONLY = gettext_noop("The result is for research only, and this clinic has not switched it on.")
STOPPED = gettext_noop("A classifier that answered was stopped since.")
NOT_SHOWN = gettext_noop("The classifiers that answered are off or on trial in this clinic now.")
NOT_READ = gettext_noop("It waits until a person has read the study, as this clinic’s reading policy asks.")
NOT_SIGNED = gettext_noop("The report is not signed.")
MOVED_TO_ANOTHER = gettext_noop("The study was given to another patient since it was queued.")
NEWER_VERSION = gettext_noop("Something was signed to this report since. The newer version is sent in its place.")
OTHER_IN_FILE = gettext_noop(
    "The file names another record number or birth date than the record. Nothing is sent under either of them."
)
OTHER_PATIENT = gettext_noop("The report was signed under another patient’s name.")


def require_study(study: Study | None) -> Study:
    """Raise Refused where nothing of the study may leave. For every kind of destination."""
    if study is None or study.withdrawal_id:
        raise Refused(WITHDRAWN)
    if Confidentiality.objects.standing().filter(patient=study.patient_id).exists():
        raise Refused(CONFIDENTIAL)
    return study


def require_result(analysis: Analysis) -> None:
    """Raise Refused or NotYet where the result of `analysis` may not leave, or not before a person has read."""
    study = require_study(analysis.study)
    if analysis.status != AnalysisStatus.SUCCEEDED or not analysis.predictions.exists():
        raise Refused(NO_RESULT)
    if Analysis.objects.filter(study=study, number__gt=analysis.number, status=AnalysisStatus.SUCCEEDED).exists():
        raise Refused(SUPERSEDED)
    if not Analysis.objects.filter(pk=analysis.pk).with_all_images().exists():
        raise Refused(MOVED)
    _require_standing_classifiers(analysis)
    if words.computer(analysis, policy=ReadingPolicy.of(study.clinic)).folded:
        raise Refused(RESEARCH_ONLY)
    if blinding.results_held_back().filter(pk=study.pk).exists():
        raise NotYet(NOT_READ)


def _require_standing_classifiers(analysis: Analysis) -> None:
    study, names = analysis.study, list(analysis.predictions.values_list("classifier", flat=True))
    try:
        classifiers.require_still_answering(study.clinic_id, Modality(study.modality), names)
    except AnalysisFailed as failure:
        raise Refused(NOT_SHOWN if failure.code == CLASSIFIERS_OFF else STOPPED) from failure
    except classifiers.OthersAnswer as failure:
        raise Refused(STOPPED) from failure


def require_report(report: Report | None) -> Report:
    """Raise Refused where the report may not leave."""
    if report is None or report.status != ReportStatus.FINAL:
        raise Refused(NOT_SIGNED)
    require_study(report.study)
    if corrections.signed_under(report):
        raise Refused(OTHER_PATIENT)
    return report
