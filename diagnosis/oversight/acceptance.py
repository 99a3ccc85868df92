"""Which examinations of a clinic can be in an acceptance set, what they measure, and whether that is what was sealed.

Only answers that are stored are used, those that were shown and those that were kept on trial, by the same rules:
nothing is run again for an acceptance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from diagnosis.models import (
    AcceptanceCase,
    AcceptanceSet,
    EnsemblePrediction,
    FirstImpression,
    ImageResult,
    Prediction,
    Report,
    Scan,
    ShadowPrediction,
    Study,
)
from diagnosis.models.report import ReportQuerySet
from diagnosis.models.review import Category, ImageQuality
from diagnosis.models.study import StudyQuerySet
from diagnosis.models.zone import own_point
from diagnosis.oversight.acceptance_figures import Scored, Thresholds, figures
from diagnosis.rules import blinding
from diagnosis.rules.acceptance import deciding
from diagnosis.rules.confidentiality import open_reports
from diagnosis.rules.corrections import signed_for_others
from diagnosis.rules.records import joined_apart
from diagnosis.states import AnalysisStatus, ReportStatus
from ml.spec import zone_of

# The reader's word as the truth: every appearance but "negative" is an abnormal lung, also that of another disease.
NOT_ABNORMAL = (Category.NEGATIVE,)

NO_RESULT = _("It was taken back, or has no stored result of this version on the images that it has now.")
REPORT_MOVED = _("Its report was corrected, entered in error, or followed by a newer one since.")
OTHER_PATIENT = _("Its images were given to another patient since.")
OTHER_IMAGES = _("Its report rests on other images than the stored result.")
IMAGES_CHANGED = _("Its images changed since its truth was named.")
SAME_PATIENT = _("Another case is of the same patient now.")


@dataclass(frozen=True)
class Answer:
    """What the version that is measured said of one study, whether its lung is abnormal. `abnormality`: as
    EnsemblePrediction keeps it; `on_trial`: it was shown to nobody.
    """

    analysis: UUID
    number: int
    study: UUID
    members: frozenset[str]
    abnormality: Mapping[str, Any]
    on_trial: bool

    @classmethod
    def of(cls, row: EnsemblePrediction | ShadowPrediction) -> Answer:
        assert row.abnormality is not None  # which the queries ask for
        on_trial = isinstance(row, ShadowPrediction)
        of = row.analysis
        return cls(of.pk, of.number, of.study_id, frozenset(row.members), row.abnormality, on_trial)

    @property
    def probability(self) -> float:
        return float(self.abnormality["probability"])

    @property
    def point(self) -> Mapping[str, Any]:
        """The ensemble's own, whichever thresholds were applied: the set measures what ships."""
        return own_point(self.abnormality)


def results(of: AcceptanceSet) -> QuerySet[EnsemblePrediction]:
    """The stored results of the version that is measured, which answer whether the lung is abnormal.

    Only those on the very images that their study has now: images are moved and taken back.
    """
    seen = ImageResult.objects.filter(analysis=OuterRef("analysis"))
    elsewhere = seen.exclude(image__series__study=F("analysis__study"), image__withdrawal=None)
    of_image = ImageResult.objects.filter(analysis=OuterRef(OuterRef("analysis")), image=OuterRef("pk"))
    asked = Scan.objects.filter(series__study=OuterRef("analysis__study"), not_classified_code="")
    return EnsemblePrediction.objects.filter(
        Exists(seen),
        ~Exists(elsewhere),
        ~Exists(asked.filter(~Exists(of_image))),
        ensemble=of.ensemble,
        version=of.version,
        abnormality__isnull=False,
        analysis__status=AnalysisStatus.SUCCEEDED,
        analysis__image=None,
        analysis__study__clinic=of.clinic_id,
        analysis__study__withdrawal=None,
    )


def trials(of: AcceptanceSet) -> QuerySet[ShadowPrediction]:
    """What the version answered on trial, by the rules of `results`. It gave no result in these analyses, and mostly
    nothing else did.
    """
    asked_about = ShadowPrediction.images.through._default_manager
    seen = asked_about.filter(shadowprediction=OuterRef("pk"))
    elsewhere = seen.exclude(scan__series__study=F("shadowprediction__analysis__study"), scan__withdrawal=None)
    of_image = asked_about.filter(shadowprediction=OuterRef(OuterRef("pk")), scan=OuterRef("pk"))
    asked = Scan.objects.filter(series__study=OuterRef("analysis__study"), not_classified_code="")
    return ShadowPrediction.objects.filter(
        ~Exists(elsewhere),
        ~Exists(asked.filter(~Exists(of_image))),
        classifier=of.ensemble,
        version=of.version,
        abnormality__isnull=False,
        analysis__image=None,
        analysis__study__clinic=of.clinic_id,
        analysis__study__withdrawal=None,
    )


