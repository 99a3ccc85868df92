"""How a clinic reads, and how one person reads."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnosis.models import ReadingPolicy, ReadingPreference


class Mail(models.TextChoices):
    NONE = "none", _("No e-mail")
    AT_ONCE = "at_once", _("At once")
    DAILY = "daily", _("One e-mail a day")


class PreferenceForm(forms.ModelForm):
    mail = forms.ChoiceField(
        label=_("E-mail me when something is ready"),
        choices=Mail.choices,
        widget=forms.RadioSelect,
        required=False,
        help_text=_(
            "Of what you uploaded, ordered or follow: a result, a failure, a report or an addendum. The e-mail names "
            "nobody. A critical result that is sent to you is always mailed at once."
        ),
    )

    class Meta:
        model = ReadingPreference
        fields = ["read_first"]
        labels = {
            "read_first": _("Read first"),
        }
        help_texts = {
            "read_first": _("Hides the classifiers' result of a scan until you have committed your first impression."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.instance
        chosen = (Mail.DAILY if kept.mail_daily else Mail.AT_ONCE) if kept.mail_results else Mail.NONE
        self.fields["mail"].initial = chosen

    def save(self, commit: bool = True) -> ReadingPreference:
        chosen = self.cleaned_data["mail"]
        self.instance.mail_results = chosen in (Mail.AT_ONCE, Mail.DAILY)
        self.instance.mail_daily = chosen == Mail.DAILY
        kept: ReadingPreference = super().save(commit)
        return kept


class PolicyForm(forms.ModelForm):
    class Meta:
        model = ReadingPolicy
        fields = [
            *("read_first", "double_reading_percent", "urgent_hours", "referrer_hours", "disagreement_hours"),
            *("order_by_result", "suspicion_hours", "critical_minutes", "asks_request"),
            *("hide_until_read", "abnormal_percent", "covid_percent", "show_research_only"),
            "requires_acceptance",
        ]
        widgets = {"read_first": forms.RadioSelect}
        labels = {
            "read_first": _("First impression before the classifiers' result"),
            "double_reading_percent": _("Cases read twice (%)"),
            "urgent_hours": _("Urgent (hours)"),
            "referrer_hours": _("Urgent for the referrer (hours)"),
            "order_by_result": _("Move cases forward by the classifiers' result"),
            "suspicion_hours": _("Result (hours)"),
            "disagreement_hours": _("Disagreement (hours)"),
            "critical_minutes": _("Acknowledged within (minutes)"),
            "asks_request": _("Ask for referrer, ward, clinical question and symptoms at upload"),
            "hide_until_read": _("Hide the classifiers' results from everybody until a person has read the study"),
            "requires_acceptance": _("Show no results before they were measured on examinations of this clinic"),
            "abnormal_percent": _("Images with an abnormal lung (%)"),
            "covid_percent": _("Images of people with COVID-19 (%)"),
            "show_research_only": _("Show results of classifiers that are for research only (CT)"),
        }
        help_texts = {
            "double_reading_percent": _(
                "Selected from the scan itself, so that nobody can choose which. 0: only on request."
            ),
            "urgent_hours": _("An urgent case is placed as if it had waited this much longer."),
            "referrer_hours": _("The same for a case that its referrer asked to be read urgently."),
            "order_by_result": _(
                "Off unless you decide otherwise: the classifiers are not meant for triage, and in the LungIMPACT "
                "trial with 93,326 chest X-rays, an order by AI brought no benefit."
            ),
            "suspicion_hours": _(
                "Only while the result moves cases. Counts in full where an abnormality is certain, in proportion "
                "below that; a case without a result gets half."
            ),
            "critical_minutes": _(
                "A critical result that nobody has acknowledged by then is told to the administrators of the clinic."
            ),
            "asks_request": _("Each of them may stay empty."),
            "disagreement_hours": _("Counts in full when half of the classifiers contradict the other half."),
            "hide_until_read": _(
                "Readers see a result once they have committed their first impression, everybody else once the study "
                "has been read."
            ),
            "requires_acceptance": _(
                "The classifiers are on trial until an acceptance set is closed for the version that is installed "
                "(Oversight, Classifiers, Acceptance at this site): they answer, and nobody sees it. A newer version "
                "is on trial again. CT cannot be accepted, because its classifiers are not asked whether the lung is "
                "abnormal, and stays on trial. Results that are there already stay."
            ),
            "abnormal_percent": _(
                "Your assumption, for “of 100 images”: how many of 100 X-rays here show an abnormal lung."
            ),
            "covid_percent": _(
                "Your assumption too: how many of 100 X-rays here come from people with COVID-19. It serves only "
                "results whose specificity was measured on lungs of all kinds."
            ),
            "show_research_only": _(
                "The classifiers of CT learnt from single slices without being shown where a lesion is. Switched off, "
                "their results are kept and stand folded on the study's page; switched on, they lead like the others, "
                "marked as research."
            ),
        }
