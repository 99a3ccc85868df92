from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnosis.forms.key_images import LONGEST, MarkedImage, MarkedImagesField
from diagnosis.forms.report import SectionsForm
from diagnosis.models.finding import Finding
from diagnosis.models.review import Category, Decision, ImageQuality, OverrideReason

STANDS = [(Decision.AGREE, _("Agree")), (Decision.OVERRIDE, _("Override"))]
# Where there is little room: what follows from an unreadable image stands in the report.
QUALITIES = [
    (ImageQuality.GOOD, _("Good")),
    (ImageQuality.LIMITED, _("Limited")),
    (ImageQuality.UNREADABLE, _("Not readable")),
]
# What is stored besides decision and category.
KEPT = (
    *("image_quality", "findings", "impression"),
    *("override_reason", "override_note", "contradiction_reason"),
)
NO_RESULT = [(Decision.NO_RESULT, Decision.NO_RESULT.label)]


class ImpressionForm(forms.Form):
    """The first impression: one category."""

    category = forms.TypedChoiceField(choices=Category.choices, coerce=Category)


class ReviewForm(SectionsForm):
    """A reading. What it must hold together is the policies' to say; here only that each part is one that exists."""

    category = forms.TypedChoiceField(
        choices=Category.choices,
        coerce=Category,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a category.")},
    )
    decision = forms.TypedChoiceField(
        label=_("Your decision on the classifiers' result"),
        coerce=Decision,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Say whether you agree with the classifiers' result or override it."),
            # The choices follow the result, which may have come since the page was made.
            "invalid_choice": _("The classifiers' result has come in since. Look at it, then agree or override."),
        },
    )
    override_reason = forms.ChoiceField(
        label=_("Reason for overriding"),
        required=False,
        choices=[("", _("Choose a reason")), *OverrideReason.choices],
        error_messages={"required": _("Say why you override the classifiers.")},
    )
    override_note = forms.CharField(
        label=_("Further comment"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    # Asked for only where category and decision contradict each other.
    contradiction_reason = forms.CharField(
        label=_("Why both are right"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )
    image_quality = forms.ChoiceField(
        choices=QUALITIES,
        widget=forms.RadioSelect,
        error_messages={"required": _("State the image quality.")},
    )
    findings = forms.CharField(required=False, max_length=8000, widget=forms.Textarea(attrs={"rows": 5}))
    impression = forms.CharField(
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write an impression of at least one sentence.")},
    )
    is_key_image = forms.BooleanField(required=False, label=_("Key image: show it in the report"))
    # Kept by a script; empty where there is none, and the box above speaks of the image that stands for the study.
    key_images = MarkedImagesField()
    ask_second = forms.BooleanField(required=False, label=_("Ask another reader for a second opinion"))
    # The analysis whose result the page showed; empty where it showed none.
    seen = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, has_result: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stand = self.fields["decision"]
        assert isinstance(stand, forms.ChoiceField)
        stand.choices = STANDS if has_result else NO_RESULT
        if not has_result:
            stand.initial = Decision.NO_RESULT

    @property
    def words(self) -> dict[str, Any]:
        """What the action stores besides decision and category. A reason without an override is dropped."""
        words = {name: self.cleaned_data[name] for name in KEPT} | {"is_key_image": self.has_key_image} | self.sections
        if self.cleaned_data["decision"] != Decision.OVERRIDE:
            words |= {"override_reason": "", "override_note": ""}
        return words

    @property
    def has_key_image(self) -> bool:
        marked = self.cleaned_data["key_images"]
        return bool(self.cleaned_data["is_key_image"]) if marked is None else any(one.is_key for one in marked)

    def marked(self, image: uuid.UUID) -> list[MarkedImage]:
        """What was marked and measured; without a script at most `image`, as its file asks to be shown."""
        sent: list[MarkedImage] | None = self.cleaned_data["key_images"]
        if sent is not None:
            return sent
        return [MarkedImage(image, True, None, False, ())] if self.has_key_image else []


# What a draft keeps, and how much of each.
DRAFT_LIMITS: dict[str, int] = {
    "category": 13,
    "decision": 9,
    "override_reason": 14,
    "override_note": 2000,
    "contradiction_reason": 1000,
    "image_quality": 10,
    "findings": 8000,
    "impression": 4000,
    "is_key_image": 2,
    "key_images": LONGEST,
    "ask_second": 2,
    **{f"{kind}_{finding}": 7 for kind in ("finding", "side") for finding in Finding},
}
# They come with words; a reader who cleared them must not find those there again.
SECTION_LIMITS: dict[str, int] = {"indication": 2000, "technique": 1000, "comparison": 1000}


def draft_of(sent: Mapping[str, Any]) -> dict[str, str]:
    """What a reader has typed so far, taken as it is: a draft need not be complete or right."""
    typed = {name: str(sent[name])[:most] for name, most in DRAFT_LIMITS.items() if sent.get(name)}
    return typed | {name: str(sent[name])[:most] for name, most in SECTION_LIMITS.items() if name in sent}
