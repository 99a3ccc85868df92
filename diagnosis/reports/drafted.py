"""What the author of a report had written, where whoever authorised it wrote something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from diagnosis.models import Report, finding
from diagnosis.models.review import Category

_HEADINGS = {
    "category": gettext_noop("Category"),
    "indication": gettext_noop("Indication"),
    "technique": gettext_noop("Technique"),
    "comparison": gettext_noop("Comparison"),
    "findings": gettext_noop("Findings"),
    "coded_findings": gettext_noop("Coded findings"),
    "impression": gettext_noop("Impression"),
}


def drafted(report: Report) -> list[tuple[str, str]]:
    """Heading and author's words of each part that was changed; empty where nothing was."""
    before: Mapping[str, Any] = report.snapshot.get("drafted", {})
    return [(_(heading), _said(name, before[name])) for name, heading in _HEADINGS.items() if name in before]


def _said(name: str, value: Any) -> str:
    if name == "category":
        return str(Category(value).label)
    said = "\n".join(finding.sentences(value)) if name == "coded_findings" else str(value)
    return said or _("None described.")
