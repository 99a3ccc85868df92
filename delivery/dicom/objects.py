"""What all built objects share: who made them, when, and that building them again gives the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.utils import timezone

if TYPE_CHECKING:
    from pydicom import Dataset

# Codes that no standard has: what the classifiers are asked.
SCHEME = "99CIP"
COUNTRY = 2  # letters; RFC 5646 has them as capitals
PRODUCT = settings.MFA_TOTP_ISSUER
NOT_A_DIAGNOSIS = "NOT A DIAGNOSIS. Result of a computer, for research use."


@dataclass(frozen=True)
class Built:
    """One object as it goes out."""

    sop_class: str
    sop_instance: str
    data: bytes


def language_item(code: str) -> Any:
    """TID 1204 for a language of the portal such as "en-gb": that of every text in the document."""
    from highdicom import sr  # noqa: PLC0415  not in a web process

    language, _, region = code.partition("-")
    tag = f"{language}-{region.upper()}" if len(region) == COUNTRY else code
    name = LANG_INFO.get(code, {}).get("name", tag)
    return sr.LanguageOfContentItemAndDescendants(sr.CodedConcept(tag, "RFC5646", name))


def finish(made: Dataset, at: datetime) -> Built:
    """`at` in place of the moment in which it happens to be built."""
    local = timezone.localtime(at)
    day, hour = f"{local:%Y%m%d}", f"{local:%H%M%S}"
    for moment in ("InstanceCreation", "Content", "Series"):
        if f"{moment}Date" in made or moment == "InstanceCreation":
            setattr(made, f"{moment}Date", day)
            setattr(made, f"{moment}Time", hour)
    if "DateOfSecondaryCapture" in made:
        made.DateOfSecondaryCapture, made.TimeOfSecondaryCapture = day, hour
    for equipment in made.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = f"{day}{hour}"
    made.TimezoneOffsetFromUTC = f"{local:%z}"
    made.SpecificCharacterSet = "ISO_IR 192"
    made.Manufacturer, made.ManufacturerModelName = PRODUCT, PRODUCT
    made.SoftwareVersions, made.DeviceSerialNumber = settings.VERSION, "1"
    out = BytesIO()
    made.save_as(out, enforce_file_format=True)
    return Built(str(made.SOPClassUID), str(made.SOPInstanceUID), out.getvalue())
