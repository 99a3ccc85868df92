from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from orders import listing
from orders.models import OrderPolicy


class FilterForm(forms.Form):
    q = forms.CharField(label=_("Patient or number"), required=False, max_length=100, strip=True)
    state = forms.ChoiceField(label=_("Status"), required=False, choices=listing.CHOICES)


class CancelForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        help_text=_("For example: not wanted any more, or made elsewhere. It is kept with the order."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class DropForm(forms.Form):
    reason = forms.CharField(label=_("Why not"), max_length=400, widget=forms.TextInput(attrs={"autocomplete": "off"}))


class PolicyForm(forms.ModelForm):
    class Meta:
        model = OrderPolicy
        fields = ["overdue_hours"]
        labels = {"overdue_hours": _("Overdue after (hours)")}
        help_texts = {
            "overdue_hours": _("Without images so long after its time, or after it was ordered where it has none.")
        }
