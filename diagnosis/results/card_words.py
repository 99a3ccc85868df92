"""What the cards of classifiers and ensembles say in fixed words, in the language of whoever reads.

A card is text that was written when its weights were measured, and rows and reports keep it as it was. The words that
the training writes are known here; those of imported weights stay as whoever imported them wrote them.
"""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

from diagnosis import formats
from diagnosis.results.labels import label_name
from diagnosis.results.retelling import Retelling

# What sensitivity, specificity and AUC were measured on; within a sentence, after "on".
_MEASURED_ON = (
    gettext_noop("the test part"),
    gettext_noop("the test part (%(images)d images, %(groups)d groups)"),
    gettext_noop("the images of %(places)s in the test part"),
    gettext_noop("the abnormal lungs of %(places)s in the test part"),
)
# What thresholds were chosen for; after a colon.
_CHOSEN_FOR = (
    gettext_noop(
        "sensitivity of at least %(sensitivity)s, the positive zone for a specificity of at least %(specificity)s, "
        "both on the validation part"
    ),
    gettext_noop(
        "sensitivity of at least %(sensitivity)s, the positive zone for a specificity of at least %(specificity)s, "
        "both on the validation part (%(places)s: %(with)d images of %(label)s in %(with_groups)d groups, "
        "%(without)d of other disease in %(without_groups)d groups)"
    ),
    gettext_noop(
        "sensitivity of at least %(sensitivity)s, the abnormal zone for a specificity of at least %(specificity)s, "
        "both on the validation part"
    ),
    gettext_noop(
        "sensitivity of at least %(sensitivity)s, the abnormal zone for a specificity of at least %(specificity)s, "
        "both on the validation part (%(places)s: %(with)d images of abnormal lungs in %(with_groups)d groups, "
        "%(without)d of normal ones in %(without_groups)d groups)"
    ),
)
_USES = (
    gettext_noop(
        "Research, teaching and demonstration: a second opinion on a frontal chest X-ray of an adult, read by a "
        "qualified person who decides. Decision support, not a diagnosis."
    ),
    gettext_noop(
        "Research, teaching and demonstration: a second opinion on one axial slice of a chest CT, read by a qualified "
        "person who decides. Decision support, not a diagnosis."
    ),
    gettext_noop(
        "Not for diagnosis, screening or triage of patients, and never alone. Not for children, nor for anything but a "
        "frontal chest X-ray of an adult. It has not been tested in any clinic, and images from places that it was not "
        "trained on may be judged wrongly."
    ),
    gettext_noop(
        "Not for diagnosis, screening or triage of patients, and never alone. Not for children, nor for anything but "
        "one axial slice of a chest CT. It has not been tested in any clinic, and images from places that it was not "
        "trained on may be judged wrongly."
    ),
    gettext_noop(
        "For research use only; the sources of the training images do not allow more. No training image is contained "
        "in the weights' folder."
    ),
)


def _value(name: str, text: str) -> str:
    """A value of a card as it stands in the sentence; the names of places stay."""
    if name == "places":
        most, between, last = text.rpartition(" and ")
        return gettext("%(most)s and %(last)s") % {"most": most, "last": last} if between else text
    if name == "label":
        return label_name(text)
    return formats.decimal(float(text))


_RETELLING = Retelling((*_MEASURED_ON, *_CHOSEN_FOR, *_USES), value=_value)


def tell(said: str) -> str:
    """What a card says, in the active language where the words are known; else as it is."""
    return _RETELLING.tell(said)
