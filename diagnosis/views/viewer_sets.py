"""The images of a study as the viewer names them: one scan, and the list of what there is to look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from diagnosis import formats
from diagnosis.models import Scan
from diagnosis.models.modality import Modality
from diagnosis.results import examined
from diagnosis.results.display_sets import DisplaySet, key_of
from ml.imaging.role import Role

# By modality and role; what names no role goes by its modality.
_ROLES = {
    (Modality.CXR, Role.FRONTAL): pgettext_lazy("view", "Frontal"),
    (Modality.CXR, Role.LATERAL): pgettext_lazy("view", "Lateral"),
    (Modality.CXR, Role.OTHER): pgettext_lazy("view", "Another view"),
    (Modality.CT, Role.AXIAL): pgettext_lazy("series", "Axial slices"),
    (Modality.CT, Role.SCOUT): pgettext_lazy("series", "Scout"),
    (Modality.CT, Role.DERIVED): pgettext_lazy("series", "Made from slices"),
    (Modality.CT, Role.OTHER): pgettext_lazy("series", "Other planes"),
}
# In a word or two, for what lies over the image; `Scan.not_classified` is the whole sentence.
_NOT_CLASSIFIED = {
    "lateral": gettext_lazy("Not classified: lateral view"),
    "oblique": gettext_lazy("Not classified: oblique view"),
    "scout": gettext_lazy("Not classified: scout"),
    "reformat": gettext_lazy("Not classified: not an axial slice"),
    "derived": gettext_lazy("Not classified: not an original slice"),
    "capture": gettext_lazy("Not classified: no Hounsfield units"),
    "values": gettext_lazy("Not classified: no Hounsfield units"),
}


def entry(scan: Scan) -> dict[str, Any]:
    """One scan as the viewer shows and names it; `position` in millimetres along the patient, towards the head."""
    config = {
        "id": str(scan.pk),
        "set": key_of(scan),
        "modality": scan.modality,
        "title": title(scan),
        "instance": scan.instance_number,
        "position": scan.slice_position,
        "note": note(scan),
        "greyscale": reverse("diagnosis:scan-greyscale", args=[scan.pk]),
        "image": reverse("diagnosis:scan-image", args=[scan.pk]),
    }
    if scan.comes_in_series:
        config["series"] = reverse("diagnosis:scan-slices", args=[scan.pk])
    return config


def entries(scans: Sequence[Scan]) -> list[dict[str, Any]]:
    """The slices of one series: what they have in common is worked out once, for there are hundreds."""
    if not scans:
        return []
    first, key = entry(scans[0]), str(scans[0].pk)
    addresses = {name: value for name, value in first.items() if name in ("greyscale", "image", "series")}
    titles = {day_of(scans[0]): first["title"]}
    found = []
    for scan in scans:
        day = day_of(scan)
        titles[day] = titles.get(day) or title(scan)
        own = {name: address.replace(key, str(scan.pk)) for name, address in addresses.items()}
        own |= {"id": str(scan.pk), "instance": scan.instance_number, "position": scan.slice_position}
        found.append(first | own | {"title": titles[day], "note": note(scan)})
    return found


def day_of(scan: Scan) -> tuple[bool, date]:
    """What the title tells images of one kind apart by."""
    if scan.acquired_at:
        return False, localtime(scan.acquired_at).date()
    return True, localtime(scan.study.taken_at).date()


def title(scan: Scan) -> str:
    if scan.acquired_at:
        return f"{scan.get_modality_display()}, {formats.day(scan.acquired_at)}"
    if scan.study.examined_at:
        return f"{scan.get_modality_display()}, {examined.day(scan.study)}"
    return _("%(modality)s, uploaded %(day)s") % {
        "modality": scan.get_modality_display(),
        "day": formats.day(scan.uploaded_at),
    }


def note(scan: Scan) -> str:
    """Why it has no probability, shortly; empty where it may have one."""
    if not scan.not_classified_code:
        return ""
    return str(_NOT_CLASSIFIED.get(scan.not_classified_params.get("variant", ""), _("Not classified")))


def listed(group: DisplaySet) -> dict[str, Any]:
    """One line of the list of series: `opens` is shown when it is chosen, `why` says of `note` the whole sentence."""
    middle = group.middle
    return {
        "id": group.key,
        "title": role(middle),
        "description": middle.series.description,
        "count": _count(group),
        "note": note(middle),
        "why": middle.not_classified,
        "thumbnail": reverse("diagnosis:scan-thumbnail", args=[middle.pk]),
        "opens": entry(middle),
    }


def role(scan: Scan) -> str:
    """Which part it plays in the study, with the view as the file names it."""
    name = _ROLES.get((Modality(scan.modality), Role(scan.role or Role.UNKNOWN)), scan.get_modality_display())
    if scan.comes_in_series or not scan.view_position:
        return str(name)
    return f"{name}, {scan.view_position}"


def _count(group: DisplaySet) -> str:
    count = len(group.images)
    return ngettext("%(count)s image", "%(count)s images", count) % {"count": count} if count > 1 else ""
