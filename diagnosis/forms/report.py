from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext_lazy as _

from diagnosis.models.finding import WITHOUT_SIDE, Finding, Presence, Side, coded
from diagnosis.models.review import Category

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

NOT_SAID = [("", "–")]
NAMES = ("indication", "technique", "comparison")


def _words(label: StrOrPromise, rows: int, limit: int, *, required: bool = True) -> forms.CharField:
    return forms.CharField(label=label, required=required, max_length=limit, widget=forms.Textarea({"rows": rows}))


def _password(*, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=_("Your password"),
        required=required,
        strip=False,
        help_text=_("A signature is personal, so your password is asked for again."),
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


class SectionsForm(forms.Form):
    """What a report says beside findings and impression: three sections, and findings as coded choices.

    No finding is preselected: one that nobody spoke of is not said to be absent.
    """

    indication = _words(_("Indication"), 2, 2000, required=False)
    technique = _words(_("Technique"), 2, 1000, required=False)
    comparison = _words(_("Comparison"), 2, 1000, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for finding in Finding:
            self.fields[f"finding_{finding}"] = _choice(finding.label, Presence.choices)
            if finding not in WITHOUT_SIDE:
                self.fields[f"side_{finding}"] = _choice(_("Side"), Side.choices)

    @property
    def sections(self) -> dict[str, Any]:
        """As the actions take them: indication, technique, comparison and coded_findings."""
        return {**{name: self.cleaned_data[name] for name in NAMES}, "coded_findings": list(self._chosen())}

    def _chosen(self) -> Iterable[dict[str, Any]]:
        for finding in Finding:
            if presence := self.cleaned_data[f"finding_{finding}"]:
                side = self.cleaned_data.get(f"side_{finding}")
                yield coded(finding, Presence(presence), Side(side) if side else None)

    @property
    def finding_rows(self) -> list[tuple[forms.BoundField, forms.BoundField | None]]:
        """Each finding with its side, where it has one, in the order of the page."""
        return [
            (self[f"finding_{finding}"], None if finding in WITHOUT_SIDE else self[f"side_{finding}"])
            for finding in Finding
        ]

    @property
    def section_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in NAMES]

    @property
    def some_finding(self) -> bool:
        """Whether one of them is chosen, so that the list opens."""
        return any(choice.value() for choice, _side in self.finding_rows)


def _choice(label: StrOrPromise, choices: list[tuple[str, Any]]) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=False, choices=[*NOT_SAID, *choices])


def choices_of(stored: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Coded findings as a form takes them for its beginning."""
    chosen = {}
    for one in stored:
        chosen[f"finding_{one['finding']}"] = one["presence"]
        chosen[f"side_{one['finding']}"] = one["side"]
    return chosen


class ReviseReportForm(SectionsForm):
    """The words of a preliminary report."""

    findings = _words(_("Findings"), 7, 8000, required=False)
    impression = _words(_("Impression"), 4, 4000)

    @property
    def words(self) -> dict[str, Any]:
        return self.sections | {name: self.cleaned_data[name] for name in ("findings", "impression")}


class CorrectReportForm(ReviseReportForm):
    """A corrected version of a final report, signed at once."""

    category = forms.TypedChoiceField(label=_("Category"), choices=Category.choices, coerce=Category)
    reason = _words(_("What was wrong"), 2, 2000)
    password = _password(required=False)

    @property
    def words(self) -> dict[str, Any]:
        return super().words | {name: self.cleaned_data[name] for name in ("category", "reason")}


class EnterInErrorForm(forms.Form):
    """Says that a final report should never have been."""

    reason = _words(_("Reason"), 2, 2000)
    read_again = forms.BooleanField(label=_("Put the study back into the reading queue"), required=False, initial=True)
    password = _password(required=False)

    @property
    def words(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("reason", "read_again")}


class WithoutWords(forms.Form):
    """A button that says nothing more."""

    @property
    def words(self) -> dict[str, Any]:
        return {}


class SignReportForm(WithoutWords):
    password = _password(required=False)
    go_on = forms.BooleanField(label=_("then open the next report to sign"), required=False, initial=True)


class ShownForm(forms.Form):
    """Of a report as the page showed it."""

    # When the report was handed over that the page showed, to the microsecond.
    seen = forms.CharField(widget=forms.HiddenInput)

    def clean_seen(self) -> datetime:
        at = parse_datetime(self.cleaned_data["seen"])
        if at is None or not is_aware(at):
            raise forms.ValidationError(_("Open the report again."))
        return at


class AuthoriseForm(ShownForm, ReviseReportForm):
    """The words of a report that was handed over, as they are to be signed."""

    password = _password(required=False)

    @property
    def words(self) -> dict[str, Any]:
        return super().words | {"seen": self.cleaned_data["seen"]}


class ReturnForm(ShownForm):
    """What the author of a report is to do with it."""

    comment = _words(_("What should be changed"), 3, 2000)

    @property
    def words(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("comment", "seen")}


class AddendumForm(forms.Form):
    text = _words(_("Addendum"), 4, 4000)
    password = _password(required=False)

    @property
    def words(self) -> dict[str, Any]:
        return {"text": self.cleaned_data["text"]}
