"""A clinic whose queue is full: readers, patients, scans with results, and reviews that wait. Rows in bulk.

The scans share the files of a few phantoms, which the portal opens like any other; each has a hash of its own, because
no clinic may hold one file twice. No worker runs: it would find that file and hash do not match. The answers are
invented; the classifiers that gave them, and the panel, are those that ship.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar

from django.db.models import Model

if TYPE_CHECKING:
    from accounts.models import Clinic, User
    from diagnosis.models import Analysis, EnsemblePrediction, Patient, Prediction, Review, Scan, Series, Study
    from ml.ensemble import EnsembleSpec
    from ml.spec import ClassifierSpec

M = TypeVar("M", bound=Model)

HEIGHT, WIDTH = 1632, 1280  # 2.09 megapixels
PHANTOMS = 4
SCANS_A_PATIENT = 2
BATCH = 1000


@dataclass(frozen=True)
class Stored:
    """Names of private files, and the originals' sizes in bytes."""

    originals: list[tuple[str, int]]
    attention: str


def make_readers(count: int, password: str) -> tuple[Clinic, list[User]]:
    from django.contrib.auth.hashers import make_password

    from accounts.models import Clinic, Membership, User
    from accounts.roles import Radiologist

    clinic = Clinic.objects.create(name="Benchmark Clinic")
    hashed = make_password(password)
    readers = User.objects.bulk_create(
        User(email=f"reader{n}@clinic.example", full_name=f"Reader {n}", password=hashed) for n in range(count)
    )
    Membership.objects.bulk_create(Membership(user=one, clinic=clinic, role=Radiologist.slug) for one in readers)
    return clinic, readers


