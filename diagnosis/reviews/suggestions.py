"""Sentences that a reader may put into a report, by modality and category; nothing is written unasked.

The categories are those of the RSNA consensus on chest CT in COVID-19 (Simpson et al., Radiology: Cardiothoracic
Imaging 2020;2(2):e200152). CO-RADS (Prokop et al., Radiology 2020;296:E97) grades chest CT alone; the grades here are
the usual counterparts of the categories, and the reader's own judgement replaces them. The wording is this portal's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from diagnosis.models.review import Category
from diagnosis.models.scan import Modality

Words = str | Promise


class Part(StrEnum):
    """The field of the report that a sentence belongs to."""

    FINDINGS = "findings"
    IMPRESSION = "impression"


@dataclass(frozen=True)
class Suggestion:
    category: Category
    part: Part
    text: Words


# CO-RADS 0 is an image that cannot be judged, 6 a case proven by a viral test; neither follows from a category.
CO_RADS: dict[Category, Words] = {
    Category.TYPICAL: _("4 to 5"),
    Category.INDETERMINATE: "3",
    Category.ATYPICAL: "2",
    Category.NEGATIVE: "1",
}

_TEST = _("The diagnosis rests on a viral test, not on imaging.")


def _then_test(words: Words) -> Words:
    return format_lazy("{words} {test}", words=words, test=_TEST)


_CT: dict[Category, dict[Part, tuple[Words, ...]]] = {
    Category.TYPICAL: {
        Part.FINDINGS: (
            _("Peripheral, bilateral ground-glass opacities."),
            _("Multifocal rounded ground-glass opacities, in part with consolidation."),
            _("Reversed halo sign."),
        ),
        Part.IMPRESSION: (
            _then_test(
                _("Features often seen in COVID-19 pneumonia (CO-RADS 5). Other viral pneumonias may look alike.")
            ),
            _then_test(_("Features suspicious for COVID-19 pneumonia, but not all of them typical (CO-RADS 4).")),
        ),
    },
    Category.INDETERMINATE: {
        Part.FINDINGS: (
            _("Diffuse perihilar ground-glass opacity, neither rounded nor peripheral."),
            _("A few small ground-glass opacities without a typical distribution."),
        ),
        Part.IMPRESSION: (
            _then_test(_("Features possible in COVID-19 pneumonia; other causes are equally likely (CO-RADS 3).")),
        ),
    },
    Category.ATYPICAL: {
        Part.FINDINGS: (
            _("Lobar consolidation without ground-glass opacity."),
            _("Centrilobular nodules with a tree-in-bud pattern."),
            _("Cavitation."),
            _("Smooth septal thickening with pleural effusion."),
        ),
        Part.IMPRESSION: (
            _("Features unusual for COVID-19 pneumonia; another diagnosis is more likely (CO-RADS 2): "),
        ),
    },
    Category.NEGATIVE: {
        Part.FINDINGS: (
            _("No opacity in either lung."),
            _("No pleural effusion, no enlarged lymph nodes."),
        ),
        Part.IMPRESSION: (
            _then_test(_("No sign of pneumonia on CT (CO-RADS 1). CT may be normal early in the course of COVID-19.")),
        ),
    },
}

_CXR: dict[Category, dict[Part, tuple[Words, ...]]] = {
    Category.TYPICAL: {
        Part.FINDINGS: (
            _("Bilateral opacities, predominantly peripheral and in the lower zones."),
            _("Multifocal patchy opacities in both lungs."),
        ),
        Part.IMPRESSION: (
            _then_test(_("Features often seen in COVID-19 pneumonia; other viral pneumonias may look alike.")),
        ),
    },
    Category.INDETERMINATE: {
        Part.FINDINGS: (_("Unilateral or perihilar opacity without a typical distribution."),),
        Part.IMPRESSION: (_then_test(_("Opacity that does not distinguish one type of pneumonia from another.")),),
    },
    Category.ATYPICAL: {
        Part.FINDINGS: (
            _("Lobar consolidation."),
            _("Pleural effusion."),
            _("Cavitation."),
            _("Pneumothorax."),
            _("Signs of pulmonary congestion."),
        ),
        Part.IMPRESSION: (_("Features unusual for COVID-19 pneumonia; another diagnosis is more likely: "),),
    },
    Category.NEGATIVE: {
        Part.FINDINGS: (
            _("Both lungs clear. No pleural effusion, no pneumothorax."),
            _("Heart and mediastinum normal in size and contour."),
        ),
        Part.IMPRESSION: (
            _then_test(_("No sign of pneumonia on this X-ray. A normal chest X-ray does not exclude COVID-19.")),
        ),
    },
}


SENTENCES = {Modality.CT: _CT, Modality.CXR: _CXR}


def for_modality(modality: Modality) -> list[Suggestion]:
    """Every sentence for images of that kind, in the order of the categories, findings first."""
    return list(_flat(SENTENCES[modality]))


def co_rads(modality: Modality, category: Category) -> str:
    """The CO-RADS grade that usually goes with the category, as text; empty for anything but CT."""
    return str(CO_RADS[category]) if modality == Modality.CT else ""


def _flat(table: dict[Category, dict[Part, tuple[Words, ...]]]) -> Iterator[Suggestion]:
    for category, parts in table.items():
        for part, texts in parts.items():
            for text in texts:
                yield Suggestion(category, part, text)
