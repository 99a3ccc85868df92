"""The addresses that answers name."""

from __future__ import annotations

from django.urls import reverse
from rest_framework.request import Request

from diagnosis.models import Scan
from dicomweb.attributes import Attributes, value

RETRIEVE_URL = "00081190"


def of(request: Request, *uids: str) -> str:
    """Of a study, of a series, or of an instance, by as many UIDs."""
    name = ("study", "series", "instance")[len(uids) - 1]
    return request.build_absolute_uri(reverse(f"dicomweb:dicom-{name}", args=uids))


def uids_of(scan: Scan) -> tuple[str, str, str]:
    return scan.study.study_instance_uid, scan.series.series_instance_uid, scan.sop_instance_uid


def retrieve(request: Request, *uids: str) -> Attributes:
    return {RETRIEVE_URL: value("UR", of(request, *uids))}
