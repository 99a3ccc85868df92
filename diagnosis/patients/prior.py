"""Earlier studies of the same patient and modality, for comparison."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from diagnosis.models import Scan

MOST = 5
_LOOKED_AT = 400


def taken_at(scan: Scan) -> datetime:
    """When the image was acquired; where the file does not say, when it was uploaded."""
    return scan.acquired_at or scan.uploaded_at


def prior_studies(scan: Scan) -> list[Scan]:
    """One scan of each earlier study, the latest study first: its only one, or the middle slice of a series."""
    same = Scan.objects.filter(patient=scan.patient_id, modality=scan.modality).exclude(pk=scan.pk)
    earlier = [one for one in same.order_by("-uploaded_at")[:_LOOKED_AT] if taken_at(one) < taken_at(scan)]
    studies = [_middle(group) for key, group in _by_study(earlier).items() if key != _study(scan)]
    return sorted(studies, key=taken_at, reverse=True)[:MOST]


def _study(scan: Scan) -> str:
    """A file without a study is one of its own."""
    return scan.study_instance_uid or scan.series_instance_uid or scan.pk.hex


def _by_study(scans: Iterable[Scan]) -> dict[str, list[Scan]]:
    groups: dict[str, list[Scan]] = {}
    for scan in scans:
        groups.setdefault(_study(scan), []).append(scan)
    return groups


def _middle(group: list[Scan]) -> Scan:
    ordered = sorted(group, key=lambda scan: (scan.instance_number or 0, scan.uploaded_at))
    return ordered[len(ordered) // 2]
