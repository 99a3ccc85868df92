"""The images of a study as the viewer names them: one scan, and the list of what there is to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from diagnosis import formats
from diagnosis.models import Scan
from diagnosis.models.modality import Modality
from diagnosis.models.patient import Sex
from diagnosis.results import examined
from diagnosis.results.display_sets import DisplaySet, key_of
from ml.imaging.role import Role

SEX_UNKNOWN = gettext_lazy("sex unknown")
NOT_BORN = gettext_lazy("birth date not recorded")
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
    "photograph": gettext_lazy("Not classified: a photograph"),
}


def entry(scan: Scan) -> dict[str, Any]:
    """One scan as the viewer shows and names it; `position` in millimetres along the patient, towards the head."""
    config = {
        "id": str(scan.pk),
        "set": key_of(scan),
        "modality": scan.modality,
        "title": title(scan),
        "who": who(scan),
        "view": view(scan),
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
    return [
        first | _own(scan, {name: one.replace(key, str(scan.pk)) for name, one in addresses.items()}) for scan in scans
    ]


def _own(scan: Scan, addresses: dict[str, str]) -> dict[str, Any]:
    position = {"instance": scan.instance_number, "position": scan.slice_position}
    return addresses | position | {"id": str(scan.pk), "note": note(scan)}


def who(scan: Scan) -> list[str]:
    """Whose image it is, in two lines: the name; number, birth date with age, and sex."""
    patient = scan.patient
    born = patient.birth_date
    when = _("born %(day)s (%(age)s)") % {"day": formats.day(born), "age": formats.age(born)} if born else NOT_BORN
    sex = patient.get_sex_display() if patient.sex != Sex.UNKNOWN else SEX_UNKNOWN
    return [patient.name, f"{patient.medical_record_number} · {when} · {sex}"]


def view(scan: Scan) -> str:
    """The view of an X-ray where its file names one; of a slice its place in the series says enough."""
    return "" if scan.comes_in_series or not scan.role else role(scan)


def title(scan: Scan) -> str:
    """The examination and its date; where none is known, the words say so beside the day on which it was received."""
    study = scan.series.study
    when = formats.day(scan.acquired_at) if scan.acquired_at and not study.examined_at else examined.day(study)
    return f"{scan.get_modality_display()}, {when}"


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
