"""What the viewer of a scan is told by the page that embeds it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Permission, allowed
from diagnosis import formats
from diagnosis.models import Prediction, Scan
from diagnosis.patients.prior import prior_studies
from diagnosis.results import colour, verdict
from diagnosis.rules import blinding, policies


def settings_of(scan: Scan, user: User, *, hide_result: bool = False) -> dict[str, Any]:
    """All addresses that the viewer needs. Where the result is hidden, nothing that leads to it is among them."""
    config: dict[str, Any] = {
        "self": reverse("diagnosis:scan-viewer", args=[scan.pk]),
        "scan": entry(scan),
        "prior": [entry(one) for one in prior_studies(scan)],
    }
    if hide_result or not may_see_result(user, scan):
        return config
    return config | result_of(scan)


def may_see_result(user: User, scan: Scan) -> bool:
    return allowed(user, Permission.VIEW_RESULT, scan.clinic) and not blinding.hides_result(user, scan.study_id)


def entry(scan: Scan) -> dict[str, Any]:
    """One scan, as the viewer shows and names it."""
    config = {
        "id": str(scan.pk),
        "modality": scan.modality,
        "title": title(scan),
        "instance": scan.instance_number,
        "greyscale": reverse("diagnosis:scan-greyscale", args=[scan.pk]),
        "image": reverse("diagnosis:scan-image", args=[scan.pk]),
    }
    if scan.in_series:
        config["series"] = reverse("diagnosis:scan-slices", args=[scan.pk])
    return config


def title(scan: Scan) -> str:
    if scan.acquired_at:
        return f"{scan.get_modality_display()}, {formats.day(scan.acquired_at)}"
    return _("%(modality)s, uploaded %(day)s") % {
        "modality": scan.get_modality_display(),
        "day": formats.day(scan.uploaded_at),
    }


def result_of(scan: Scan) -> dict[str, Any]:
    """Attention maps and, for a series, the address of the slices' scores."""
    analysis = policies.result_of(scan)
    config: dict[str, Any] = {}
    if scan.in_series:
        config["scores"] = reverse("diagnosis:scan-slice-scores", args=[scan.pk])
    if analysis:
        config["attention"] = attention(analysis.predictions.filter(image=scan))
        config["legend"] = colour.legend()
    return config


def attention(predictions: Iterable[Prediction]) -> list[dict[str, str]]:
    """The maps of those that have one, by the classifier's name."""
    return [_map(one) for one in sorted(predictions, key=lambda one: one.classifier) if one.attention]


def _map(prediction: Prediction) -> dict[str, str]:
    return {
        "name": f"{prediction.classifier} {prediction.version}",
        "shows": verdict.label_name(prediction.attention_label) if prediction.attention_label else "",
        "alarm": gettext(verdict.ATTENTION_OUTSIDE) if prediction.attends_outside_lungs else "",
        "url": reverse("diagnosis:prediction-attention", args=[prediction.pk]),
    }
