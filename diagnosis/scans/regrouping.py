"""Regrouping: images that go to another patient, to another study or back. The caller holds the patients' rows.

A signed report never moves and is never changed; what is said of single images from before there were studies goes with
them where nothing of it is signed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Min, QuerySet

from diagnosis.messages import Message
from diagnosis.models import Patient, Review, Scan, Series, Study
from diagnosis.models.review import OPEN
from diagnosis.scans.filing import represent
from diagnosis.states import ReportStatus, ReviewStatus

# Of a study: what is its own, and not that of the study which it was split off from.
_OWN = {"id", "patient", "representative", "emptied_of", "examined_at", "received_at", "received_from"}
Places = Mapping[UUID, UUID]


def places_of(images: Collection[UUID]) -> dict[UUID, UUID]:
    """The key of the series that each image is in now."""
    return dict(Scan.objects.filter(pk__in=images).order_by().values_list("pk", "series"))


def studies_of(series: Collection[UUID]) -> dict[UUID, UUID]:
    """The key of the study of each series."""
    return dict(Series.objects.filter(pk__in=series).order_by().values_list("pk", "study"))


def give(images: Iterable[UUID], *, source: Patient, target: Patient) -> list[Study] | None:
    """Move images from one patient's studies to another's: whole studies as they are, parts of one as a new study.

    Returns the studies that are others than before, the two parts of each that was parted: what is known of them is to
    be found out anew. None, and nothing is to be kept, when one of the images is not with `source` any more.
    """
    keys = set(images)
    if Scan.objects.filter(pk__in=keys, patient=source).update(patient=target) != len(keys):
        return None
    changed: list[Study] = []
    for study in Study.objects.filter(series__images__in=keys).distinct():
        within = Scan.objects.filter(series__study=study)
        if within.exclude(pk__in=keys).exists():
            part = split_off(study, set(within.filter(pk__in=keys).values_list("pk", flat=True)), patient=target)
            assert part  # the patients' rows are held
            changed += [study, part]
        else:
            Study.objects.filter(pk=study.pk).update(patient=target)
    return changed


def split_off(study: Study, images: Collection[UUID], *, patient: Patient) -> Study | None:
    """A new study of `patient` with these images of `study` alone, in series like those that they were in.

    None, and nothing is to be kept, when one of the images is not in `study` any more.
    """
    first = Scan.objects.filter(pk__in=images, series__study=study).order_by("uploaded_at", "pk").first()
    if first is None:
        return None
    dated = study.examined_at
    if dated == _date_of_files(Scan.objects.filter(series__study=study)):
        dated = _date_of_files(Scan.objects.filter(pk__in=images)) or dated
    made = Study.objects.create(
        **_copied(study, without=_OWN),
        patient=patient,
        examined_at=dated,
        received_at=first.uploaded_at,
        received_from=first.uploaded_by,
    )
    return made if join(images, source=study, target=made) else None


def join(images: Collection[UUID], *, source: Study, target: Study) -> bool:
    """Move images of `source` into `target`, into series like those that they were in.

    False, and nothing is to be kept, when one of the images is not in `source` any more.
    """
    before = {key: series for key, series in places_of(images).items() if key in images}
    twins = {key: _twin(key, target) for key in set(before.values())}
    return len(before) == len(images) and put(
        {image: twins[series] for image, series in before.items()}, source=source, target=target
    )


def put(places: Places, *, source: Study, target: Study) -> bool:
    """Move images of `source` into the series of `target` that `places` names.

    False, and nothing is to be kept, when one of the images is not in `source` any more.
    """
    dates = {study.pk: _date_of_files(Scan.objects.filter(series__study=study)) for study in (source, target)}
    inside = set(source.series.values_list("pk", flat=True))
    for series in set(places.values()):
        keys = [image for image, wanted in places.items() if wanted == series]
        if Scan.objects.filter(pk__in=keys, series__in=inside).update(series=series) != len(keys):
            return False
    _carry(places.keys(), source, target)
    shown = source.representative
    if shown and shown.pk in places:
        # Before the target takes it: an image stands for one study.
        Study.objects.filter(pk=source.pk).update(representative=None, emptied_of=shown)
    for study in (source, target):
        represent(study)
        _date_again(study, dates[study.pk])
    return True


def _copied(row: models.Model, *, without: Collection[str]) -> dict[str, Any]:
    """Its fields, those that a later version adds too."""
    fields = [field for field in row._meta.concrete_fields if field.name not in without]
    return {field.attname: getattr(row, field.attname) for field in fields}


def _twin(series: UUID, study: Study) -> UUID:
    """The series of `study` with the same UID, else a new one like it."""
    like = Series.objects.get(pk=series)
    uid = like.series_instance_uid
    same = study.series.filter(series_instance_uid=uid).first() if uid else None
    return (same or Series.objects.create(**_copied(like, without={"id", "study"}), study=study)).pk


def _carry(images: Collection[UUID], source: Study, target: Study) -> None:
    """What was said of single images, before there were studies, goes with them; what is signed stays."""
    target_reads = set(target.reviews.filter(status__in=OPEN).values_list("kind", flat=True))
    for review in source.reviews.filter(image__in=images).exclude(report__status=ReportStatus.FINAL):
        if review.kind in target_reads and review.status in OPEN:
            withdraw(review, by="correction")
    source.reviews.filter(image__in=images).exclude(report__status=ReportStatus.FINAL).update(study=target)
    source.reports.filter(image__in=images).exclude(status=ReportStatus.FINAL).update(study=target)
    source.analyses.filter(image__in=images).update(study=target)


def withdraw(review: Review, *, by: str) -> None:
    """Take an open review out of the queue, because its images are read with another study."""
    free: dict[str, Any] = {"claim": None, "lease_expires_at": None, "claimed_at": None, "reader": None}
    for status in (ReviewStatus.WAITING, ReviewStatus.CLAIMED):
        changes = free if status == ReviewStatus.CLAIMED else {}
        note = Message("images_moved")
        if Review.objects.move(review.pk, status, ReviewStatus.WITHDRAWN, by=by, note=note, **changes):
            return


def _date_of_files(images: QuerySet[Scan]) -> datetime | None:
    found: datetime | None = images.aggregate(first=Min("acquired_at"))["first"]
    return found


def _date_again(study: Study, before: datetime | None) -> None:
    """The date of an examination that came from its files follows them; one that a person gave stays."""
    if study.examined_at in (before, None):
        found = _date_of_files(Scan.objects.filter(series__study=study))
        if found and found != study.examined_at:
            Study.objects.filter(pk=study.pk).update(examined_at=found)
