"""The classifiers: which are here, how each stands, what they answered, whether that drifts; and the switch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import Clinic
from accounts.permissions import runs_site
from accounts.step_up import step_up
from diagnosis.actions.classifiers import decide_on_classifier
from diagnosis.analyses import classifiers
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.forms.classifier_rule import ClassifierRuleForm
from diagnosis.models import ClassifierRule
from diagnosis.models.classifier_rule import ClassifierState, RuleReason
from diagnosis.models.modality import Modality
from diagnosis.oversight import agreement, history, usage
from diagnosis.oversight.agreement import Agreement
from diagnosis.oversight.drift import Drift, watched
from diagnosis.oversight.usage import Answers, Version
from diagnosis.results import cards
from diagnosis.rules.acceptance import unaccepted
from diagnosis.rules.classifiers import Rules, panel_name
from diagnosis.rules.thresholds import standing
from diagnosis.views.oversight import charts
from diagnosis.views.oversight.scope import Scope, overseen, show
from diagnosis.views.shortcuts import person
from ml.ensemble import EnsembleSpec
from ml.spec import ClassifierSpec

LATEST_RULES = 25
SHOWN_WEEKS = 26
MONTH = timedelta(days=28)
TONES = {
    ClassifierState.ACTIVE: "neutral",
    ClassifierState.SHADOW: "info",
    ClassifierState.OFF: "cancelled",
    ClassifierState.STOPPED: "danger",
}
NO_RATES = (charts.Rate(0), charts.Rate(0))


@dataclass(frozen=True)
class Row:
    """One installed classifier or ensemble. `state` of an ensemble is that of its members, None where they differ.

    `rates`: sensitivity and specificity against the readers, of the answers on trial where none was shown.
    `month` and `all`: what it answered in the last four weeks, and in all; `on_trial`: of the
    answers that nobody sees.
    """

    name: str
    version: str
    weights: str
    card_url: str
    state: ClassifierState | None
    rule: ClassifierRule | None
    month: Answers
    all: Answers
    on_trial: Answers
    rates: list[tuple[str, charts.Rate]]

    @property
    def tone(self) -> str:
        """Of the pill that says a state in which nobody is shown its answers."""
        return TONES[self.state] if self.state else "warning"


@dataclass(frozen=True)
class Drawn:
    """The drift of what is shown of one version."""

    version: Version
    drift: Drift
    means: Any
    zones: Any


@never_cache
@require_http_methods(["GET", "POST"])
@overseen
def index(request: HttpRequest, scope: Scope) -> HttpResponse:
    form = _form(request, scope)
    if request.method != "POST":
        return _show(request, scope, form)
    if form is None:
        raise PermissionDenied
    return _change(request, scope, form)


def _show(request: HttpRequest, scope: Scope, form: ClassifierRuleForm | None, *, status: int = 200) -> HttpResponse:
    return show(request, scope, "classifiers", _("Classifiers"), _context(scope, form), status=status)


@step_up
def _change(request: HttpRequest, scope: Scope, form: ClassifierRuleForm) -> HttpResponse:
    try:
        if not (form.is_valid() and _decide(request, scope, form)):
            return _show(request, scope, form, status=422)
    except NotAllowedNow as moved:
        # A new form: what was chosen on the old page may not be meant any more.
        messages.error(request, moved.sentence)
        return _show(request, scope, _form(request, scope, again=True), status=moved.http_status)
    return redirect(f"{reverse('diagnosis:oversight-classifiers')}?{scope.query}")


def _form(request: HttpRequest, scope: Scope, *, again: bool = False) -> ClassifierRuleForm | None:
    """None where the person may decide neither for the clinic that is shown nor for all. `again`: an empty one."""
    of_all = runs_site(person(request))
    if not (of_all or (scope.chosen and scope.chosen.pk in scope.managed)):
        return None
    data = request.POST if request.method == "POST" and not again else None
    subjects = [(one, _called(one)) for one in [*classifiers.subjects(), *_earlier(scope)]]
    newest = ClassifierRule.objects.concerning(scope.chosen.pk if scope.chosen else None).first()
    seen = {"seen": newest.pk if newest else 0}
    return ClassifierRuleForm(data, initial=seen, subjects=subjects, may_everywhere=of_all)


def _called(subject: str) -> str:
    of_panels = {panel_name(modality): modality for modality in Modality}
    if subject in of_panels:
        return _("All classifiers for %(modality)s") % {"modality": of_panels[subject].label}
    name, _slash, version = subject.partition("/")
    return _("%(name)s %(version)s, not installed any more") % {"name": name, "version": version} if version else name


def _earlier(scope: Scope) -> list[str]:
    """The identities of classifiers that gave results in the clinics and are not installed any more."""
    installed = {one.identity for one in classifiers.installed_specs()}
    panels = {panel_name(modality) for modality in Modality}
    answered = [one for one in usage.in_all(scope.weeks) if not one.on_trial and one.name not in panels]
    return sorted({f"{one.name}/{one.version}" for one in answered} - installed)


def _decide(request: HttpRequest, scope: Scope, form: ClassifierRuleForm) -> bool:
    sent = form.cleaned_data
    clinic: Clinic | None = None if sent.get("everywhere") else scope.chosen
    if clinic is None and not sent.get("everywhere"):
        form.add_error(None, _("Choose a clinic above first, or decide for all clinics."))
        return False
    try:
        decide_on_classifier(
            by=person(request),
            clinic=clinic,
            subject=sent["subject"],
            state=ClassifierState(sent["state"]),
            reason=sent["reason"],
            seen=sent["seen"],
        )
    except NotAllowedNow:
        raise
    except Refusal as refusal:
        form.add_error(None, refusal.sentence)
        return False
    messages.success(request, _("Saved. It holds from now on, without a restart."))
    if clinic and sent["state"] == ClassifierState.ACTIVE and _waits(clinic, sent["subject"]):
        messages.info(request, _("It stays on trial until this clinic has accepted it."))
    return True


def _waits(clinic: Clinic, subject: str) -> bool:
    found = classifiers.subjects().get(subject)
    return found is not None and found.modality in unaccepted(clinic.pk)


def _context(scope: Scope, form: ClassifierRuleForm | None) -> dict[str, Any]:
    clinic = scope.chosen.pk if scope.chosen else None
    rules, months = Rules.of(clinic), scope.monthly()
    weeks = scope.weeks
    history_of = ClassifierRule.objects.concerning(clinic).select_related("made_by", "clinic")
    return {
        "form": form,
        "modalities": [
            _modality(one, rules, _rows(one, scope, rules, weeks, months))
            | {"thresholds": standing(clinic, one) if clinic else None}
            for one in Modality
        ],
        "drifts": [_drawn(*one) for one in watched(weeks)] if scope.chosen else [],
        "decided": [(rule, _called(rule.subject)) for rule in history_of[:LATEST_RULES]],
    }


def _modality(modality: Modality, rules: Rules, rows: list[Row]) -> dict[str, Any]:
    rule = rules.strictest(panel_name(modality))
    waits = modality in rules.unaccepted
    research = any(one.research_only for one in _ensembles(modality))
    answers = any(row.state == ClassifierState.ACTIVE for row in rows)
    decided = rule is not None and rule.reason_code != RuleReason.IN_USE
    return {
        "label": modality.label,
        "rule": rule,
        "rows": rows,
        "undecided": research and answers and not decided,
        "waits": waits,
        "acceptable": waits and classifiers.abnormality_ensemble(modality) is not None,
    }


def _ensembles(modality: Modality) -> list[EnsembleSpec]:
    return [one for one in classifiers.ensembles() if one.modality == modality.value]


def _rows(modality: Modality, scope: Scope, rules: Rules, weeks: usage.Weeks, months: list[history.Month]) -> list[Row]:
    states = classifiers.states_in(scope.chosen.pk if scope.chosen else None)
    month = usage.in_all(weeks, usage.monday(timezone.now() - MONTH))
    counted = usage.in_all(weeks)
    agreed = _by_version(agreement.overall(history.agreements(months)))
    tried = _by_version(agreement.overall(history.trials(months)))
    specs = [one for one in classifiers.installed_specs() if one.modality == modality.value]
    found = []
    installed: list[ClassifierSpec | EnsembleSpec] = [*_ensembles(modality), *specs]
    for one in installed:
        shown = Version(modality.value, one.name, one.version)
        unseen = replace(shown, on_trial=True)
        found.append(
            Row(
                one.name,
                one.version,
                one.weights_sha256 if isinstance(one, ClassifierSpec) else "",
                cards.url(one.identity),
                states.get(one.name) if isinstance(one, ClassifierSpec) else _common_state(one, specs, states),
                rules.strictest(one.name) if isinstance(one, ClassifierSpec) else None,
                month.get(shown, Answers()),
                counted.get(shown, Answers()),
                counted.get(unseen, Answers()),
                _named(agreed.get((one.name, one.version)) or tried.get((one.name, one.version)) or NO_RATES),
            )
        )
    return found


def _common_state(
    ensemble: EnsembleSpec, specs: Iterable[ClassifierSpec], states: Mapping[str, ClassifierState]
) -> ClassifierState | None:
    """That of all members; None where they differ or one is not installed, and so the ensemble does not answer."""
    installed = {one.identity: states[one.name] for one in specs}
    found = {installed.get(member) for member in ensemble.members}
    return found.pop() if len(found) == 1 else None


def _named(rates: tuple[charts.Rate, ...]) -> list[tuple[str, charts.Rate]]:
    return list(zip((_("Sensitivity"), _("Specificity")), rates, strict=True))


def _by_version(wholes: Iterable[Agreement]) -> dict[tuple[str, str], tuple[charts.Rate, ...]]:
    """Of readings whose category was compared with the decision; those from before stand on the page of agreement."""
    checked = [one for one in wholes if one.checked]
    return {(one.whole.classifier, one.whole.version): one.rates[:2] for one in charts.versions(checked)}


def _drawn(version: Version, found: Drift) -> Drawn:
    means = charts.weekly_means(version.name, found, SHOWN_WEEKS)
    return Drawn(version, found, means, charts.zones(version.name, found, SHOWN_WEEKS))
