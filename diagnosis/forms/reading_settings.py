"""How a clinic reads, and how one person reads."""

from __future__ import annotations

from django import forms

from diagnosis.models import ReadingPolicy, ReadingPreference


class PreferenceForm(forms.ModelForm):
    class Meta:
        model = ReadingPreference
        fields = ["read_first", "mail_results"]
        labels = {
            "read_first": "Read first",
            "mail_results": "Mail me when something is ready",
        }
        help_texts = {
            "read_first": "Hides the classifiers' result of a scan until you have committed a first impression of it.",
            "mail_results": "For scans that you uploaded: a result, a failure, a report, an addendum. "
            "The mail names no patient.",
        }


class PolicyForm(forms.ModelForm):
    class Meta:
        model = ReadingPolicy
        fields = ["read_first", "double_reading_percent", "urgent_hours", "suspicion_hours", "disagreement_hours"]
        widgets = {"read_first": forms.RadioSelect}
        labels = {
            "read_first": "First impression before the classifiers' result",
            "double_reading_percent": "Cases read twice, %",
            "urgent_hours": "Urgent, hours",
            "suspicion_hours": "Suspicion, hours",
            "disagreement_hours": "Disagreement, hours",
        }
        help_texts = {
            "double_reading_percent": "Drawn by the scan itself, so that nobody can choose which. 0: only on request.",
            "urgent_hours": "An urgent case stands where it would stand had it waited this much longer.",
            "suspicion_hours": "Given in full at 100 %, in part below; half of it to a case without a result.",
            "disagreement_hours": "Given in full where half the classifiers stand against the other half.",
        }