def studies(of: AcceptanceSet, user: User) -> StudyQuerySet:
    """Those with such an answer that `user` may see and that are not in the set; nor is another one of the patient.

    Without those whose reading is hidden from `user`: what is true of them would tell of it.
    """
    there = AcceptanceCase.objects.filter(acceptance_set=of)
    of_study = [rows.order_by().filter(analysis__study=OuterRef("pk")) for rows in _kinds(of)]
    answered = Q(Exists(of_study[0])) | Q(Exists(of_study[1]))
    found = Study.objects.visible_to(user).filter(answered, clinic=of.clinic_id, modality=of.modality)
    hidden = blinding.hidden_readings(user).order_by().values("pk")
    return found.exclude(patient__in=there.values("study__patient")).exclude(pk__in=hidden)


def standing_reports(of: AcceptanceSet) -> ReportQuerySet:
    """Signed, the latest version of the newest of its study, not entered in error, of readable images."""
    signed = Report.objects.filter(status=ReportStatus.FINAL, entered_in_error=None, corrected_by=None)
    later = signed.filter(study=OuterRef("study"), written_at__gt=OuterRef("written_at"))
    found = signed.filter(~Exists(later), study__clinic=of.clinic_id)
    return found.exclude(image_quality=ImageQuality.UNREADABLE)


def usable(reports: Iterable[Report], user: User) -> list[Report]:
    """Those on the images of their study that are open to `user`, and not signed for another patient."""
    opened = open_reports(user, on_these_images(reports))
    others = signed_for_others(opened)
    return [one for one in opened if one.pk not in others]


def is_abnormal(report: Report) -> bool:
    return report.category not in NOT_ABNORMAL


def on_these_images(reports: Iterable[Report]) -> list[Report]:
    """Those that rest on all images of their study that a classifier answers for, and on none that is elsewhere now."""
    found = list(reports)
    here = images_of({one.study_id for one in found})
    return [one for one in found if _rests_on(one, here.get(one.study_id, {}))]


def images_of(studies: Collection[UUID]) -> dict[UUID, dict[str, bool]]:
    """By study, the keys of its images, and whether each is one for classifiers."""
    rows = Scan.objects.filter(series__study__in=studies)
    here: dict[UUID, dict[str, bool]] = {}
    for study, image, code in rows.values_list("series__study", "pk", "not_classified_code"):
        here.setdefault(study, {})[str(image)] = not code
    return here


def _rests_on(report: Report, images: Mapping[str, bool]) -> bool:
    """`images`: whether each image of the study is one for classifiers."""
    return {key for key, is_asked in images.items() if is_asked} <= report.rests_on <= set(images)


def faults(of: AcceptanceSet, cases: Sequence[AcceptanceCase], said: Mapping[UUID, Answer]) -> dict[UUID, Promise]:
    """By case, why it cannot be measured now: what was right when it was added may not be any more."""
    keys = [one.report_id for one in cases if one.report_id]
    standing = {one.pk: one for one in standing_reports(of).filter(pk__in=keys).select_related("study")}
    fit = {one.pk for one in on_these_images(standing.values())}
    others = signed_for_others(list(standing.values()))
    changed = _changed(cases)
    found: dict[UUID, Promise] = {}
    patients: set[UUID] = set()
    for one in cases:
        if one.study_id not in said:
            found[one.pk] = NO_RESULT
        elif one.report_id and one.report_id not in standing:
            found[one.pk] = REPORT_MOVED
        elif one.report_id and one.report_id not in fit:
            found[one.pk] = OTHER_IMAGES
        elif one.report_id in others:
            found[one.pk] = OTHER_PATIENT
        elif one.pk in changed:
            found[one.pk] = changed[one.pk]
        elif one.study.patient_id in patients:
            found[one.pk] = SAME_PATIENT
        else:
            patients.add(one.study.patient_id)
    return found


