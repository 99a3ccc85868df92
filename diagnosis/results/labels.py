"""The names of the classes that classifiers tell apart."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

# A class is a pattern in an image, not a disease.
LABELS = {
    "covid": gettext_noop("COVID-19 pattern"),
    "pneumonia": gettext_noop("other pneumonia pattern"),
    "normal": gettext_noop("normal-looking lung"),
    "non-covid": gettext_noop("no COVID-19 pattern"),
}

# The pattern that the readers' categories speak of, and the classes that an operating point may be for in its place.
LOOKED_FOR = "covid"
OTHERS = frozenset(LABELS) - {LOOKED_FOR}


def label_name(label: str) -> str:
    return gettext(LABELS[label]) if label in LABELS else label.replace("_", " ")
