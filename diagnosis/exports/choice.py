"""Which studies may leave without names, and which of their images look as if a name were drawn into them."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from diagnosis.errors import FileRefused, Refusal
from diagnosis.models import LegalHold, Report, Scan, Study
from diagnosis.models.scan import ScanQuerySet
from diagnosis.models.study import StudyQuerySet
from diagnosis.rules import records
from diagnosis.scans import intake
from ml.imaging.deidentification import Suspicion

# Of one export: while it is made, a person waits for it.
MOST_IMAGES = 300


@dataclass
class Looked:
    """`suspected`: image → why. `unreadable`: how many can be opened no more."""

    count: int
    suspected: dict[Scan, tuple[Suspicion, ...]] = field(default_factory=dict)
    unreadable: int = 0


def exportable(by: User, clinic: Clinic) -> StudyQuerySet:
    """Studies of `clinic` that `by` may see, without those of patients under legal hold."""
    return Study.objects.visible_to(by).in_clinic(clinic).exclude(patient__in=held())


def held() -> set[uuid.UUID]:
    """Patients under legal hold, on whichever of their records."""
    return records.joined(set(LegalHold.objects.standing().values_list("patient", flat=True)))


def chosen(by: User, clinic: Clinic, keys: Collection[uuid.UUID]) -> list[Study]:
    """With all that a label needs. Raises Refusal where nothing is left of the choice, or too much."""
    reports = Report.objects.select_related("entered_in_error", "review", "corrects__review")
    found = exportable(by, clinic).filter(pk__in=keys).order_by("received_at", "pk")
    studies = list(found.prefetch_related(Prefetch("reports", reports)))
    count = images_of(studies).count()
    if not count:
        raise Refusal("nothing_to_export", _("None of the chosen studies may be exported. Choose others."))
    if count > MOST_IMAGES:
        raise Refusal(
            "too_many_images",
            _("The chosen studies have %(count)d images, and one export holds %(most)d. Choose fewer."),
            count=count,
            most=MOST_IMAGES,
        )
    return studies


def images_of(studies: Collection[Study]) -> ScanQuerySet:
    found = Scan.objects.filter(series__study__in=[study.pk for study in studies])
    return found.select_related("series__study", "patient").order_by("series__study", "series", "instance_number", "pk")


def look(studies: Collection[Study]) -> Looked:
    """Raises IntakeUnavailable where no file can be opened now."""
    images = list(images_of(studies))
    looked = Looked(len(images))
    for image in images:
        try:
            with image.original.open("rb") as file, intake.decoding() as decoder:
                found = decoder.deidentify(file.read(), None, owner=str(image.patient_id)).suspicions
        except (OSError, FileRefused):
            looked.unreadable += 1
            continue
        if found:
            looked.suspected[image] = found
    return looked