def _changed(cases: Sequence[AcceptanceCase]) -> dict[UUID, Promise]:
    """By case that was named by hand, what its study lost since: its patient, or its images."""
    by_hand = [one for one in cases if one.report_id is None]
    here = images_of({one.study_id for one in by_hand})
    own = joined_apart({one.study.patient_id for one in by_hand}) if by_hand else {}
    found: dict[UUID, Promise] = {}
    for one in by_hand:
        if one.named_of not in own[one.study.patient_id]:
            found[one.pk] = OTHER_PATIENT
        elif set(one.images) != set(here.get(one.study_id, {})):
            found[one.pk] = IMAGES_CHANGED
    return found


def newest(of: AcceptanceSet, keys: Iterable[UUID]) -> dict[UUID, Answer]:
    """By study, the newest stored answer of the version that is measured."""
    studies = list(keys)
    found: dict[UUID, Answer] = {}
    rows = chain(*(kind.filter(analysis__study__in=studies).select_related("analysis") for kind in _kinds(of)))
    for one in sorted(map(Answer.of, rows), key=lambda one: (one.number, not one.on_trial)):
        found[one.study] = one
    return found


def _kinds(of: AcceptanceSet) -> tuple[QuerySet[Any], QuerySet[Any]]:
    return results(of), trials(of)


def content(of: AcceptanceSet, cases: Sequence[AcceptanceCase], said: Mapping[UUID, Answer]) -> dict[str, Any]:
    """Everything that a closed set rests on, and its figures, without a name of a patient.

    The order of the cases is that of the hashes of their keys, which nobody chose: it decides the parts of the
    cross-fitting.
    """
    ordered = sorted(cases, key=lambda one: hashlib.sha256(one.study_id.bytes).hexdigest())
    point = said[ordered[0].study_id].point
    scored = [Scored(one.is_abnormal, said[one.study_id].probability) for one in ordered]
    shipped = Thresholds(point["threshold"], point["abnormal_from"])
    return {
        "clinic": {"id": str(of.clinic_id), "name": of.clinic.name},
        "modality": of.modality,
        "ensemble": of.identity,
        "classifiers": weights(said.values()),
        "operating_point": point,
        "begun_by": of.begun_by.full_name,
        "begun_at": of.begun_at.isoformat(),
        "cases": [_case(one, said[one.study_id]) for one in ordered],
        "figures": figures(scored, shipped) | {"read_first": read_first(ordered)},
    }


def points(said: Iterable[Answer]) -> set[tuple[float, ...]]:
    """What decides the answers. An operating point tells more, and later versions of this software keep more of it."""
    return {deciding(one.point) for one in said}


def weights(said: Collection[Answer]) -> list[str]:
    """Identity and hash of each classifier behind the answers, each once. Others may have answered beside them."""
    shown = _weights(Prediction.objects.all(), {one.analysis: one.members for one in said if not one.on_trial})
    tried = _weights(ShadowPrediction.objects.all(), {one.analysis: one.members for one in said if one.on_trial})
    return sorted(shown | tried)


def _weights(made: QuerySet[Any], members: Mapping[UUID, Collection[str]]) -> set[str]:
    """`members`: by analysis. An ensemble's own row among `made` is none of them."""
    rows = made.filter(analysis__in=list(members)).order_by()
    told = rows.values_list("analysis", "classifier", "version", "weights_sha256")
    found = ((members[analysis], f"{name}/{version}", sha256) for analysis, name, version, sha256 in told)
    return {f"{identity} {sha256}" for of_answer, identity, sha256 in found if identity in of_answer}


def _case(one: AcceptanceCase, said: Answer) -> dict[str, Any]:
    return {
        "study": str(one.study_id),
        "abnormal": one.is_abnormal,
        "report": str(one.report_id) if one.report_id else None,
        "report_sha256": one.report.content_sha256 if one.report else "",
        "reason": one.reason,
        "added_by": one.added_by.full_name,
        "added_at": one.added_at.isoformat(),
        "analysis": str(said.analysis),
        "on_trial": said.on_trial,
        "probability": said.probability,
        "zone": zone_of(said.probability, said.point["threshold"], said.point["abnormal_from"]).value,
    }


def read_first(cases: Sequence[AcceptanceCase]) -> int:
    """Of how many cases the report's reader had committed to a first impression before the result was shown."""
    readings = {one.report.reading_id for one in cases if one.report}
    first = FirstImpression.objects.filter(review__in=readings, reader=F("review__reader"))
    return first.values("review").distinct().count()
