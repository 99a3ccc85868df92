"""The picture that goes with a report on paper."""

from __future__ import annotations

from diagnosis.errors import FileRefused
from diagnosis.models import Report
from diagnosis.scans import rendition


def picture_of(report: Report) -> bytes | None:
    """A PNG of the image that stands for what it reports on; None where the file cannot be read."""
    try:
        return rendition.rendition(report.scan, 1024)
    except (FileRefused, OSError):
        return None  # the words matter more; the page says that the picture is missing
