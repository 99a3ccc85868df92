"""Is this image here already? By its SOP Instance UID, which should be one image's for ever and is not always."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.utils.translation import gettext as _

from accounts.models import Clinic, User
from diagnosis import formats
from diagnosis.errors import AttachedElsewhere, Difference, FileRefused, IdentityMismatch
from diagnosis.models import Patient, Scan
from diagnosis.models.confidentiality import hides_any
from diagnosis.scans import intake

log = logging.getLogger(__name__)


def find_namesakes(accepted: Iterable[intake.AcceptedFile], clinic: Clinic) -> dict[str, list[Scan]]:
    """The images of the clinic that bear the same SOP Instance UIDs, by these."""
    uids = {uid for file in accepted if (uid := file.sop_instance_uid)}
    if not uids:
        return {}
    found: dict[str, list[Scan]] = {}
    named_alike = Scan.objects.in_clinic(clinic).filter(sop_instance_uid__in=uids)
    for scan in named_alike.select_related("patient", "series__study__clinic"):
        found.setdefault(scan.sop_instance_uid, []).append(scan)
    return found


def find_same_image(
    accepted: intake.AcceptedFile, namesakes: Iterable[Scan], patient: Patient, *, by: User
) -> tuple[Scan | None, list[Difference]]:
    """The earlier image if the file is the same one exported again, and what a person has to compare if it is not.

    One UID with the same pixels is the earlier image, whatever else the header says now. With other pixels, one of the
    two has a wrong UID, and only a person can say whether this one may be kept. Raises AttachedElsewhere where the same
    image is with another patient; a confidential record that is hidden from `by` is not named. `namesakes` as
    `find_namesakes` finds them.
    """
    others = []
    for scan in namesakes:
        if _pixels_of(scan) != accepted.inspection.pixel_sha256:
            others.append(scan)
        elif scan.patient_id != patient.pk:
            raise AttachedElsewhere(scan, hidden=hides_any(by, [scan.patient_id]))
        else:
            return scan, []
    return None, [_difference(accepted.sop_instance_uid, scan, by) for scan in others[:1]]


def find_bearer(mismatch: IdentityMismatch, *, patient: Patient, by: User) -> Patient | None:
    """Whose record number the file bears that is not `patient`'s; nobody outside the clinic."""
    numbers = [one.in_file for one in mismatch.differences if one.field == "record number"]
    others = Patient.objects.visible_to(by).current().filter(clinic=patient.clinic)
    return others.filter(medical_record_number__in=numbers).first() if numbers else None


def _pixels_of(scan: Scan) -> str:
    """The hash that was kept, or one made now for a row from before there were any; empty where it cannot be made."""
    if scan.pixel_sha256:
        return scan.pixel_sha256
    try:
        with scan.original.open("rb") as file:
            found = intake.inspect(file.read(), patient=scan.patient_id).pixel_sha256
    except (OSError, FileRefused):
        log.exception("no hash of the pixels of scan %s", scan.pk)
        return ""
    Scan.objects.filter(pk=scan.pk, pixel_sha256="").update(pixel_sha256=found)
    return found


def _difference(uid: str, scan: Scan, by: User) -> Difference:
    whose = _("a confidential record") if hides_any(by, [scan.patient_id]) else scan.patient
    there = _("an image with other pixels, uploaded %(day)s, of %(patient)s") % {
        "day": formats.day(scan.uploaded_at),
        "patient": whose,
    }
    return Difference("image", uid, there)
