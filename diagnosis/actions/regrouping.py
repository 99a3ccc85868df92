"""Images that were in the wrong study of a patient: moved to another one, or split off into a new one, and back."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from accounts.actors import actor_label
from accounts.models import User
from diagnosis.actions.analysis import analyse_again
from diagnosis.actions.review import read_with
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.messages import Message
from diagnosis.models import Analysis, Correction, Patient, Scan, Study
from diagnosis.models.analysis import OPEN
from diagnosis.models.correction import CorrectionKind
from diagnosis.reviews import queue
from diagnosis.rules import corrections
from diagnosis.scans import regrouping
from diagnosis.states import AnalysisStatus

MOVED = Message("images_moved")


@transaction.atomic
def move_images(*, by: User, study: Study, images: Iterable[UUID], target: Study | None, reason: str) -> Correction:
    """Move images of `study` into `target`, another study of the patient, or into a new study where that is None.

    All of them or none. Both studies are analysed and read again; a signed report stays as it was signed. Raises
    Refusal or NotAllowedNow with a sentence, or PermissionDenied: an administrator may, and so may who uploaded the
    images while nobody has read them.
    """
    keys = sorted(set(images))
    if not reason.strip():
        raise Refusal("reason_needed", corrections.REASON_NEEDED)
    lock_patients(study.patient_id)
    study, target = _again(study), target and _again(target)
    corrections.require_current(study.patient)
    corrections.require_movable(by, study, keys, target)
    corrections.require_unread((), study.pk, *([target.pk] if target else []))
    places = regrouping.places_of(keys)
    kind = CorrectionKind.MOVE_IMAGES if target else CorrectionKind.SPLIT_STUDY
    reached = _move(keys, study, target)
    for changed in (study, reached):
        begin_anew(changed, by=by)
    return Correction.objects.create(
        clinic=study.clinic,
        kind=kind,
        source=study.patient,
        target=study.patient,
        source_study=study,
        target_study=reached,
        scans=[str(key) for key in keys],
        places={str(image): str(series) for image, series in places.items()},
        reason=reason.strip()[:400],
        made_by=by,
    )


def put_back(correction: Correction, *, by: User) -> bool:
    """Put the images of a correction into the series that they were in before, where they are in another study now.

    Returns whether all are there. Those stay whose series is not the patient's any more, whose study was taken back
    meanwhile, or that would leave a study that was read without an image.
    """
    back = [_put_back(correction, *way, by=by) for way in _ways_back(correction)]
    return all(back)


def _put_back(
    correction: Correction, source: Study | None, target: Study | None, places: dict[UUID, UUID], *, by: User
) -> bool:
    """None for a study that was taken back."""
    if source is None or target is None:
        return False
    left = Scan.objects.filter(series__study=source).exclude(pk__in=places).exists()
    if target.patient_id != correction.source_id or (not left and corrections.was_read(source.pk)):
        return False
    corrections.require_unread((), source.pk, target.pk)
    if not regrouping.put(places, source=source, target=target):
        return False
    for changed in (source, target):
        begin_anew(changed, by=by)
    return True


def begin_anew(study: Study, *, by: User) -> None:
    """A study with other images than before is analysed and read again; what was said of it stays in its history.

    One that has no image left is taken out of the queues.
    """
    actor = actor_label(by)
    for pk in study.analyses.filter(status=AnalysisStatus.RUNNING).values_list("pk", flat=True):
        # It saw images that are not there any more.
        Analysis.objects.finish(pk, AnalysisStatus.RUNNING, AnalysisStatus.CANCELLED, by=actor, note=MOVED)
    if study.representative_id is None:
        _close(study, actor)
        return
    analyse_again(by=by, study=study, note=MOVED)
    read_with(by=by, study=study)
    # By what is left of its result, and for a reading that came along by what its new referrer asks for.
    queue.score_again(study)


def lock_patients(*patients: UUID) -> None:
    """Always in one order, so that two corrections wait for each other instead of for ever."""
    list(Patient.objects.select_for_update().filter(pk__in=patients).order_by("pk"))


def _again(study: Study) -> Study:
    """As it is now that the patient's row is held; refused where it went to another patient meanwhile."""
    found = Study.objects.filter(pk=study.pk, patient=study.patient_id).select_related("clinic", "patient").first()
    if found is None:
        raise NotAllowedNow("changed_meanwhile", corrections.CHANGED_MEANWHILE)
    return found


def _move(keys: list[UUID], study: Study, target: Study | None) -> Study:
    if target is None:
        reached = regrouping.split_off(study, keys, patient=study.patient)
    else:
        reached = target if regrouping.join(keys, source=study, target=target) else None
        if target.is_prior and not study.is_prior:
            # What waits to be read takes the other images along.
            Study.objects.filter(pk=target.pk).update(fetched_from="")
            target.fetched_from = ""
    if reached is None:
        raise NotAllowedNow("changed_meanwhile", corrections.CHANGED_MEANWHILE)
    return reached


def _ways_back(correction: Correction) -> list[tuple[Study | None, Study | None, dict[UUID, UUID]]]:
    """From which study to which the images have to go, and into which series; None for one that was taken back."""
    now = regrouping.places_of(correction.moved)
    wanted = {UUID(image): UUID(series) for image, series in correction.places.items()}
    ways: dict[tuple[UUID, UUID], dict[UUID, UUID]] = {}
    studies = regrouping.studies_of({*now.values(), *wanted.values()})
    for image, series in wanted.items():
        # One that was taken back meanwhile is out of sight where it is.
        if image in now and studies[now[image]] != studies[series]:
            ways.setdefault((studies[now[image]], studies[series]), {})[image] = series
    found = Study.objects.select_related("clinic").in_bulk({key for way in ways for key in way})
    return [(found.get(source), found.get(target), places) for (source, target), places in sorted(ways.items())]


def _close(study: Study, actor: str) -> None:
    for analysis in study.analyses.filter(status__in=OPEN):
        status = AnalysisStatus(analysis.status)
        Analysis.objects.finish(analysis.pk, status, AnalysisStatus.CANCELLED, by=actor, note=MOVED)
    for review in study.reviews.open():
        regrouping.withdraw(review, by=actor)
