"""A patient's examinations, reports and results as one FHIR R4 Bundle.

The bundle is a `collection`: resources side by side, for a reader that takes what it knows. Resources point at each
other by `urn:uuid:` and their keys here. What R4 asks for and the portal does not know is left out with the optional
element around it: no ImagingStudy lists its instances, because their SOP classes are not kept; the files are there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from diagnosis.models import Analysis, Patient, Prediction, Report, Series, Study
from diagnosis.models.finding import RADLEX, SNOMED_CT, Finding
from diagnosis.models.modality import Modality
from diagnosis.models.patient import Sex
from diagnosis.states import STANDING_ELSEWHERE, ReportStatus

DCM, LOINC = "http://dicom.nema.org/resources/ontology/DCM", "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
SYSTEMS = {RADLEX: "http://radlex.org", SNOMED_CT: "http://snomed.info/sct"}
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
GENDERS = {Sex.FEMALE: "female", Sex.MALE: "male", Sex.OTHER: "other", Sex.UNKNOWN: "unknown"}
MODALITIES = {Modality.CXR: ("DX", "Digital Radiography"), Modality.CT: ("CT", "Computed Tomography")}
IMAGING = {"system": LOINC, "code": "18748-4", "display": "Diagnostic imaging study"}
# Keys of resources that are no row of their own here.
NAMESPACE = uuid.UUID("8f3f9dd2-6d0c-4f0f-9a55-3c3c1c0f9b1e")
Resource = dict[str, Any]


def bundle(patient: Patient, resources: Iterable[Resource], *, at: datetime) -> Resource:
    """A Bundle of `resources`, the patient first."""
    entries = [{"fullUrl": _urn(one["id"]), "resource": one} for one in (patient_resource(patient), *resources)]
    return {"resourceType": "Bundle", "type": "collection", "timestamp": at.isoformat(), "entry": entries}


def patient_resource(patient: Patient) -> Resource:
    given = {"given": [patient.given_name]} if patient.given_name else {}
    number = {"system": _urn(patient.clinic_id), "value": patient.medical_record_number}
    return {
        "resourceType": "Patient",
        "id": str(patient.pk),
        "identifier": [number | {"assigner": {"display": str(patient.clinic)}}],
        "name": [{"family": patient.family_name, **given}],
        "gender": GENDERS[Sex(patient.sex)],
        **({"birthDate": patient.birth_date.isoformat()} if patient.birth_date else {}),
    }


def imaging_study(study: Study, counts: dict[uuid.UUID, int]) -> Resource:
    """`counts`: images by the key of their series."""
    series = [_series(one, study, counts[one.pk]) for one in study.series.all() if counts.get(one.pk)]
    return {
        "resourceType": "ImagingStudy",
        "id": str(study.pk),
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{_uid(study.study_instance_uid, study.pk)}"}],
        "status": "available",
        "modality": [_modality(study)],
        "subject": _to(study.patient_id),
        **({"started": study.examined_at.isoformat()} if study.examined_at else {}),
        **({"description": study.description} if study.description else {}),
        "numberOfSeries": len(series),
        "numberOfInstances": sum(counts.get(one.pk, 0) for one in study.series.all()),
        **({"series": series} if series else {}),
    }


def _series(series: Series, study: Study, count: int) -> Resource:
    return {
        "uid": _uid(series.series_instance_uid, series.pk),
        "modality": _modality(study),
        "numberOfInstances": count,
        **({"number": series.number} if series.number is not None and series.number >= 0 else {}),
        **({"description": series.description} if series.description else {}),
    }


def diagnostic_report(report: Report, *, path: str) -> list[Resource]:
    """The report, whose PDF lies at `path`, and an Observation for each coded finding."""
    findings = [_finding(report, number, one) for number, one in enumerate(report.coded_findings)]
    made = {
        "resourceType": "DiagnosticReport",
        "id": str(report.pk),
        "status": STANDING_ELSEWHERE[report.standing].fhir,
        "code": {"coding": [IMAGING]},
        "subject": _to(report.study.patient_id),
        "imagingStudy": [_to(report.study_id)],
        "conclusion": report.impression,
        **({"effectiveDateTime": report.study.examined_at.isoformat()} if report.study.examined_at else {}),
        **({"issued": report.signed_at.isoformat()} if report.signed_at else {}),
        **({"resultsInterpreter": [{"display": report.signer_name}]} if report.signer_name else {}),
        **({"result": [_to(one["id"]) for one in findings]} if findings else {}),
        **({"presentedForm": [{"contentType": "application/pdf", "url": path}]} if path else {}),
    }
    return [made, *findings]


def _finding(report: Report, number: int, stored: dict[str, Any]) -> Resource:
    code, label = stored["code"], str(Finding(stored["finding"]).label)
    coding = [{"system": SYSTEMS[code["scheme"]], "code": code["value"], "display": code["meaning"]}] if code else []
    is_final = report.status == ReportStatus.FINAL
    return {
        "resourceType": "Observation",
        "id": str(uuid.uuid5(NAMESPACE, f"{report.pk} {number}")),
        "status": _status(report) if is_final else "preliminary",
        "category": [_category("imaging", "Imaging")],
        "code": {**({"coding": coding} if coding else {}), "text": label},
        "subject": _to(report.study.patient_id),
        "valueCodeableConcept": {"text": stored["presence"]},
        **({"bodySite": {"text": stored["side"]}} if stored["side"] else {}),
    }


def _status(report: Report) -> str:
    """Observation has no `appended`: the finding itself was not added to."""
    found = STANDING_ELSEWHERE[report.standing].fhir
    return "final" if found == "appended" else found


def observation(prediction: Prediction, analysis: Analysis, *, note: str) -> Resource:
    """What a classifier answered, as a probability from 0 to 1; never more than preliminary."""
    label = prediction.operating_point["positive_label"]
    made = analysis.finished_at or prediction.created_at
    return {
        "resourceType": "Observation",
        "id": str(prediction.pk),
        "status": "preliminary",
        "category": [_category("imaging", "Imaging")],
        "code": {"text": f"Probability of {label}, by a classifier"},
        "subject": _to(analysis.study.patient_id),
        "derivedFrom": [_to(analysis.study_id)],
        "effectiveDateTime": made.isoformat(),
        "device": {"display": f"{prediction.classifier} {prediction.version}"},
        "valueQuantity": {"value": prediction.probability, "unit": "1", "system": UCUM, "code": "1"},
        "note": [{"text": note}],
    }


def _category(code: str, display: str) -> Resource:
    return {"coding": [{"system": OBSERVATION_CATEGORY, "code": code, "display": display}]}


def _modality(study: Study) -> Resource:
    code, display = MODALITIES[Modality(study.modality)]
    return {"system": DCM, "code": code, "display": display}


def _uid(own: str, key: uuid.UUID) -> str:
    """The file's own, else one made of our key as PS3.5 B.2 has it."""
    return own or f"2.25.{key.int}"


def _urn(key: object) -> str:
    return f"urn:uuid:{key}"


def _to(key: object) -> Resource:
    return {"reference": _urn(key)}
