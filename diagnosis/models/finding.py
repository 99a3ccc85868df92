"""Findings of the chest as coded choices: what a reader saw, saw to be absent, or could not tell.

Codes are from RadLex (https://radlex.org, free to use); cardiomegaly has none there and takes SNOMED CT's. A finding
for which neither has an exact concept has no code, and its own name stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

RADLEX, SNOMED_CT = "RADLEX", "SCT"


class Finding(models.TextChoices):
    EFFUSION = "effusion", gettext_lazy("Pleural effusion")
    PNEUMOTHORAX = "pneumothorax", gettext_lazy("Pneumothorax")
    CONSOLIDATION = "consolidation", gettext_lazy("Consolidation")
    GROUND_GLASS = "ground_glass", gettext_lazy("Ground-glass opacity")
    NODULE = "nodule", gettext_lazy("Lung nodule")
    MASS = "mass", gettext_lazy("Lung mass")
    ATELECTASIS = "atelectasis", gettext_lazy("Atelectasis")
    OEDEMA = "oedema", gettext_lazy("Pulmonary oedema")
    CARDIOMEGALY = "cardiomegaly", gettext_lazy("Cardiomegaly")
    FRACTURE = "fracture", gettext_lazy("Fracture")
    DEVICE = "device", gettext_lazy("Tube, line or device")
    DEVICE_MALPOSITION = "malposition", gettext_lazy("Tube, line or device not in its proper position")


class Presence(models.TextChoices):
    PRESENT = "present", gettext_lazy("Present")
    ABSENT = "absent", gettext_lazy("Absent")
    UNCLEAR = "unclear", gettext_lazy("Unclear")


class Side(models.TextChoices):
    RIGHT = "right", gettext_lazy("Right")
    LEFT = "left", gettext_lazy("Left")
    BOTH = "both", gettext_lazy("Both sides")


# Inside a sentence. Not made by changing the case of the labels: languages differ in which words are capitalised.
_PRESENCE: Mapping[Presence, StrOrPromise] = {
    Presence.PRESENT: pgettext_lazy("of a finding, inside a sentence", "present"),
    Presence.ABSENT: pgettext_lazy("of a finding, inside a sentence", "absent"),
    Presence.UNCLEAR: pgettext_lazy("of a finding, inside a sentence", "unclear"),
}
_SIDE: Mapping[Side, StrOrPromise] = {
    Side.RIGHT: pgettext_lazy("of a finding, inside a sentence", "right"),
    Side.LEFT: pgettext_lazy("of a finding, inside a sentence", "left"),
    Side.BOTH: pgettext_lazy("of a finding, inside a sentence", "both sides"),
}


@dataclass(frozen=True)
class Coding:
    """A concept of a public terminology; `meaning` is the concept's own name there."""

    scheme: str
    value: str
    meaning: str


CODES: Mapping[Finding, Coding] = {
    Finding.EFFUSION: Coding(RADLEX, "RID34539", "pleural effusion"),
    Finding.PNEUMOTHORAX: Coding(RADLEX, "RID5352", "pneumothorax"),
    Finding.CONSOLIDATION: Coding(RADLEX, "RID43255", "consolidation"),
    Finding.GROUND_GLASS: Coding(RADLEX, "RID28531", "ground-glass opacity"),
    Finding.NODULE: Coding(RADLEX, "RID50149", "pulmonary nodule"),
    Finding.MASS: Coding(RADLEX, "RID39056", "lung mass"),
    Finding.ATELECTASIS: Coding(RADLEX, "RID28493", "atelectasis"),
    Finding.OEDEMA: Coding(RADLEX, "RID4866", "pulmonary edema"),
    Finding.CARDIOMEGALY: Coding(SNOMED_CT, "8186001", "Cardiomegaly"),
    Finding.FRACTURE: Coding(RADLEX, "RID4650", "fracture"),
}
# Of these no side is asked.
WITHOUT_SIDE = frozenset({Finding.CARDIOMEGALY})


def coded(finding: Finding, presence: Presence, side: Side | None = None) -> dict[str, Any]:
    """As it is stored: with the code of today, so that a later table changes no earlier report."""
    code = CODES.get(finding)
    return {
        "finding": str(finding),
        "presence": str(presence),
        "side": str(side) if side else "",
        "code": {"scheme": code.scheme, "value": code.value, "meaning": code.meaning} if code else None,
    }


def sentences(stored: Iterable[Mapping[str, Any]]) -> list[str]:
    """ "Pleural effusion: present, left", one for each, in the active language."""
    return [_sentence(one) for one in stored]


def _sentence(one: Mapping[str, Any]) -> str:
    said = {"finding": Finding(one["finding"]).label, "presence": _PRESENCE[Presence(one["presence"])]}
    if not one["side"]:
        return _("%(finding)s: %(presence)s") % said
    return _("%(finding)s: %(presence)s, %(side)s") % {**said, "side": _SIDE[Side(one["side"])]}
