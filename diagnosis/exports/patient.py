"""Everything about one patient, as one ZIP file: for the patient, for a court, for another hospital.

Left out is what is not the patient's (images that were taken back may show somebody else, and so do reports that were
signed under another patient's name) and what the person who exports may not see yet (results and reports that are
hidden until they have read). The index says so. Signed reports outlive a study that was deleted past its retention
period, and are in it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db.models import Prefetch
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from diagnosis.exports.archive import Archive
from diagnosis.exports.rows import plain
from diagnosis.interchange.fhir import bundle, devices, imaging, patients, reports, results
from diagnosis.interchange.fhir.elements import Resource, by_urn
from diagnosis.models import (
    Analysis,
    Deletion,
    EnsemblePrediction,
    LegalHold,
    Patient,
    Prediction,
    Report,
    Scan,
    Study,
)
from diagnosis.models.deletion import DeletionKind, DeletionQuerySet
from diagnosis.models.report import ReportQuerySet
from diagnosis.models.scan import FileFormat
from diagnosis.reports import seals
from diagnosis.reports.pdf import render_pdf
from diagnosis.reports.picture import pictures_of
from diagnosis.results import intended_use
from diagnosis.rules import blinding, corrections, records
from diagnosis.rules.classifiers import Stops
from diagnosis.states import AnalysisStatus, ReportStatus

ENDINGS = {FileFormat.PNG: "png", FileFormat.JPEG: "jpg", FileFormat.DICOM: "dcm"}
Address = Callable[[Report], str]


@dataclass
class OneStudy:
    """A study of the patient, and where its parts lie in the file. `images`: name there → image.

    `of_others`: how many reports are left out because they were signed under another patient's name.
    """

    study: Study
    images: dict[str, Scan]
    reports: dict[str, Report]
    analyses: list[Analysis]
    hides_result: bool
    hides_reading: bool
    of_others: int
    missing: list[str] = field(default_factory=list)


def export_patient(patient: Patient, *, by: User, address_of: Address) -> IO[bytes]:
    """The file, open at its beginning; whoever gets it closes it. `address_of`: where a report can be verified.

    Raises OSError when the disk is full. An original that cannot be read is named in the index and the data instead.
    """
    archive = Archive(Path(settings.PRIVATE_ROOT))
    try:
        studies, kept = _studies(patient, by), _kept_reports(patient)
        for one in studies:
            _add_images(archive, one)
            _add_reports(archive, one.reports, address_of)
        _add_reports(archive, kept, address_of)
        archive.add_json("data.json", _data(patient, studies, kept))
        archive.add_json("fhir-bundle.json", _bundle(patient, studies))
        archive.add("index.html", _index(patient, studies, kept).encode())
        return archive.finish()
    except BaseException:
        archive.close()
        raise


def _studies(patient: Patient, by: User) -> list[OneStudy]:
    analyses = Analysis.objects.select_related("requested_by", "study", "ensemble_prediction").order_by("number")
    found = Study.objects.filter(patient=patient).order_by("received_at", "pk").select_related("clinic", "patient")
    studies = list(found.prefetch_related("series", "changes__made_by", Prefetch("analyses", analyses)))
    keys = [study.pk for study in studies]
    results, readings = blinding.results_hidden_among(by, keys), blinding.readings_hidden_among(by, keys)
    numbers = _numbers(patient)
    return [_one(n, study, study.pk in results, study.pk in readings, numbers) for n, study in enumerate(studies, 1)]


def _kept_reports(patient: Patient) -> dict[str, Report]:
    """Signed ones of studies that were deleted past their retention period; also on records that were merged."""
    of_person, numbers = _deleted(patient), _numbers(patient)
    studies = of_person.filter(kind=DeletionKind.RETENTION).values("study")
    found = _with_rows(Report.objects.filter(study__in=studies, status=ReportStatus.FINAL).order_by("signed_at", "pk"))
    own = [report for report in found if not _is_of_another(report, numbers)]
    return {f"kept-reports/report-{n:03}.pdf": report for n, report in enumerate(own, 1)}


def _deleted(patient: Patient) -> DeletionQuerySet:
    # A study that was deleted stays with its record where that is merged later.
    return Deletion.objects.confirmed().filter(study__patient__in=records.joined({patient.pk}))


def _numbers(patient: Patient) -> frozenset[str]:
    """The record numbers of the person."""
    found = Patient.objects.filter(pk__in=records.joined({patient.pk}))
    return frozenset(found.values_list("medical_record_number", flat=True))


def _is_of_another(report: Report, numbers: frozenset[str]) -> bool:
    named = corrections.signed_under(report)
    return named is not None and named["medical_record_number"] not in numbers


def _with_rows(reports: ReportQuerySet) -> ReportQuerySet:
    return reports.prefetch_related("addenda", "seals")


def _one(number: int, study: Study, hides_result: bool, hides_reading: bool, numbers: frozenset[str]) -> OneStudy:
    folder = f"study-{number:03}"
    images = Scan.objects.filter(series__study=study).select_related("uploaded_by").order_by("series", *_ORDER)
    reports = [] if hides_reading else list(_with_rows(Report.objects.filter(study=study).order_by("written_at")))
    own = [report for report in reports if not _is_of_another(report, numbers)]
    named = {f"{folder}/image-{n:04}.{_ending(image)}": image for n, image in enumerate(images, 1)}
    written = {f"{folder}/report-{n}.pdf": report for n, report in enumerate(own, 1)}
    analyses = [] if hides_result else list(study.analyses.all())
    return OneStudy(study, named, written, analyses, hides_result, hides_reading, len(reports) - len(own))


_ORDER = ("instance_number", "uploaded_at", "pk")


def _ending(image: Scan) -> str:
    return ENDINGS[FileFormat(image.file_format)]


def _add_images(archive: Archive, one: OneStudy) -> None:
    for name, image in one.images.items():
        try:
            # Read to its end before any of it is in the ZIP file, where a file that breaks off would look whole.
            with image.original.open("rb") as file:
                data = file.read()
        except OSError:
            one.missing.append(name)
        else:
            archive.add_file(name, BytesIO(data))


def _add_reports(archive: Archive, reports: Mapping[str, Report], address_of: Address) -> None:
    for name, report in reports.items():
        if report.status == ReportStatus.FINAL:
            archive.add(name, render_pdf(report, pictures=pictures_of(report), verification_url=address_of(report)))
            archive.add_json(name.replace(".pdf", "-seals.json"), _seals(report, address_of(report)))


def _seals(report: Report, address: str) -> dict[str, Any]:
    proof = seals.proof(report)
    return {
        "report": report.pk,
        "content_sha256": report.content_sha256,
        "verify_at": address,
        "says_what_was_signed": proof.says_what_was_signed,
        "is_sealed": proof.is_sealed,
        "sealed_since": proof.sealed_since,
        "seals": [plain(seal) for seal in report.seals.all()],
    }


def _data(patient: Patient, studies: list[OneStudy], kept: Mapping[str, Report]) -> dict[str, Any]:
    """The rows as they are, with every field."""
    # Why a version was saved may name the record number of somebody else whose images were moved.
    earlier = [plain(one, leave_out=["history_change_reason"]) for one in patient.history.all()]
    return {
        "exported_at": timezone.now(),
        "intended_use": intended_use.sentence(),
        "patient": plain(patient),
        "earlier_records": earlier,
        "merged_records": [plain(one) for one in patient.merged_from.all()],
        "legal_holds": [plain(one) for one in LegalHold.objects.filter(patient=patient)],
        "deleted_studies": [plain(one) for one in _deleted(patient)],
        "kept_reports": [_report_data(name, report) for name, report in kept.items()],
        "studies": [_study_data(one) for one in studies],
    }


def _study_data(one: OneStudy) -> dict[str, Any]:
    return {
        **plain(one.study),
        "series": [plain(series) for series in one.study.series.all()],
        "images": [{"file": name, **plain(image)} for name, image in one.images.items()],
        "unreadable_files": one.missing,
        "changes": [plain(change) for change in one.study.changes.all()],
        "results_hidden": one.hides_result,
        "analyses": [_analysis_data(analysis) for analysis in one.analyses],
        "reports_hidden": one.hides_reading,
        "readings": [] if one.hides_reading else [plain(review) for review in one.study.reviews.all()],
        "critical_results": [plain(result) for result in one.study.critical_results.all()],
        "reports": [_report_data(name, report) for name, report in one.reports.items()],
        "reports_of_other_patients": one.of_others,
    }


def _analysis_data(analysis: Analysis) -> dict[str, Any]:
    combined = analysis.ensemble
    return {
        **plain(analysis),
        "predictions": [plain(one) for one in analysis.predictions.all()],
        "ensemble_prediction": plain(combined) if combined else None,
        "image_results": [plain(one) for one in analysis.image_results.all()],
    }


def _report_data(name: str, report: Report) -> dict[str, Any]:
    return {
        "file": name if report.status == ReportStatus.FINAL else None,
        "standing": report.standing,
        **plain(report),
        "addenda": [plain(one) for one in report.addenda.all()],
        "entered_in_error": plain(report.error) if report.error else None,
    }


def _bundle(patient: Patient, studies: list[OneStudy]) -> Resource:
    found: list[Resource] = [patients.patient(patient, link=by_urn)]
    stops = Stops.of(patient.clinic_id)
    for one in studies:
        found.append(imaging.imaging_study(one.study, _counts(one), link=by_urn))
        for name, report in one.reports.items():
            path = name if report.status == ReportStatus.FINAL else ""
            found += _report_resources(report, stops, path=path)
    answers = [pair for one in studies for pair in _answers(one)]
    note = intended_use.sentence()
    standing = set(
        Analysis.objects.filter(pk__in=[analysis.pk for _, analysis in answers])
        .with_all_images()
        .values_list("pk", flat=True)
    )
    for row, analysis in answers:
        stopped = stops.among(analysis.study.modality, results.identities(row))
        stands = analysis.pk in standing
        found.append(results.observation(row, analysis, link=by_urn, note=note, stops=stopped, stands=stands))
    makers = dict.fromkeys(devices.maker(row) for row, _analysis in answers)
    found += [devices.device(one, note=note) for one in makers]
    return bundle.collection(found, at=timezone.now())


def _report_resources(report: Report, stops: Stops, *, path: str) -> list[Resource]:
    """The report is the one of its version: a file has no history."""
    found = reports.findings(report, link=by_urn)
    stopped = stops.among(report.study.modality, reports.shown_classifiers(report))
    made = reports.diagnostic_report(report, link=by_urn, pdf=path, stops=stopped) | {"id": str(report.pk)}
    return [made | ({"result": [by_urn("Observation", one["id"]) for one in found]} if found else {}), *found]


def _answers(one: OneStudy) -> list[tuple[Prediction | EnsemblePrediction, Analysis]]:
    """Of the analyses that succeeded."""
    done = [analysis for analysis in one.analyses if analysis.status == AnalysisStatus.SUCCEEDED]
    combined = [(run.ensemble, run) for run in done if run.ensemble]
    return [*combined, *((answer, run) for run in done for answer in run.predictions.all())]


def _counts(one: OneStudy) -> dict[uuid.UUID, int]:
    counts: dict[uuid.UUID, int] = {}
    for image in one.images.values():
        counts[image.series_id] = counts.get(image.series_id, 0) + 1
    return counts


def _index(patient: Patient, studies: list[OneStudy], kept: Mapping[str, Report]) -> str:
    final = ReportStatus.FINAL
    rows = [(one, [pair for pair in one.reports.items() if pair[1].status == final]) for one in studies]
    context = {
        "patient": patient,
        "rows": rows,
        "kept": list(kept.items()),
        "now": timezone.now(),
        "intended_use": intended_use.sentence(),
    }
    return render_to_string("diagnosis/export/index.html", context)
