from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from importlib import import_module
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from diagnosis.models import Analysis, Notification, Patient, Report, Review, Scan, Seal, ShadowPrediction, Study
from diagnosis.models.patient import search_key_of
from tests import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.migrations.state import StateApps

    from accounts.models import Clinic, User

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


def test_database_is_up_to_date() -> None:
    call_command("migrate", check=True, verbosity=0)


def test_sqlite_waits_for_other_writers() -> None:
    """WAL, and a write lock taken at BEGIN, or workers and pages fail each other with "database is locked"."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (20_000,)
    assert connection.transaction_mode == "IMMEDIATE"


def test_postgresql_is_reached_through_psycopg2() -> None:
    if connection.vendor != "postgresql":
        return
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    assert not is_psycopg3


@pytest.fixture
def newest_tables_afterwards(transactional_db: None) -> Iterator[None]:
    """The tests of one process share their tables: whoever makes old ones brings the newest again."""
    yield
    call_command("migrate", verbosity=0)
    # Tables are emptied row by row on SQLite, where a final report would refuse to go.
    wall, seals = (import_module(f"diagnosis.migrations.{name}") for name in ("0014_study", "0037_seals"))
    with connection.schema_editor() as editor:
        wall.lower_wall(None, editor)
        seals.lower_wall(None, editor)
    Seal.objects.all().delete()
    Report.objects.all().delete()
    with connection.schema_editor() as editor:
        wall.raise_wall(None, editor)
        seals.raise_wall(None, editor)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("newest_tables_afterwards")
def test_what_older_versions_wrote_arrives(request: pytest.FixtureRequest) -> None:
    """All in one way through the versions, which takes a minute of a core; each in a clinic of its own.

    A story writes its rows with an older version, waits until they are of this one, and looks at them. What came of the
    tables on that way is what the squashed migrations make of nothing.
    """
    from accounts.models import Clinic

    schema.drop_everything()
    call_command("migrate", verbosity=0)
    made_at_once = schema.described()
    assert schema.filled_tables() == {"auth_permission", "django_content_type", "django_migrations"}
    schema.drop_everything()
    waiting = []
    for version, stories in STORIES.items():
        old = schema.migrate_as_written(version)
        people = [request.getfixturevalue(role) for role in ("radiographer", "radiologist")]
        for story in stories:
            told = story(old, Clinic.objects.create(name=story.__name__), *people)
            next(told)
            waiting.append(told)
    # A database that is on its way goes on as it began.
    known = [name for app, name in schema.AsWritten().disk_migrations if app == "diagnosis"]
    coming = [name for app, name in schema.migrations_to_come() if app == "diagnosis"]
    assert sorted(coming) == sorted(name for name in known if name > max(STORIES))
    schema.migrate_as_written()
    assert schema.described() == made_at_once
    call_command("migrate", verbosity=0)
    assert not schema.migrations_to_come()
    for told in waiting:
        assert next(told, "told to the end") == "told to the end"


def sentences_from_before_there_were_codes(old: StateApps, clinic: Clinic, by: User, reader: User) -> Iterator[None]:
    scan = old_scan(old, clinic, by, 1, identity_note="name: file says A, record says B")
    failed = {"status": "failed", "failure_code": "blank", "failure_reason": "This image is blank."}
    finished = {"finished_at": timezone.now(), "without_ensemble": "vgg19-cxr is switched off."}
    analysis = old.get_model("diagnosis", "Analysis").objects.create(
        scan=scan, number=1, requested_by_id=by.pk, **failed, **finished
    )
    old.get_model("diagnosis", "Transition").objects.create(
        analysis=analysis, target="failed", note="worker 7 was lost"
    )
    yield
    found = Analysis.objects.get(pk=analysis.pk)
    assert (found.failure_code, found.failure_reason) == ("blank", "This image is blank.")
    assert found.without_ensemble == "vgg19-cxr is switched off."
    assert found.transitions.get().note_text == "worker 7 was lost"
    assert Scan.objects.get(pk=scan.pk).identity_note == "name: file says A, record says B."


def images_of_one_examination_are_one_study(old: StateApps, clinic: Clinic, by: User, reader: User) -> Iterator[None]:
    views = [old_scan(old, clinic, by, n, study_instance_uid="1.2.3") for n in (1, 2)]
    same_order = [old_scan(old, clinic, by, n, accession_number="A-7") for n in (3, 4)]
    loose = old_scan(old, clinic, by, 5)
    tomogram = old_scan(old, clinic, by, 6, study_instance_uid="1.2.3", modality="ct")
    stranger = old_scan(old, clinic, by, 7, study_instance_uid="1.2.3", number="MRN-2")
    yield
    studies = Study.objects.filter(clinic=clinic)
    groups = {frozenset(study.series.values_list("images", flat=True)) for study in studies}
    together = [views, same_order, [loose], [tomogram], [stranger]]
    assert groups == {frozenset(scan.pk for scan in group) for group in together}
    assert not studies.filter(representative=None).exists()
    assert {study.patient.medical_record_number for study in studies} == {"MRN-1", "MRN-2"}


def one_reading_of_a_series_is_the_studys(old: StateApps, clinic: Clinic, by: User, reader: User) -> Iterator[None]:
    """And its report stays as it was signed."""
    uids = {"study_instance_uid": "1.2", "series_instance_uid": "1.2.3", "modality": "ct"}
    slices = [old_scan(old, clinic, by, n, instance_number=n, **uids) for n in (1, 2, 3)]
    reviews = [old_review(old, scan, by) for scan in slices]
    decide(old, reviews[0], reader)
    rows = old.get_model("diagnosis", "ReviewTransition").objects
    for review in reviews[1:]:
        type(review).objects.filter(pk=review.pk).update(status="withdrawn")
        note = f"Read with its series in {reviews[0].pk}"  # as versions wrote it that kept no codes
        rows.create(review=review, source="waiting", target="withdrawn", by="a reader", note=note)
    report = old_report(old, reviews[0], reader, final=True)
    yield
    study = Study.objects.get(clinic=clinic)
    assert study.representative_id == slices[0].pk
    kept = Report.objects.get(study__clinic=clinic)
    assert (kept.pk, kept.study, kept.image, kept.images) == (report.pk, study, None, [str(slices[0].pk)])
    assert kept.content_sha256 == report.content_sha256
    assert Review.objects.get(pk=reviews[0].pk).image is None
    assert all(Scan.objects.get(pk=scan.pk).report == kept for scan in slices)
    with pytest.raises(IntegrityError), transaction.atomic():
        Report.objects.filter(pk=kept.pk).update(impression="Something else.")


def of_several_open_readings_one_stays_in_the_queue(
    old: StateApps, clinic: Clinic, by: User, reader: User
) -> Iterator[None]:
    views = [old_scan(old, clinic, by, n, study_instance_uid="1.2.3") for n in (1, 2, 3)]
    reviews = [old_review(old, scan, by, urgent=number == 2) for number, scan in enumerate(views)]
    lease = timezone.now() + timedelta(minutes=5)
    held = {"claim": uuid.uuid4(), "claimed_at": lease, "lease_expires_at": lease, "reader_id": reader.pk}
    type(reviews[1]).objects.filter(pk=reviews[1].pk).update(status="claimed", **held)
    yield
    kept = Review.objects.open().get(clinic=clinic)
    assert (kept.pk, kept.image, kept.reader, kept.urgent) == (reviews[1].pk, None, reader, True)
    withdrawn = Review.objects.filter(clinic=clinic).exclude(pk=kept.pk)
    assert {review.status for review in withdrawn} == {"withdrawn"}
    told = {review.transitions.get().note_text for review in withdrawn}
    assert told == {f"Read with its study in {kept.pk}"}


def old_notices_lead_to_their_images(old: StateApps, clinic: Clinic, by: User, reader: User) -> Iterator[None]:
    views = [old_scan(old, clinic, by, n, study_instance_uid="1.2.3") for n in (1, 2, 3)]
    loose = old_scan(old, clinic, by, 4)
    begin = timezone.now() - timedelta(days=9)
    for number, scan in enumerate(views):
        ended = begin + timedelta(seconds=number)
        fields = {"status": "succeeded", "number": 1, "requested_by_id": by.pk, "finished_at": ended}
        old.get_model("diagnosis", "Analysis").objects.create(scan=scan, **fields)
    moments = [(scan, begin + timedelta(seconds=number + 0.01)) for number, scan in enumerate(views)]
    for scan, moment in [*moments, (loose, begin), (views[1], begin + timedelta(days=1))]:
        notice = old.get_model("diagnosis", "Notification")(recipient_id=by.pk, scan=scan, kind="result")
        notice.save()
        type(notice).objects.filter(pk=notice.pk).update(created_at=moment)
    yield
    notices = Notification.objects.filter(study__clinic=clinic)
    images = list(notices.order_by("pk").values_list("image", flat=True))
    # Of the last one nothing tells which image it was about.
    assert images == [*(scan.pk for scan in views), loose.pk, None]


def what_later_versions_derive(old: StateApps, clinic: Clinic, by: User, reader: User) -> Iterator[None]:
    """The words of a search, who said what of an examination, and the place in the queue."""
    since = timezone.now() - timedelta(hours=3)
    named = {"medical_record_number": "MRN-0815", "family_name": "Berg", "search_key": " mrn-0815 berg"}
    patient = old.get_model("diagnosis", "Patient").objects.create(clinic_id=clinic.pk, created_by_id=by.pk, **named)
    received = {"received_at": since, "received_from_id": by.pk, "modality": "cxr"}
    study = old.get_model("diagnosis", "Study").objects.create(
        clinic_id=clinic.pk, patient=patient, referring_physician="Dr Lind", **received
    )
    old_answer(old, study, by.pk, {"covid": 0.1, "pneumonia": 0.6, "normal": 0.3})
    waiting = {"urgent": True, "suspicion": 0.1, "waiting_since": since, "due_at": since - timedelta(hours=99)}
    old.get_model("diagnosis", "Review").objects.create(
        study=study, clinic_id=clinic.pk, requested_by_id=by.pk, **waiting
    )
    yield
    among = Patient.objects.filter(clinic=clinic)
    found = [among.search(words).get() for words in ("0815", "815", "mrn0815", "berg")]
    assert {one.pk for one in found} == {patient.pk}
    assert found[0].search_key == search_key_of("MRN-0815", "Berg", "")
    assert Study.objects.get(clinic=clinic).from_file == ["referring_physician"]
    review = Review.objects.get(clinic=clinic)
    assert review.due_at == since - timedelta(hours=48)  # for being urgent; the classifiers move no case any more
    assert review.suspicion == pytest.approx(0.7)  # of anything abnormal


def answers_on_trial_stay_without_what_they_were_for(
    old: StateApps, clinic: Clinic, by: User, reader: User
) -> Iterator[None]:
    named = {"medical_record_number": "MRN-1", "family_name": "Berg", "search_key": " mrn-1 berg"}
    patient = old.get_model("diagnosis", "Patient").objects.create(clinic_id=clinic.pk, created_by_id=by.pk, **named)
    received = {"received_at": timezone.now(), "received_from_id": by.pk, "modality": "cxr"}
    study = old.get_model("diagnosis", "Study").objects.create(clinic_id=clinic.pk, patient=patient, **received)
    old_answer(old, study, by.pk, {"covid": 0.1, "pneumonia": 0.6, "normal": 0.3})
    said = {"version": "1.0.0", "probability": 0.9, "at_or_above_threshold": True, "zone": "positive"}
    row = old.get_model("diagnosis", "ShadowPrediction").objects.create(
        analysis=old.get_model("diagnosis", "Analysis").objects.get(study=study), classifier="new-cxr", **said
    )
    yield
    kept = ShadowPrediction.objects.get(pk=row.pk)
    assert (kept.classifier, kept.probability, kept.positive_label) == ("new-cxr", 0.9, "")


# The newest migration of the version that wrote the rows → what it wrote.
STORIES: dict[str, list[Callable[[StateApps, Clinic, User, User], Iterator[None]]]] = {
    "0010_ensemble_predictions": [sentences_from_before_there_were_codes],
    "0013_override_reasons": [
        images_of_one_examination_are_one_study,
        one_reading_of_a_series_is_the_studys,
        of_several_open_readings_one_stays_in_the_queue,
        old_notices_lead_to_their_images,
    ],
    "0018_page_indexes": [what_later_versions_derive],
    "0050_site_thresholds": [answers_on_trial_stay_without_what_they_were_for],
}


def old_answer(old: StateApps, study: Any, by: uuid.UUID, probabilities: dict[str, float]) -> None:
    now = timezone.now()
    analysis = old.get_model("diagnosis", "Analysis").objects.create(
        study=study, number=1, status="succeeded", requested_by_id=by, finished_at=now
    )
    said = {"label": "pneumonia", "probability": 0.1, "at_or_above_threshold": False, "zone": "negative"}
    old.get_model("diagnosis", "EnsemblePrediction").objects.create(
        analysis=analysis,
        ensemble="panel-cxr",
        version="1.0.0",
        members=[],
        operating_point={},
        probabilities=probabilities,
        **said,
    )


def old_scan(old: StateApps, clinic: Clinic, by: User, count: int, *, number: str = "MRN-1", **more: Any) -> Any:
    """A row as an older version wrote it, `count` being its only difference from the others."""
    named = {"family_name": "Berg", "given_name": "Alma", "search_key": "berg alma", "created_by_id": by.pk}
    patient, _made = old.get_model("diagnosis", "Patient").objects.get_or_create(
        clinic_id=clinic.pk, medical_record_number=number, defaults=named
    )
    size = {"byte_size": 1, "width": 1, "height": 1, "bits": 8}
    fields = {"modality": "cxr", "file_format": "dicom", "sha256": f"{count:064}", "original": f"{count}", **size}
    return old.get_model("diagnosis", "Scan").objects.create(
        clinic_id=clinic.pk, patient=patient, uploaded_by_id=by.pk, **{**fields, **more}
    )


def old_review(old: StateApps, scan: Any, by: User, **more: Any) -> Any:
    now = timezone.now()
    fields = {"requested_by_id": by.pk, "waiting_since": now, "due_at": now, "clinic_id": scan.clinic_id}
    return old.get_model("diagnosis", "Review").objects.create(scan=scan, **fields, **more)


def decide(old: StateApps, review: Any, reader: User) -> None:
    words = {"decision": "no_result", "category": "negative", "image_quality": "good", "decided_at": timezone.now()}
    type(review).objects.filter(pk=review.pk).update(status="decided", reader_id=reader.pk, **words)


def old_report(old: StateApps, review: Any, by: User, *, final: bool) -> Any:
    signed = {"status": "final", "signed_by_id": by.pk, "signed_at": timezone.now(), "signer_name": "A reader"}
    words = {"category": "negative", "image_quality": "good", "findings": "", "impression": "Nothing to see."}
    return old.get_model("diagnosis", "Report").objects.create(
        scan_id=review.scan_id,
        review=review,
        written_by_id=by.pk,
        verification_code=secrets.token_hex(10),
        content_sha256="0" * 64 if final else "",
        **words,
        **(signed if final else {}),
    )
