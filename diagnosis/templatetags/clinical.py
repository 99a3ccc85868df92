"""Small words of the clinical pages. `{% load clinical %}`"""

from __future__ import annotations

from django import template

from diagnosis import formats
from diagnosis.models import StudyChange
from diagnosis.results import cards, examined
from diagnosis.results.verdict import chip
from diagnosis.results.words import ended
from diagnosis.rules import study_details

register = template.Library()
register.filter("chip", chip)
register.filter("ended", ended)
register.filter("share", formats.share)
register.filter("estimate", formats.estimate)
register.filter("age", formats.age)
register.filter("examined", examined.when)
register.filter("examined_day", examined.day)
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
def changed_field(change: StudyChange) -> str:
    """The name of the field that a person changed; one of an older version stays as it was stored."""
    return str(study_details.FIELDS.get(change.field, change.field))


@register.filter
def card_url(identity: str) -> str:
    """The address of a model card; empty where the card is not installed here (any more)."""
    return cards.url(identity)
