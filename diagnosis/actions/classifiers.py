"""Which classifiers answer: the clinic's policy, and the switch that stops one at once."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from accounts.permissions import Permission, require, runs_site
from audit.notes import note_detail, note_object
from diagnosis.actions.analysis import start_analysis
from diagnosis.analyses import classifiers
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Analysis, ClassifierRule, Report
from diagnosis.models.analysis import CLASSIFIERS_STOPPED, Trigger
from diagnosis.models.classifier_rule import ClassifierState
from diagnosis.models.modality import Modality
from diagnosis.oversight import jobs
from diagnosis.rules.acceptance import unaccepted
from diagnosis.states import AnalysisStatus as S

ONLY_THE_SITE = _("Only who runs the installation decides for all clinics.")
REASON_NEEDED = _("Say why, in one sentence at least.")
DECIDED = _("Somebody has decided about it meanwhile. Look at how it stands now, and decide again if need be.")
EARLIER = _(
    "A version that is not installed any more is not asked. It can be stopped, which marks the results that it gave, "
    "or made active, which takes that mark away."
)
UNACCEPTED = _(
    "This clinic shows no results of these classifiers before it has accepted the version that is installed on its own "
    "cases. Until then they are on trial. Close an acceptance set, or change the reading policy."
)
UNKNOWN = _("No such classifier is installed here. Choose one of the list.")


def decide_on_classifier(
    *, by: User, clinic: Clinic | None, subject: str, state: ClassifierState, reason: str, seen: int | None = None
) -> ClassifierRule:
    """Add what holds from now on for a classifier or a modality's panel, in one clinic or (None) everywhere.

    Workers ask before each analysis, while it runs and before its result is kept. Where something that was stopped is
    taken up again, what ended without a result because of it is analysed again. `seen`: the newest rule that the person
    knew of, if that matters. Raises PermissionDenied and Refusal; NotAllowedNow where there is a newer one.

    Of a version that is not installed any more (`subject` is its identity) only the mark on its results can be decided.
    In a clinic that has still to accept what is installed, making it active is refused but where it lifts a stop: an
    acceptance is refused while one stands.
    """
    _require(by, clinic)
    if not reason.strip():
        raise Refusal("reason_needed", REASON_NEEDED)
    found = classifiers.subjects().get(subject) or classifiers.earlier_subject(subject)
    if found is None:
        raise Refusal("unknown_classifier", UNKNOWN)
    if found.is_earlier and state not in (ClassifierState.STOPPED, ClassifierState.ACTIVE):
        raise Refusal("earlier_version", EARLIER)
    with transaction.atomic():
        before = _before(clinic, subject, seen)
        if clinic and state == ClassifierState.ACTIVE and not found.is_earlier and not _stands_stopped(clinic, subject):
            _require_accepted(clinic, found.modality)
        rule = ClassifierRule.objects.create(
            clinic=clinic,
            subject=subject,
            version=found.version,
            state=state,
            reason=reason.strip()[:400],
            made_by=by,
        )
        note_object("diagnosis.classifierrule", rule.pk)
        was = before.state if before else "none"
        note_detail(subject=subject, state=f"{was} → {state.value}", clinic=str(clinic.pk) if clinic else "all")
        lifted = before and before.state == ClassifierState.STOPPED and state != ClassifierState.STOPPED
        if before and lifted and not found.is_earlier:  # which ended nothing
            _analyse_again(before, found.modality, by=by)
    return rule


def _require(by: User, clinic: Clinic | None) -> None:
    if runs_site(by):
        return
    if clinic is None:
        raise PermissionDenied(ONLY_THE_SITE)
    require(by, Permission.MANAGE_CLINIC, clinic)


def _stands_stopped(clinic: Clinic, subject: str) -> bool:
    """A stop that became off or on trial was not lifted."""
    telling = (ClassifierState.STOPPED, ClassifierState.ACTIVE)
    rule = ClassifierRule.objects.filter(clinic=clinic, subject=subject, state__in=telling).first()
    return rule is not None and rule.state == ClassifierState.STOPPED


def _require_accepted(clinic: Clinic, modality: Modality) -> None:
    if modality in unaccepted(clinic.pk):
        raise Refusal("unaccepted", UNACCEPTED)


def _before(clinic: Clinic | None, subject: str, seen: int | None) -> ClassifierRule | None:
    """What stands until now; decisions about the clinic come one after the other from here to the commit."""
    places = Clinic.objects.filter(pk=clinic.pk) if clinic else Clinic.objects.all()
    list(places.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    before = ClassifierRule.objects.filter(clinic=clinic, subject=subject).first()
    if before and seen is not None and before.pk > seen:
        raise NotAllowedNow("decided_meanwhile", DECIDED)
    return before


def _began(stop: ClassifierRule) -> datetime:
    """A stop that was said again, with a better reason say, began with its first word."""
    of_it = ClassifierRule.objects.filter(clinic=stop.clinic_id, subject=stop.subject)
    other = of_it.filter(pk__lt=stop.pk).exclude(state=ClassifierState.STOPPED).first()
    words = of_it.filter(pk__gt=other.pk if other else 0, pk__lte=stop.pk)
    return min(words.values_list("made_at", flat=True))


def _analyse_again(stop: ClassifierRule, modality: str, *, by: User) -> None:
    """What ended without a result while `stop` stood, but for what was reported meanwhile or has a newer analysis."""
    signed = Report.objects.filter(study=OuterRef("study"), signed_at__isnull=False)
    ended = Analysis.objects.filter(
        ~Exists(signed),
        status=S.FAILED,
        failure_code=CLASSIFIERS_STOPPED,
        finished_at__gte=_began(stop),
        image=None,
        study__modality=modality,
        study__withdrawal=None,
    )
    of_clinic = ended.filter(study__clinic=stop.clinic_id) if stop.clinic_id else ended
    for analysis in jobs.latest(of_clinic).select_related("study__clinic"):
        # Somebody may have asked for one at this moment.
        with suppress(IntegrityError), transaction.atomic():
            start_analysis(by=by, study=analysis.study, trigger=Trigger.RETRY)
