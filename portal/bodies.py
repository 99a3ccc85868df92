"""How many bytes a request may bring, by its address. Whoever checks the portal's doors reads this one table."""

from __future__ import annotations

from django.conf import settings
from django.urls import Resolver404, resolve

from diagnosis.api.uploads import ENVELOPE_BYTES
from diagnosis.views.upload import LARGEST_FORM

# A report with every field at its longest, percent-encoded, is smaller.
SMALL: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
# A letterhead comes with a logo of up to 2 MB.
LETTERHEAD = 3 * 1024 * 1024
LETTERHEADS = ("admin:accounts_clinic_add", "admin:accounts_clinic_change")


def _largest_upload(view: str) -> int | None:
    """None where `view` takes no uploads. Base64 in JSON is a third larger than its bytes."""
    match view:
        case "diagnosis:scan-upload":
            return LARGEST_FORM
        case "api:scans" | "predecessor:sendbase64":
            return settings.UPLOAD_MAX_BYTES * 4 // 3 + ENVELOPE_BYTES
        case "predecessor:upload":
            return settings.UPLOAD_MAX_BYTES + ENVELOPE_BYTES
        case "api:archives" | "dicomweb:dicom-find-studies" | "dicomweb:dicom-study":
            return int(settings.UPLOAD_MAX_ARCHIVE_BYTES) + ENVELOPE_BYTES
    return None


def _view(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""


def upload_limit(path: str) -> int | None:
    """The most bytes that a signed-in person may send to `path` as an upload; None where it takes none."""
    return _largest_upload(_view(path))


def limit(path: str) -> int:
    """The most bytes that anybody may send to `path`, uploads apart."""
    return LETTERHEAD if _view(path) in LETTERHEADS else SMALL