def make_cases(clinic: Clinic, by: User, count: int) -> None:
    from django.db import connection, transaction

    from diagnosis.models import (
        Analysis,
        EnsemblePrediction,
        Patient,
        Prediction,
        Review,
        ReviewTransition,
        Scan,
        Series,
        Study,
    )

    stored, chance = _store(), random.Random(1)
    with transaction.atomic():
        patients = _bulk(Patient, [_patient(clinic, by, n) for n in range(-(-count // SCANS_A_PATIENT))])
        studies = _bulk(Study, [_study(patients[n // SCANS_A_PATIENT], by) for n in range(count)])
        series = _bulk(Series, [Series(study=study) for study in studies])
        scans = _bulk(Scan, [_scan(one, by, n, stored) for n, one in enumerate(series)])
        for study, scan in zip(studies, scans, strict=True):
            study.representative = scan
        Study.objects.bulk_update(studies, ["representative"], batch_size=1000)
        analyses = _bulk(Analysis, [_analysis(study, by) for study in studies])
        specs, panel = _panel()
        predictions = [list(_predictions(one, specs, chance, stored.attention)) for one in analyses]
        _bulk(Prediction, [prediction for group in predictions for prediction in group])
        _bulk(EnsemblePrediction, [_combination(panel, group) for group in predictions])
        answered = Analysis.objects.select_related(
            "study__clinic", "study__representative", "ensemble_prediction"
        ).prefetch_related("predictions")
        reviews = _bulk(Review, [_review(one, by, chance) for one in answered])
        _bulk(ReviewTransition, [ReviewTransition(review=one, target=one.status, by="benchmark") for one in reviews])
    with connection.cursor() as cursor:
        # What autovacuum would have done after a minute.
        cursor.execute("ANALYZE")


def _bulk(model: type[M], rows: list[M]) -> list[M]:
    return list(model._default_manager.bulk_create(rows, batch_size=BATCH))


def _store() -> Stored:
    from django.core.files.base import ContentFile

    from diagnosis.models.base import private_storage
    from ml.imaging import render_png
    from ml.imaging.phantom import chest_xray

    files = [render_png(chest_xray(HEIGHT, WIDTH, seed=seed, opacities=seed)) for seed in range(PHANTOMS)]
    save = private_storage().save
    names = [(save(f"originals/phantom-{n}", ContentFile(file)), len(file)) for n, file in enumerate(files)]
    return Stored(names, save("attention/phantom.png", ContentFile(files[0])))


def _patient(clinic: Clinic, by: User, number: int) -> Patient:
    from diagnosis.models import Patient
    from diagnosis.models.patient import search_key_of

    born = date(1935, 1, 1) + timedelta(days=number * 37 % 30_000)
    record, family, given = f"{number:06d}", f"Family{number % 700}", "Given"
    return Patient(
        clinic=clinic,
        medical_record_number=record,
        family_name=family,
        given_name=given,
        birth_date=born,
        search_key=search_key_of(record, family, given),  # bulk_create calls no save()
        created_by=by,
    )


def _study(patient: Patient, by: User) -> Study:
    from django.utils import timezone

    from diagnosis.models import Study

    now = timezone.now()
    return Study(clinic=patient.clinic, patient=patient, modality="cxr", received_at=now, received_from=by)


def _scan(series: Series, by: User, number: int, stored: Stored) -> Scan:
    from diagnosis.models import Scan

    patient = series.study.patient

    name, size = stored.originals[number % PHANTOMS]
    return Scan(
        clinic=patient.clinic,
        patient=patient,
        series=series,
        modality="cxr",
        original=name,
        original_name="phantom.png",
        file_format="png",
        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        byte_size=size,
        width=WIDTH,
        height=HEIGHT,
        bits=8,
        uploaded_by=by,
    )


def _analysis(study: Study, by: User) -> Analysis:
    from django.utils import timezone

    from diagnosis.models import Analysis
    from diagnosis.states import AnalysisStatus

    return Analysis(
        study=study, number=1, status=AnalysisStatus.SUCCEEDED, requested_by=by, finished_at=timezone.now(), attempts=1
    )


def _panel() -> tuple[tuple[ClassifierSpec, ...], EnsembleSpec]:
    """The classifiers of X-rays, and what combines them."""
    from diagnosis.analyses import classifiers
    from ml.spec import Modality

    specs = tuple(spec for spec in classifiers.active_specs() if spec.modality is Modality.CXR)
    panel, blocked_reason = classifiers.ensemble_for(specs)
    assert panel, blocked_reason
    return specs, panel


def _predictions(
    analysis: Analysis, specs: Sequence[ClassifierSpec], chance: random.Random, attention: str
) -> Iterator[Prediction]:
    from diagnosis.models import Prediction

    centre = chance.random() ** 3
    for spec in specs:
        point, probability = spec.operating_point, min(max(centre + chance.gauss(0, 0.05), 0.0), 1.0)
        said = _spread(probability, spec.labels, point.positive_label)
        yield Prediction(
            analysis=analysis,
            image=analysis.scan,
            classifier=spec.name,
            version=spec.version,
            architecture=spec.architecture,
            weights_sha256=spec.weights_sha256,
            preprocessing=spec.preprocessing,
            probabilities=said,
            label=max(said, key=said.__getitem__),
            operating_point=point.to_fields(),
            probability=probability,
            at_or_above_threshold=probability >= point.threshold,
            zone=point.zone(probability).value,
            milliseconds=50,
            attention=attention,
            attention_label=point.positive_label,
        )


def _spread(probability: float, labels: Sequence[str], positive: str) -> dict[str, float]:
    """The rest of the probability in equal parts over the other labels."""
    return {label: probability if label == positive else (1 - probability) / (len(labels) - 1) for label in labels}


def _combination(panel: EnsembleSpec, predictions: Sequence[Prediction]) -> EnsemblePrediction:
    from diagnosis.analyses.predict import CombinedPrediction
    from diagnosis.analyses.runner import ensemble_prediction_row

    said = panel.combine({one.identity: one.probabilities for one in predictions})
    return ensemble_prediction_row(predictions[0].analysis_id, CombinedPrediction(panel, said))


def _review(analysis: Analysis, by: User, chance: random.Random) -> Review:
    from django.utils import timezone

    from diagnosis.models import ReadingPolicy, Review
    from diagnosis.reviews import queue

    study = analysis.study
    review = Review(
        study=study,
        clinic=study.clinic,
        requested_by=by,
        urgent=chance.random() < 0.03,
        waiting_since=timezone.now() - timedelta(hours=chance.uniform(0, 96)),
    )
    queue.score(review, analysis)
    review.due_at = queue.due_at(review, ReadingPolicy(clinic=study.clinic))
    return review
