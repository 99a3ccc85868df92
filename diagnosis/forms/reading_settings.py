"""How a clinic reads, and how one person reads."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnosis.models import ReadingPolicy, ReadingPreference


class PreferenceForm(forms.ModelForm):
    class Meta:
        model = ReadingPreference
        fields = ["read_first", "mail_results"]
        labels = {
            "read_first": _("Read first"),
            "mail_results": _("E-mail me when something is ready"),
        }
        help_texts = {
            "read_first": _("Hides the classifiers' result of a scan until you have committed your first impression."),
            "mail_results": _(
                "For scans that you uploaded: a result, a failure, a report or an addendum. "
                "The e-mail does not name the patient."
            ),
        }


class PolicyForm(forms.ModelForm):
    class Meta:
        model = ReadingPolicy
        fields = [
            *("read_first", "double_reading_percent", "urgent_hours", "referrer_hours", "disagreement_hours"),
            *("order_by_result", "suspicion_hours", "critical_minutes", "asks_request"),
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
            "disagreement_hours": _("Counts in full when half of the classifiers contradict the other half."),
        }
