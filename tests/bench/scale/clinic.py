"""One clinic's history of three years: what each number stands for, table by table.

Number n is one study with one image, one finished analysis, one prediction, a combination and a first reading. Two
studies are one patient's. All are spread evenly over the days, the last one was today; one in fifty waits to be read,
one in five hundred failed. What a table describes and does not have is left out, see `tables`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.scale.tables import Table, key

DAYS = 1095
STAFF = 20
STUDIES_A_PATIENT = 2
# Multiplicative steps without a common factor: the numbers of one day, name or outcome lie anywhere in the range.
SPREAD = 7919
# Among the first 1,000 more of both, and of those who are searched for, so that their lists fill a page there too, and
# what a filter leaves of them: how many rows a page has costs as much in a small clinic as in a large one, and is not
# the question.
WAITS = "(n % 50 = 7 OR n <= 1000 AND n % 8 = 7)"
FAILED = "(n % 500 = 3 OR n <= 1000 AND n % 16 = 3)"
SOUGHT = "(n <= 500 AND n % 10 = 5)"  # patients
DECIDED = f"NOT ({WAITS}) AND NOT ({FAILED})"
POINT = json.dumps(
    {
        "positive_label": "covid",
        "threshold": 0.4,
        "positive_from": 0.7,
        "chosen_for": "benchmark",
        "sensitivity": {"value": 0.9, "low": 0.8, "high": 0.95},
        "specificity": {"value": 0.9, "low": 0.8, "high": 0.95},
        "measured_on": "nothing",
    }
)
PROBABILITY = "((n * 31 % 1000) / 1000.0)"
SAID = f"jsonb_build_object('covid', {PROBABILITY}, 'normal', 1 - {PROBABILITY})"
NAMES = ["Berg", "Lund", "Ahlers", "Moreau", "Rossi", "Novak", "Silva", "Kaya", "Okafor", "Tanaka", "Haugen", "Weiss"]


@dataclass(frozen=True)
class Place:
    """The clinic and its people, as SQL literals. `uploaders` and `readers` are arrays of keys."""

    clinic: str
    uploaders: str
    readers: str


def tables(place: Place) -> Sequence[Table]:
    """In the order in which rows refer to each other."""
    clinic, by = f"'{place.clinic}'::uuid", f"({place.uploaders})[1 + n % {STAFF}]"
    reader = f"({place.readers})[1 + n % {STAFF}]"
    # Later numbers of one fill are no later in time: a larger history is denser, not longer.
    at = f"(now() - interval '1 minute' - (n::bigint * {SPREAD} % {DAYS * 1440}) * interval '1 minute')"
    read_at = f"({at} + (n * 13 % 600) * interval '1 second')"
    patient = key("patient", f"(n - 1) / {STUDIES_A_PATIENT} + 1")
    study = {"study_id": key("study"), "scan_id": key("scan")}
    name = f"(ARRAY{NAMES})[1 + n % {len(NAMES)}] || chr(97 + (n / 12 % 26)::int) || (n / 312 % 50)"
    name = f"CASE WHEN {SOUGHT} THEN 'Berga1' || n % 7 ELSE {name} END"
    given = f"'Given' || CASE WHEN {SOUGHT} THEN 1 ELSE n % 97 END"
    said = {
        "probabilities": SAID,
        "label": f"CASE WHEN {PROBABILITY} > 0.5 THEN 'covid' ELSE 'normal' END",
        "operating_point": f"'{POINT}'::jsonb",
        "probability": PROBABILITY,
        "at_or_above_threshold": f"{PROBABILITY} >= 0.4",
        "zone": f"CASE WHEN {PROBABILITY} >= 0.7 THEN 'positive' WHEN {PROBABILITY} >= 0.4 "
        "THEN 'indeterminate' ELSE 'negative' END",
        "version": "'1.0.0'",
        "analysis_id": key("analysis"),
        "created_at": at,
    }
    number = "lpad(n::text, 7, '0')"
    record = {
        "clinic_id": clinic,
        "medical_record_number": number,
        "family_name": name,
        "given_name": given,
        "birth_date": "date '1935-01-01' + (n * 37 % 30000)::int",
        "sex": "'U'",
        "created_by_id": by,
    }
    category = "(ARRAY['typical', 'indeterminate', 'atypical', 'negative'])[1 + n % 4]"
    overridden = "n % 9 = 0"
    return (
        Table(
            "diagnosis.Patient",
            record
            | {
                "id": key("patient"),
                # As Patient.save() makes it: the number, the names, the number without its zeros.
                "search_key": f"' ' || {number} || ' ' || lower({name}) || ' ' || lower({given}) || ' ' || n",
                "created_at": at,
            },
            per=STUDIES_A_PATIENT,
        ),
        Table(
            "diagnosis.HistoricalPatient",
            record | {"id": key("patient"), "history_type": "'+'", "history_date": at},
            per=STUDIES_A_PATIENT,
        ),
        Table(
            "diagnosis.Study",
            {
                "id": key("study"),
                "clinic_id": clinic,
                "patient_id": patient,
                "modality": "CASE WHEN n % 3 = 0 THEN 'ct' ELSE 'cxr' END",
                "received_at": at,
                "received_from_id": by,
                "representative_id": key("scan"),
            },
            required=False,
        ),
        Table("diagnosis.Series", {"id": key("series"), "study_id": key("study")}, required=False),
        Table(
            "diagnosis.Scan",
            {
                "id": key("scan"),
                "series_id": key("series"),
                "clinic_id": clinic,
                "patient_id": patient,
                "modality": "CASE WHEN n % 3 = 0 THEN 'ct' ELSE 'cxr' END",
                "original": "'originals/none'",
                "original_name": "'image.png'",
                "file_format": "'png'",
                "sha256": "md5(n::text) || md5('b' || n)",
                "byte_size": "1000000 + n % 1000",
                "width": "1280",
                "height": "1632",
                "bits": "8",
                "uploaded_at": at,
                "uploaded_by_id": by,
            },
        ),
        Table(
            "diagnosis.Analysis",
            study
            | {
                "id": key("analysis"),
                "number": "1",
                "status": f"CASE WHEN {FAILED} THEN 'failed' ELSE 'succeeded' END",
                "requested_by_id": by,
                "requested_at": at,
                "started_at": at,
                "finished_at": f"{at} + interval '1 second'",
                "attempts": "1",
                "worker": "'worker ' || n % 4",
                "failure_code": f"CASE WHEN {FAILED} THEN 'unexpected' ELSE '' END",
                "aggregation": "'{}'::jsonb",
            },
        ),
        Table(
            "diagnosis.Prediction",
            said
            | {
                "id": key("prediction"),
                "image_id": key("scan"),
                "classifier": "'vgg16-cxr'",
                "architecture": "'vgg16'",
                "weights_sha256": "repeat('0', 64)",
                "preprocessing": "'1'",
                "milliseconds": "50",
                "attention": "'attention/none'",
                "attention_label": "'covid'",
            },
            where=f"NOT ({FAILED})",
        ),
        Table(
            "diagnosis.EnsemblePrediction",
            said | {"id": key("ensemble"), "ensemble": "'panel-cxr'", "members": "'[\"vgg16-cxr/1.0.0\"]'::jsonb"},
            where=f"NOT ({FAILED})",
        ),
        Table(
            "diagnosis.Review",
            study
            | {
                "id": key("review"),
                "clinic_id": clinic,
                "status": f"CASE WHEN {WAITS} THEN 'waiting' ELSE 'decided' END",
                "requested_by_id": by,
                "urgent": "n % 31 = 0",
                "suspicion": PROBABILITY,
                "share_above": f"({PROBABILITY} >= 0.4)::int",
                "zone": said["zone"],
                "marks": f"CASE WHEN {PROBABILITY} BETWEEN 0.4 AND 0.7 THEN '[\"indeterminate\"]' ELSE '[]' END::jsonb",
                "waiting_since": at,
                "due_at": f"{at} - {PROBABILITY} * interval '12 hours'",
                "reader_id": f"CASE WHEN {WAITS} THEN NULL ELSE {reader} END",
                "decision": f"CASE WHEN {WAITS} THEN '' WHEN {overridden} THEN 'override' ELSE 'agree' END",
                "decided_at": f"CASE WHEN {WAITS} THEN NULL ELSE least({read_at}, now()) END",
                "category": f"CASE WHEN {WAITS} THEN '' ELSE {category} END",
                "agreement": f"CASE WHEN {WAITS} THEN '' WHEN {overridden} THEN 'differs' ELSE 'agrees' END",
                "override_reason": f"CASE WHEN NOT ({WAITS}) AND {overridden} THEN 'artefact' ELSE '' END",
                "image_quality": f"CASE WHEN {WAITS} THEN '' ELSE 'good' END",
                "findings": "'Findings of a benchmark.'",
                "impression": "'Impression of a benchmark.'",
                "analysis_id": f"CASE WHEN {WAITS} THEN NULL ELSE {key('analysis')} END",
            },
            where=f"NOT ({FAILED})",
        ),
        Table(
            "diagnosis.FirstImpression",
            {
                "review_id": key("review"),
                "reader_id": reader,
                "category": "(ARRAY['typical', 'negative', 'atypical', 'negative'])[1 + n % 4]",
                "committed_at": read_at,
            },
            where=f"{DECIDED} AND n % 3 = 0",
        ),
        Table(
            "diagnosis.Report",
            study
            | {
                "id": key("report"),
                "review_id": key("review"),
                "status": "'final'",
                "category": category,
                "image_quality": "'good'",
                "findings": "'Findings of a benchmark.'",
                "impression": "'Impression of a benchmark.'",
                "written_by_id": reader,
                "written_at": read_at,
                "signed_by_id": reader,
                "signed_at": read_at,
                "signer_name": "'Reader'",
                "snapshot": "'{}'::jsonb",
                "content_sha256": "repeat('0', 64)",
                "verification_code": "left(md5('code' || n), 20)",
            },
            where=DECIDED,
        ),
        Table(
            "diagnosis.Notification",
            study
            | {
                "recipient_id": by,
                "kind": "'result'",
                "created_at": at,
                "read_at": f"CASE WHEN n % 100 > 1 THEN {at} END",
            },
        ),
    )
