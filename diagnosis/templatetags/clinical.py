"""Small words of the clinical pages. `{% load clinical %}`"""

from __future__ import annotations

from datetime import date
from typing import Any

from django import template
from django.utils import timezone

from diagnosis.results import cards
from diagnosis.results.verdict import chip, share

register = template.Library()
register.filter("chip", chip)
register.filter("share", share)
ARCHITECTURES = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "resnet50": "ResNet50",
    "inceptionv3": "InceptionV3",
    "xception": "Xception",
    "densenet121": "DenseNet121",
}


@register.filter
def architecture(name: str) -> str:
    """As its authors write it; one that is not known stays as it is."""
    return ARCHITECTURES.get(name, name)


@register.filter
def card_url(identity: str) -> str:
    """The address of a model card; empty where the card is not installed here (any more)."""
    return cards.url(identity)


@register.filter
def age(birth_date: date) -> int:
    """In whole years, today."""
    today = timezone.localdate()
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


@register.filter
def estimate(measured: dict[str, Any]) -> str:
    """A stored {value, low, high}: "95.2 % (95 % interval 93.0 to 97.1 %)"."""
    low, high = (100 * float(measured[name]) for name in ("low", "high"))
    return f"{share(float(measured['value']))} (95\u00a0% interval {low:.1f} to {high:.1f}\u00a0%)"
